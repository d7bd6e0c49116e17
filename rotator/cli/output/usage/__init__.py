"""Who logs in with a credential."""
