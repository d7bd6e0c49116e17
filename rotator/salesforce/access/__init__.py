"""Who may use the apps of an org, who uses them, and what was given out to those who logged in."""
