"""`rotator run`: the process that does what is due, on a short tick; it decides nothing about what that is."""
