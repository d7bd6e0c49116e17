"""Several machines that share the work of one database."""
