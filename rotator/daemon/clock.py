"""Whether somebody set the wall clock: it is compared with one that nobody sets."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

TOLERANCE: Final = timedelta(seconds=2)
"""A smaller shift between two looks is the clock being slewed, or the machine being slow."""


class ClockWatch:
    """Compares the wall clock with the monotonic one, from one look to the next.

    The monotonic clock rests while the machine is suspended (clock_gettime(2), CLOCK_MONOTONIC), so that is seen as a
    step ahead.
    """

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._now: Final = now
        self._monotonic: Final = monotonic
        self._wall, self._steady = now(), monotonic()

    def shift(self) -> timedelta:
        """By how much the wall clock was set since the last look: ahead is positive; nothing within the tolerance."""
        before, self._wall = self._wall, self._now()
        passed, self._steady = self._monotonic() - self._steady, self._monotonic()
        shift = self._wall - before - timedelta(seconds=passed)
        return shift if abs(shift) > TOLERANCE else timedelta(0)
