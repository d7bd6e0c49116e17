"""Several machines on one database: what is said of them and their queue, and told to people."""
