"""One rotation of a credential at a time, whatever dies."""
