"""Who uses credentials: the program's own logins, and what login histories and consumers tell."""
