"""The only package that knows Salesforce: logins by JWT, sessions, connected apps over the Metadata API."""
