"""The database itself: opened, upgraded, used in whole transactions, SQLite and Postgres alike."""
