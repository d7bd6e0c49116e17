"""The clocks of a run: one for what is written down, and one that nobody sets for how long things last."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_DRIFT: Final = timedelta(seconds=5)
"""What NTP corrects little by little; by more than that somebody has set the clock."""


class RunClock:
    """A run lasts for minutes and decides by durations: a clock that is set in between must not decide for it."""

    def __init__(self, now: Callable[[], datetime], elapsed: Callable[[], float], counted_from: str) -> None:
        """`now` is the wall clock, `elapsed` counts seconds from any moment and is never set.

        `counted_from` names that moment where other runs count from it, too, as from the start of the machine.
        """
        self._counted_from: Final = counted_from
        self._now: Final = now
        self._elapsed: Final = elapsed
        self._start: Final = now()
        self._start_elapsed: Final = elapsed()
        self._was_set = False

    def now(self) -> datetime:
        """The wall clock: for what people read and for what other runs compare."""
        now = self._now()
        self._was_set = self._was_set or abs(now - self.steady()) > _DRIFT
        return now

    def steady(self) -> datetime:
        """The time by the wall clock as it was when the run began: for everything that lasts."""
        return self._start + timedelta(seconds=self._elapsed() - self._start_elapsed)

    @property
    def counter(self) -> str:
        """The present moment, for runs that count from the same one; empty where none does."""
        return f"{self._elapsed()!r} {self._counted_from}" if self._counted_from else ""

    def since(self, counter: str) -> timedelta | None:
        """How long ago an earlier run's `counter` was; None where it counted from another moment."""
        seconds, _, counted_from = counter.partition(" ")
        if not counted_from or counted_from != self._counted_from:
            return None
        return max(timedelta(seconds=self._elapsed() - float(seconds)), timedelta(0))

    def as_set_now(self, time: datetime, counter: str) -> datetime:
        """What an earlier run noted as `time`, by the wall clock as it is set now."""
        since = self.since(counter)
        if since is None:
            return time
        now = self.now()
        return now - since if abs(now - since - time) > _DRIFT else time

    @property
    def was_set(self) -> bool:
        """Whether the wall clock was set since the run began, as far as it was read."""
        return self._was_set
