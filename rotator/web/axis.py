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

_ROOM: Final = 4.0
"""Between two labels, so that they do not touch."""

_ROOM_ON_A_PHONE: Final = 9.0


@dataclass(frozen=True)
class Mark:
    """One line across the picture."""

    at: float
    label: str
    """Empty where there is no room for one."""
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
        return [*self._spaced(self._threshold_labels(), TODAY), *self._months()]

    def _of(self, ahead: timedelta) -> float:
        return round(TODAY + (_END - TODAY) * sqrt(ahead / HORIZON), 2)

    def _threshold_labels(self) -> Iterator[tuple[float, str, bool]]:
        for threshold in self._thresholds:
            yield self._of(threshold), label(threshold), True

    def _months(self) -> list[Mark]:
        first = self.now + max([timedelta(days=30), *self._thresholds])
        begins = [month for month in _month_starts(self.now) if month > first]
        labelled = ((self.position(month), _name(month), False) for month in begins if self.position(month) < _END)
        return self._spaced(labelled, self.position(first))

    @staticmethod
    def _spaced(wanted: Iterable[tuple[float, str, bool]], begin: float) -> list[Mark]:
        marks, last, last_on_a_phone = [], begin, begin
        for at, text, is_threshold in wanted:
            has_room = at - last >= _ROOM
            is_minor = at - last_on_a_phone < _ROOM_ON_A_PHONE
            marks.append(Mark(at, text if has_room else "", is_threshold, is_minor))
            last = at if has_room else last
            last_on_a_phone = last_on_a_phone if is_minor else at
        return marks


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
