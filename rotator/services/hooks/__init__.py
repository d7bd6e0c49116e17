"""Hooks: which calls are due, and what becomes of each."""
