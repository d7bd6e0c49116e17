"""The time axis of the pictures: from what has expired, over today, to what is far away.

The next weeks are drawn wide and the next year narrow, as a street is seen by who stands in it: distances go by the
square root of the time. All positions are per cent of the width, so that a picture fits every screen without a script.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta
from math import sqrt
from typing import TYPE_CHECKING, Final

from rotator.core.thresholds import label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HORIZON: Final = timedelta(days=400)
"""What lies farther ahead stands at the edge."""

TODAY: Final = 6.0
"""Where today is; left of it is what has expired."""

_END: Final = 95.0
"""Where the horizon is; right of it is what comes later."""

PAST: Final = 2.5
LATER: Final = 98.5

_WIDE: Final = (1.3, 0.9)
_NARROW: Final = (1.8, 1.4)
"""What a letter of a label and the air between two labels take, in per cent of the width of a picture."""


@dataclass(frozen=True)
class Mark:
    """One line across the picture."""

    at: float
    label: str
    is_labelled: bool
    """Whether there is room for the label."""
    is_threshold: bool
    """Whether people are told when it is crossed; otherwise a month begins there."""
    is_minor: bool
    """Whether a narrow screen leaves its label out."""


class Axis:
    """Positions as they are at `now`."""

    def __init__(self, now: datetime, thresholds: Iterable[timedelta]) -> None:
        self.now: Final = now
        self._thresholds: Final = sorted(each for each in thresholds if each <= HORIZON)

    def position(self, time: datetime) -> float:
        """Where a time is, in per cent from the left."""
        ahead = time - self.now
        if ahead < timedelta(0):
            return PAST
        return self._of(ahead) if ahead <= HORIZON else LATER

    @property
    def marks(self) -> list[Mark]:
        """Thresholds, then the months behind the last of them."""
        thresholds = ((self._of(each), label(each), True) for each in self._thresholds)
        return _labelled([*thresholds, *self._months()])

    def _of(self, ahead: timedelta) -> float:
        return round(TODAY + (_END - TODAY) * sqrt(ahead / HORIZON), 2)

    def _months(self) -> Iterator[tuple[float, str, bool]]:
        first = self.now + max([timedelta(days=30), *self._thresholds])
        for month in _month_starts(self.now):
            if month > first and self.position(month) < _END:
                yield self.position(month), _name(month), False


def _labelled(wanted: Iterable[tuple[float, str, bool]]) -> list[Mark]:
    """Marks, with their labels where there is room for them beside those before."""
    marks, wide, narrow = [], (TODAY, "today"), (TODAY, "today")
    for at, text, is_threshold in wanted:
        is_shown, is_minor = _has_room(wide, (at, text), _WIDE), not _has_room(narrow, (at, text), _NARROW)
        marks.append(Mark(at, text, is_shown, is_threshold, is_minor))
        wide = (at, text) if is_shown else wide
        narrow = narrow if is_minor else (at, text)
    return marks


def _has_room(before: tuple[float, str], this: tuple[float, str], sizes: tuple[float, float]) -> bool:
    letter, air = sizes
    return this[0] - before[0] >= air + letter * (len(before[1]) + len(this[1])) / 2


def _month_starts(now: datetime) -> Iterator[datetime]:
    for ahead in range(1, 15):
        years, month = divmod(now.month - 1 + ahead, 12)
        # A clock that is as far ahead as a year can be counted has no months to come.
        if now.year + years <= MAXYEAR:
            yield datetime(now.year + years, month + 1, 1, tzinfo=UTC)


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _name(month: datetime) -> str:
    # Not by strftime, which speaks the language of the machine. A new year says which it is.
    return str(month.year) if month.month == 1 else _MONTHS[month.month - 1]
