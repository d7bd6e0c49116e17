"""The queue between several machines: jobs that were asked for, in a schema of its own in the history's Postgres."""
