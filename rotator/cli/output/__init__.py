"""What is printed: tables, progress, endings."""
