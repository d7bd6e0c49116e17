"""The types of metadata: what each has, and how its components are read and written."""
