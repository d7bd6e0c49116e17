"""What was seen and done, in SQLite or Postgres. Rooms: alerts > journal > engine > locks, signing > failures."""
