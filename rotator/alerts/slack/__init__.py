"""Slack, by bot and by incoming webhook."""
