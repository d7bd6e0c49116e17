"""The pictures: bars for certificates along a time axis, or columns for weeks where there are too many for bars.

The axis goes from what has expired, over today, to what is far away. The next weeks are drawn wide and the next year
narrow, as a street is seen by who stands in it: distances go by the square root of the time. All positions are per cent
of the width, so that a picture fits every screen without a script.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta
from math import sqrt
from typing import TYPE_CHECKING, Final

from rotator.core.lifecycle.states import CertificateState
from rotator.core.thresholds import label, later
from rotator.web.looks import Look, worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rotator.core.lifecycle.certificate_life import CertificateLife

HORIZON: Final = timedelta(days=400)
"""What lies farther ahead stands at the edge."""

TODAY: Final = 6.0
"""Where today is; left of it is what has expired."""

_END: Final = 95.0
"""Where the horizon is; right of it is what comes later."""

PAST: Final = 2.5
LATER: Final = 98.5

_WIDE: Final = (1.3, 0.9)
_NARROW: Final = (2.2, 1.6)
"""What a letter of a label and the air between two labels take, in per cent of a picture of 30rem, and of 17rem."""


_END_OF_AXIS: Final = (96.75, "later")
"""The label at the right edge, by its middle; a narrow picture leaves it out."""


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
    """Whether a picture below 30rem leaves its label out (`pages/style.css`)."""


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
        is_shown = _has_room(wide, (at, text), _WIDE) and _has_room((at, text), _END_OF_AXIS, _WIDE)
        is_minor = not _has_room(narrow, (at, text), _NARROW)
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


MOST_BARS: Final = 40
"""More are grouped."""

_WEEK: Final = timedelta(days=7)
_WEEKS: Final = 58
"""The horizon of the axis, in whole weeks."""


@dataclass(frozen=True)
class Bar:
    """The time that one certificate has left, or since when it has none."""

    line: CertificateLife
    end: float
    """Where it expires."""
    rotation: float | None
    """Where a rotation is due to replace it."""

    @property
    def left(self) -> float:
        """Where the bar begins."""
        return min(TODAY, self.end)

    @property
    def width(self) -> float:
        """From there to its end."""
        return round(abs(self.end - TODAY), 2)


def bar(line: CertificateLife, axis: Axis) -> Bar:
    """The bar of one certificate. A rotation that is due already is shown where today is."""
    rotation = max(axis.position(line.due_at), TODAY) if line.due_at else None
    return Bar(line, axis.position(line.not_after), rotation)


@dataclass(frozen=True)
class Column:
    """The certificates that expire in one week."""

    begins: datetime
    look: Look
    """Of the most urgent of them."""
    alone: int
    """So many that nothing replaces unless a person does."""
    managed: int

    @property
    def count(self) -> int:
        """All of them."""
        return self.alone + self.managed


@dataclass(frozen=True)
class Columns:
    """All weeks of the year ahead, and what lies before and behind them."""

    weeks: tuple[Column, ...]
    expired: int
    later: int

    @property
    def highest(self) -> int:
        """The most certificates in a week."""
        return max((week.count for week in self.weeks), default=0)


def columns(lines: Sequence[CertificateLife], now: datetime) -> Columns:
    """Counts by week from `now` on."""
    weeks: list[list[CertificateLife]] = [[] for _ in range(_WEEKS)]
    expired = 0
    for line in lines:
        if line.state is CertificateState.EXPIRED:
            expired += 1
            continue
        number = (line.not_after - now) // _WEEK
        if 0 <= number < _WEEKS:
            weeks[number].append(line)
    by_week: list[Column] = []
    for number, week in enumerate(weeks):
        managed = sum(line.due_at is not None for line in week)
        by_week.append(Column(now + number * _WEEK, worst(week), len(week) - managed, managed))
    return Columns(tuple(by_week), expired, len(lines) - sum(map(len, weeks)) - expired)


@dataclass(frozen=True)
class Period:
    """How long certificates have left, in a word for addresses and one for people."""

    key: str
    label: str
    least: timedelta
    most: timedelta

    def holds(self, line: CertificateLife, now: datetime) -> bool:
        """Whether the certificate expires in this period."""
        left = line.not_after - now
        return self.least < left <= self.most


_EDGES: Final = (
    ("expired", "expired", timedelta.min, timedelta(0)),
    ("7d", "7 days", timedelta(0), timedelta(days=7)),
    ("30d", "30 days", timedelta(days=7), timedelta(days=30)),
    ("60d", "60 days", timedelta(days=30), timedelta(days=60)),
    ("180d", "180 days", timedelta(days=60), timedelta(days=180)),
    ("365d", "a year", timedelta(days=180), timedelta(days=365)),
    ("later", "later", timedelta(days=365), timedelta.max),
)
PERIODS: Final = tuple(Period(*edges) for edges in _EDGES)
_MOSTS: Final = [period.most for period in PERIODS]
"""One after the other, as each period begins where the one before has its end."""


@dataclass(frozen=True)
class PeriodsOfOrg:
    """How many certificates of one org expire in each of PERIODS."""

    org: str
    """Empty for those of all orgs that have no line of their own."""
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts)


def by_org(lines: Iterable[CertificateLife], now: datetime) -> list[PeriodsOfOrg]:
    """A line for each org, the one with the most urgent certificates first; beyond MOST_BARS the rest in one line."""
    counts: dict[str, list[int]] = {}
    # What is compared is the moment, and not how far away it is: to find that out for each takes twice as long.
    ends = [later(now, most) for most in _MOSTS]
    for line in lines:
        org = line.seen.org
        if org not in counts:
            counts[org] = [0] * len(PERIODS)
        counts[org][bisect_left(ends, line.not_after)] += 1
    ordered = sorted(counts.items(), key=lambda item: ([-count for count in item[1]], item[0]))
    found = [PeriodsOfOrg(org, tuple(each)) for org, each in ordered[:MOST_BARS]]
    rest = [each for _, each in ordered[MOST_BARS:]]
    return [*found, PeriodsOfOrg("", tuple(map(sum, zip(*rest, strict=True))))] if rest else found
