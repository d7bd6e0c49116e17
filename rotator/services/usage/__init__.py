"""Who still uses the old key: what login histories tell while the grace of a previous version lasts."""
