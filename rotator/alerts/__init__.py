"""Where people are told: Slack, e-mail, and anything that Apprise reaches."""
