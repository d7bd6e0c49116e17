"""What people are told, who is told, and the sending of it."""
