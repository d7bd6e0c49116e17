"""Maintenance windows: the times at which people want rotations by schedule to begin (`rotator.core.schedule`).

Times of day are those of a zone. One that a change to summer time leaves out is an hour later on that day; of one
that comes twice a weekly window takes the first, and a cron line may open at both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from cronsim import CronSim

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

_DAY: Final = timedelta(days=1)


class Window(Protocol):
    """A window that opens again and again."""

    def opens_from(self, now: datetime) -> datetime | None:
        """When it opens next, in UTC; where it is open at `now`, when it did. None when it never does."""
        ...


@dataclass(frozen=True)
class Weekly:
    """From one time of day to another on some weekdays; past midnight when `until` is not later than `since`."""

    days: frozenset[int]
    """On which it opens; 0 is Monday."""
    since: time
    until: time
    zone: ZoneInfo

    def opens_from(self, now: datetime) -> datetime | None:
        """See Window."""
        today = now.astimezone(self.zone).date()
        # Yesterday's may be open still, and a week and a day from now each weekday has come.
        days = (today + timedelta(days=ahead) for ahead in range(-1, 9))
        spans = (self._span(day) for day in days if day.weekday() in self.days)
        return next((opens for opens, closes in spans if closes > now), None)

    def _span(self, day: date) -> tuple[datetime, datetime]:
        """When it opens on a day, and when it closes; that is not part of it."""
        opens = datetime.combine(day, self.since)
        closes = datetime.combine(day, self.until)
        if closes <= opens:
            closes += _DAY
        begins, ends = self._utc(opens), self._utc(closes)
        # Between two times that summer time turns round, such as 02:30 (left out, so 03:30) to 03:00.
        return begins, ends if begins < ends else begins + (closes - opens)

    def _utc(self, local: datetime) -> datetime:
        return local.replace(tzinfo=self.zone).astimezone(UTC)


@dataclass(frozen=True)
class Cron:
    """Opens whenever a cron line says, and stays open for so long."""

    line: str
    """Minute, hour, day of the month, month, weekday."""
    lasts: timedelta
    zone: ZoneInfo

    def opens_from(self, now: datetime) -> datetime | None:
        """See Window; None when it opens no more for many years."""
        opens = next(CronSim(self.line, (now - self.lasts).astimezone(self.zone)), None)
        return opens and opens.astimezone(UTC)


def is_open(windows: Sequence[Window], now: datetime) -> bool:
    """Whether any of them is open; always when there are none."""
    return next_opening(windows, now) == now


def next_opening(windows: Sequence[Window], now: datetime) -> datetime | None:
    """When the next of them opens; `now` when one is open, or there are none. None when none ever opens."""
    if not windows:
        return now
    opens = min((each for window in windows if (each := window.opens_from(now))), default=None)
    return opens and max(now, opens)
