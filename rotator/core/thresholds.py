"""When people are told that a certificate expires: at each threshold that is crossed, and when it has expired."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

EXPIRED: Final = timedelta(0)
"""The last threshold: no time is left."""

_UNITS: Final = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("m", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
)


def label(threshold: timedelta) -> str:
    """The threshold as people write it, such as `30d` or `1d12h`; `expired` for the last one."""
    if threshold <= EXPIRED:
        return "expired"
    rest, parts = threshold, []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def crossed(not_after: datetime, now: datetime, thresholds: Iterable[timedelta]) -> tuple[timedelta, ...]:
    """All thresholds that have been crossed by `now`, the largest first; EXPIRED is always one of those to cross."""
    left = not_after - now
    return tuple(threshold for threshold in _descending(thresholds) if left <= threshold)


def next_crossing(not_after: datetime, now: datetime, thresholds: Iterable[timedelta]) -> datetime | None:
    """When the next threshold is crossed; None when the certificate has expired."""
    left = not_after - now
    ahead = next((threshold for threshold in _descending(thresholds) if threshold < left), None)
    return None if ahead is None else not_after - ahead


def severity_at(threshold: timedelta) -> Severity:
    """How much it matters that no more time than this is left."""
    if threshold <= timedelta(days=3):
        return Severity.CRITICAL
    return Severity.WARNING if threshold <= timedelta(days=14) else Severity.INFO


def _descending(thresholds: Iterable[timedelta]) -> list[timedelta]:
    return sorted({*thresholds, EXPIRED}, reverse=True)
