"""The audit: facts gathered from configuration, stores, history and orgs, and what the rules say of them."""
