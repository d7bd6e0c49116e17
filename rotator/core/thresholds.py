"""When a certificate expires, when it is replaced before that, and at which thresholds people are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EXPIRED: Final = timedelta(0)
"""The last threshold: no time is left."""


def label(threshold: timedelta) -> str:
    """The threshold as people write it, such as `30d` or `1d12h`; `expired` for the last one."""
    return "expired" if threshold <= EXPIRED else words.exact(threshold)


def crossed(not_after: datetime, now: datetime, thresholds: Iterable[timedelta]) -> tuple[timedelta, ...]:
    """All thresholds that have been crossed by `now`, the largest first; EXPIRED is always one of those to cross."""
    left = not_after - now
    reached = [threshold for threshold in (*thresholds, EXPIRED) if left <= threshold]
    return tuple(_descending(reached)) if reached else ()


def next_crossing(not_after: datetime, now: datetime, thresholds: Iterable[timedelta]) -> datetime | None:
    """When the next threshold is crossed; None when the certificate has expired."""
    left = not_after - now
    ahead = next((threshold for threshold in _descending((*thresholds, EXPIRED)) if threshold < left), None)
    return None if ahead is None else not_after - ahead


def severity_at(threshold: timedelta) -> Severity:
    """How much it matters that no more time than this is left."""
    if threshold <= timedelta(days=3):
        return Severity.CRITICAL
    return Severity.WARNING if threshold <= timedelta(days=14) else Severity.INFO


def _descending(thresholds: Iterable[timedelta]) -> list[timedelta]:
    return sorted(set(thresholds), reverse=True)


def has_come(time: datetime | None, now: datetime) -> bool:
    """Whether a time is now or was before; never where there is none."""
    return time is not None and time <= now


def is_ahead(time: datetime | None, now: datetime) -> bool:
    """Whether a time is still to come; never where there is none."""
    return time is not None and time > now


CLOCKS_APART: Final = timedelta(minutes=15)
"""Machines that share a history write down times by their own clocks, which may differ by so much."""


def was_set_back(noted: datetime | None, now: datetime) -> bool:
    """Whether the clock was set back since this was noted as the present time: it lies further ahead than clocks do."""
    return noted is not None and noted - now > CLOCKS_APART


def is_expired(not_after: datetime, now: datetime) -> bool:
    """Whether a certificate is valid no more."""
    return not_after <= now


def expires_between(not_after: datetime, now: datetime, then: datetime) -> bool:
    """Whether a certificate that is valid now is so no more at a later time."""
    return not is_expired(not_after, now) and not_after < then


def lasts_longer(not_before: datetime | None, not_after: datetime | None, longest: timedelta) -> bool:
    """Whether a certificate is valid for longer than that; not where its dates are not known."""
    return not_before is not None and not_after is not None and not_after - not_before > longest


def is_short_of(not_after: datetime, now: datetime, rotate_before: timedelta) -> bool:
    """Whether so little time is left that a rotation would be due."""
    return not_after - now <= rotate_before


def earlier(time: datetime, duration: timedelta) -> datetime:
    """So long before a time; the first that there is where it would lie before that."""
    return time - duration if duration < time - _FIRST else _FIRST


def later(time: datetime, duration: timedelta) -> datetime:
    """So long after a time; the last that there is where it would lie after that."""
    return time + duration if duration < NEVER - time else NEVER


NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""The last moment that there is, for what does not come."""

_FIRST: Final = datetime.min.replace(tzinfo=UTC)


def soonest(times: Iterable[datetime | None], now: datetime) -> datetime:
    """The first of some times that is yet to come; NEVER where none is."""
    return min((each for each in times if each is not None and not has_come(each, now)), default=NEVER)


@dataclass(frozen=True)
class Expiry:
    """The end of one certificate: who replaces it when, and how urgent that is."""

    not_after: datetime
    thresholds: Sequence[timedelta]
    """All at which any channel is told of an expiry."""
    rotate_before: timedelta | None = None
    """How long before it a rotation replaces the certificate; None where nobody does by schedule."""
    deferred_until: datetime | None = None
    """Before that no rotation begins by schedule."""
    is_by_hand: bool = False
    """People begin that rotation, so every threshold counts, as where nobody replaces it."""

    @property
    def due_at(self) -> datetime | None:
        """When a rotation is due to replace it; None where none ever is."""
        if self.rotate_before is None:
            return None
        by_date = earlier(self.not_after, self.rotate_before)
        return max(by_date, self.deferred_until) if self.deferred_until else by_date

    def crossed(self, now: datetime, thresholds: Iterable[timedelta] | None = None) -> tuple[timedelta, ...]:
        """The thresholds that count and were crossed, the largest first: of all, or of those that are given.

        A rotation replaces a managed certificate at `rotate_before`: only what comes after it is news.
        """
        return crossed(self.not_after, now, self._counted(thresholds))

    def next_crossing(self, now: datetime) -> datetime | None:
        """When the next of all is crossed; None when it has expired."""
        return next_crossing(self.not_after, now, self._counted(None))

    def next_change(self, now: datetime) -> datetime:
        """When something that follows from it will be otherwise than now; the last moment there is where nothing will.

        Before then urgency, crossed thresholds and states are what they are now.
        """
        times = [self.not_after, *(earlier(self.not_after, threshold) for threshold in self.thresholds)]
        if self.rotate_before is not None:
            times.append(earlier(self.not_after, self.rotate_before))
        if self.due_at is not None:
            times.append(self.due_at)
        return soonest(times, now)

    def urgency(self, now: datetime) -> Severity | None:
        """How urgent it is that somebody looks: as urgent as the alert is that people have of it; None without one."""
        passed = self.crossed(now)
        return severity_at(passed[-1]) if passed else None

    def _counted(self, thresholds: Iterable[timedelta] | None) -> list[timedelta]:
        limit = None if self.is_by_hand else self.rotate_before
        these = self.thresholds if thresholds is None else thresholds
        return [each for each in these if limit is None or each < limit]
