"""Rotations and the append-only, chained journal of events."""
