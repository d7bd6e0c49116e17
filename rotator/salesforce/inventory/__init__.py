"""Everything in an org that holds a certificate: listed in few calls, read by tens, what cannot be read told."""
