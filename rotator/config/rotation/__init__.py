"""How credentials are rotated, as config.yaml says it."""
