"""What is due by the wall clock, and the jobs that do it."""
