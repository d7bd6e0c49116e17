"""Orgs put on ports over TLS, kept in a file, exported, and controlled by tests."""
