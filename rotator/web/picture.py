"""What the pictures show: a bar for each certificate, or columns for weeks where there are too many for bars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.services.reporting.overview import Urgency
from rotator.web.axis import LATER, TODAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rotator.services.reporting.overview import CertificateLine
    from rotator.web.axis import Axis

MOST_BARS: Final = 40
"""More are grouped."""

_WEEK: Final = timedelta(days=7)
_WEEKS: Final = 58
"""The horizon of the axis, in whole weeks."""


@dataclass(frozen=True)
class Bar:
    """The time that one certificate has left, or since when it has none."""

    line: CertificateLine
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

    @property
    def is_later(self) -> bool:
        """Whether it expires beyond the horizon."""
        return self.end == LATER


def bar(line: CertificateLine, axis: Axis) -> Bar:
    """The bar of one certificate. A rotation that is due already is shown where today is."""
    rotation = max(axis.position(line.rotates_at), TODAY) if line.rotates_at else None
    return Bar(line, axis.position(line.not_after), rotation)


@dataclass(frozen=True)
class Column:
    """The certificates that expire in one week."""

    begins: datetime
    urgency: Urgency
    """Of the first of them."""
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


def columns(lines: Sequence[CertificateLine], now: datetime) -> Columns:
    """Counts by week from `now` on."""
    weeks: list[list[CertificateLine]] = [[] for _ in range(_WEEKS)]
    for line in lines:
        number = (line.not_after - now) // _WEEK
        if 0 <= number < _WEEKS and line.urgency is not Urgency.EXPIRED:
            weeks[number].append(line)
    counted = sum(map(len, weeks))
    expired = sum(line.urgency is Urgency.EXPIRED for line in lines)
    return Columns(
        tuple(_column(now + number * _WEEK, week) for number, week in enumerate(weeks)),
        expired,
        len(lines) - counted - expired,
    )


def _column(begins: datetime, week: list[CertificateLine]) -> Column:
    managed = sum(line.credential is not None for line in week)
    urgency = min((line.urgency for line in week), key=lambda each: each.rank, default=Urgency.OK)
    return Column(begins, urgency, len(week) - managed, managed)


@dataclass(frozen=True)
class Period:
    """How long certificates have left, in a word for addresses and one for people."""

    key: str
    label: str
    least: timedelta
    most: timedelta

    def holds(self, line: CertificateLine, now: datetime) -> bool:
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


def by_org(lines: Iterable[CertificateLine], now: datetime) -> list[PeriodsOfOrg]:
    """A line for each org, the one with the most urgent certificates first; beyond MOST_BARS the rest in one line."""
    counts: dict[str, list[int]] = {}
    for line in lines:
        number = next(index for index, period in enumerate(PERIODS) if period.holds(line, now))
        counts.setdefault(line.org, [0] * len(PERIODS))[number] += 1
    ordered = sorted(counts.items(), key=lambda item: ([-count for count in item[1]], item[0]))
    found = [PeriodsOfOrg(org, tuple(each)) for org, each in ordered[:MOST_BARS]]
    rest = [each for _, each in ordered[MOST_BARS:]]
    return [*found, PeriodsOfOrg("", tuple(map(sum, zip(*rest, strict=True))))] if rest else found
