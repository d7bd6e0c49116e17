"""For the tests of rotator and of plug-ins: what every store promises, and versions to try it with.

Nothing else in the package imports this.
"""
