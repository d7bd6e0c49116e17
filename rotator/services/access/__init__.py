"""What lets a credential's user in, and what was given out to him: taken away, and given back."""
