"""The decision of a rotation: what was observed, what is wanted, the time, the next action."""
