"""Whether the set-up is sound: what is known of credentials and orgs, and rules that say what is wrong with it."""
