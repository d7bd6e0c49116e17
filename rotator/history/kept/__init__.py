"""Rows that a process keeps between two looks at the history, and reads again as far as they have changed."""
