"""The org itself: users, apps, components, tokens, settings. No HTTP."""
