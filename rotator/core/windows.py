"""Maintenance windows: the times at which people want rotations by schedule to begin (`rotator.core.schedule`).

Times of day are those of a zone. One that a change to summer time leaves out is an hour later on that day; of one
that comes twice a weekly window takes the first, and a cron line may open at both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from cronsim import CronSim

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

_DAY: Final = timedelta(days=1)


class Span(NamedTuple):
    """One time that a window is open, in UTC: `closes` is not part of it."""

    opens: datetime
    closes: datetime


class Window(Protocol):
    """A window that opens again and again."""

    def next_span(self, now: datetime) -> Span | None:
        """The first span that is open at `now` or opens after it; None when none comes."""
        ...


@dataclass(frozen=True)
class Weekly:
    """From one time of day to another on some weekdays; past midnight when `until` is not later than `since`."""

    days: frozenset[int]
    """On which it opens; 0 is Monday."""
    since: time
    until: time
    zone: ZoneInfo

    def next_span(self, now: datetime) -> Span | None:
        """The first span that is open at `now` or opens after it."""
        today = now.astimezone(self.zone).date()
        # Yesterday's may be open still, and a week and a day from now each weekday has come.
        days = (today + timedelta(days=ahead) for ahead in range(-1, 9))
        spans = (self._span(day) for day in days if day.weekday() in self.days)
        return next((span for span in spans if span.closes > now), None)

    def _span(self, day: date) -> Span:
        opens = datetime.combine(day, self.since)
        closes = datetime.combine(day, self.until)
        if closes <= opens:
            closes += _DAY
        span = Span(self._utc(opens), self._utc(closes))
        # Between two times that summer time turns round, such as 02:30 (left out, so 03:30) to 03:00.
        return span if span.opens < span.closes else Span(span.opens, span.opens + (closes - opens))

    def _utc(self, local: datetime) -> datetime:
        return local.replace(tzinfo=self.zone).astimezone(UTC)


@dataclass(frozen=True)
class Cron:
    """Opens whenever a cron line says, and stays open for so long."""

    line: str
    """Minute, hour, day of the month, month, weekday."""
    lasts: timedelta
    zone: ZoneInfo

    def next_span(self, now: datetime) -> Span | None:
        """The first span that is open at `now` or opens after it; None when none comes for many years."""
        earliest = (now - self.lasts).astimezone(self.zone)
        opens = next(CronSim(self.line, earliest), None)
        return None if opens is None else Span(opens.astimezone(UTC), opens.astimezone(UTC) + self.lasts)


def is_open(windows: Sequence[Window], now: datetime) -> bool:
    """Whether any of them is open; always when there are none."""
    return next_opening(windows, now) == now


def next_opening(windows: Sequence[Window], now: datetime) -> datetime | None:
    """When the next of them opens; `now` when one is open, or there are none. None when none ever opens."""
    spans = [span for window in windows if (span := window.next_span(now))]
    if not windows:
        return now
    return max(now, min(span.opens for span in spans)) if spans else None
