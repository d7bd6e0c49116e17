"""Who logs in with a credential, and with which version of it: what an org's login history and consumers tell."""
