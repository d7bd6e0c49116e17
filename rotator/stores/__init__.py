"""Stores keep versions of credentials, private keys and all. Each module is the only place that knows its system."""
