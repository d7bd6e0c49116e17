"""How many jobs run at once that mostly wait for somebody else: as many as leave the processor no time to wait."""

from __future__ import annotations

from typing import Final

FEWEST: Final = 4
"""At once, whatever they do; and at first, while nobody knows."""

_KEPT: Final = 0.9
"""How much of what was seen before still counts when one more job has ended."""

_LEAST_WORK: Final = 0.001
"""Seconds of the processor that a job is taken to need at the least."""


class Concurrency:
    """Follows how much of their time jobs work, and how much they wait.

    A job that works for a tenth of its time leaves room for nine others: together they keep a processor busy, and more
    of them would only wait for it. So far orgs are asked many at once, and near ones few, with less memory. It goes up
    or down by one with each job that ends: as many jobs as run at once double it in the time that one takes.
    """

    def __init__(self) -> None:
        self.at_once = FEWEST
        self._seconds = 0.0
        self._worked = 0.0

    def ended(self, seconds: float, worked: float, *, most: int) -> None:
        """A job took so many seconds, and the processor worked at it for `worked` of them."""
        self._seconds = self._seconds * _KEPT + seconds
        self._worked = self._worked * _KEPT + max(worked, _LEAST_WORK)
        wanted = self._seconds / self._worked
        if wanted >= self.at_once + 1 and self.at_once < most:
            self.at_once += 1
        elif (wanted < self.at_once or self.at_once > most) and self.at_once > FEWEST:
            self.at_once -= 1
