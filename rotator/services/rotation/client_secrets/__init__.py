"""Client secrets: observing their pairs, staging and rotating them, taking over one that is in use."""
