"""What databases and disks say when they refuse, in the words of a person who must act on it."""
