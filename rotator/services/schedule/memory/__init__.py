"""What jobs tell those who ask what is due: by the memory of one process, or by the database of several machines."""
