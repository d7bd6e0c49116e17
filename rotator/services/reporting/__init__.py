"""What people and monitors are shown, from the history alone."""
