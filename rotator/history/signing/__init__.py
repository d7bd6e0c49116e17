"""The installation's signature on what it writes: the key, heads of the chain that are kept elsewhere."""
