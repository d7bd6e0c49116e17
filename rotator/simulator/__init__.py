"""The simulated org: answers JWT logins and Metadata API calls as Salesforce does, on loopback, over TLS."""
