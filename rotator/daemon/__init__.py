"""`rotator run`: what is due is done on a short tick, for years."""
