"""Alerts that are open or over, and the outbox of what channels are to be sent."""
