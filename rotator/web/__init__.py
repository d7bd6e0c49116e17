"""Health, metrics and the status page, over HTTP. Nothing here changes anything."""
