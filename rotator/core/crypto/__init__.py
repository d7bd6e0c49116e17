"""Keys, certificates and keystores."""
