"""The commands. They show, and decide nothing."""
