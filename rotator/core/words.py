"""How times, durations, counts, lists and fingerprints are written for people, the same on every surface.

What machines read back (rows, keys, JSON, lock files) has formats of its own, where it is written.
"""

from __future__ import annotations

from datetime import MAXYEAR, UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from rotator.errors import Holder

_DIGITS: Final = 12
"""Of a fingerprint; 48 bits tell all certificates of a company apart."""

UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
"""Seconds in the units of durations as config.yaml has them."""

_NAMED: Final = (("year", 365 * 86_400), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_FEW: Final = 2
"""Two of a unit tell more than one of the next: 36 hours, not 1 day."""

_MANY_SECONDS: Final = 100

_MOST_NAMED: Final = 12


def day(time: datetime) -> str:
    """`2026-12-05`; the day is UTC's."""
    return f"{time.astimezone(UTC):%Y-%m-%d}"


def timestamp(time: datetime, *, milliseconds: bool = False) -> str:
    """ISO 8601 in UTC with a `Z`, for programs. `jq fromdateiso8601` takes whole seconds only."""
    timespec = "milliseconds" if milliseconds else "seconds"
    return time.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def moment(time: datetime) -> str:
    """`2026-12-05 10:00 UTC`."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def instant(time: datetime) -> str:
    """`2026-12-05 10:00:31 UTC`, where seconds matter."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(time: datetime) -> str:
    """`10:00:31 UTC`, where the day is known."""
    return f"{time.astimezone(UTC):%H:%M:%S} UTC"


def length(duration: timedelta) -> str:
    """`45 days`, `36 hours`: the largest unit of which there are two, rounded down; `a moment` below two seconds."""
    seconds = int(duration.total_seconds())
    for unit, size in _NAMED:
        if seconds >= _FEW * size:
            return count(seconds // size, unit)
    return "a moment"


def distance(time: datetime, now: datetime) -> str:
    """`in 12 days`, `3 hours ago`, `now`."""
    if abs(time - now) < timedelta(seconds=_FEW):
        return "now"
    return f"in {length(time - now)}" if time > now else f"{length(now - time)} ago"


def refused(since: datetime, now: datetime) -> str:
    """That consumers of a credential are refused now, and since when."""
    lasts = length(max(now - since, timedelta(0)))
    return f"Consumers that try `current` only are refused since {moment(since)} ({lasts})."


def never_ends(time: datetime) -> bool:
    """Whether an expiry stands for none: the year 9999 (RFC 5280 section 4.1.2.5)."""
    # Not by astimezone, which cannot move the last day of the calendar.
    return time.year == MAXYEAR


def expiry(time: datetime, now: datetime) -> str:
    """When a certificate expires, as `distance`; `never` where it does not."""
    return "never" if never_ends(time) else distance(time, now)


def expiry_day(time: datetime) -> str:
    """The day on which a certificate expires; `never` where it does not."""
    return "never" if never_ends(time) else day(time)


def exact(duration: timedelta) -> str:
    """`2d12h`, as it is written in config.yaml, to the second. Weeks are written as days; less than nothing is `0s`."""
    seconds = max(0, round(duration.total_seconds()))
    parts = []
    for unit in "dhms":
        number, seconds = divmod(seconds, UNITS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


def measured(seconds: float) -> str:
    """What was measured: `4.2 s`, and to the second from a hundred on: `15m12s`."""
    return f"{seconds:.1f} s" if seconds < _MANY_SECONDS else exact(timedelta(seconds=seconds))


def of_database(clock_off: timedelta) -> str:
    """`12 minutes ahead of the database's`, said of a clock that is off by so much; negative where it is behind."""
    return f"{length(abs(clock_off))} {'behind' if clock_off < timedelta(0) else 'ahead of'} the database's"


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 app`, `2 apps`; `plural` where that is not the noun with an s."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def times_in_a_row(number: int) -> str:
    """`once`, `5 times in a row`."""
    return f"{number} times in a row" if number > 1 else "once"


def sentences(*parts: str) -> str:
    """One after the other, without those that are empty."""
    return " ".join(part for part in parts if part)


def listed(items: Iterable[str], last: str = "and") -> str:
    """`a, b and c`; empty where there is nothing."""
    *others, end = [*items] or [""]
    return f"{', '.join(others)} {last} {end}" if others else end


def choice(names: Collection[str]) -> list[str]:
    """Names to choose from in a sentence: the first dozen, and how many others there are."""
    first = [*islice(names, _MOST_NAMED)]
    others = len(names) - len(first)
    return [*first, count(others, "other")] if others else first


def short(fingerprint: str) -> str:
    """The beginning of a fingerprint, by which people know a version or a certificate."""
    return fingerprint[:_DIGITS]


def holder(holder: Holder | None) -> str:
    """Who holds a lock; None where it was taken, or let go of, at this moment."""
    if holder is None:
        return "another process, since just now"
    return f"process {holder.pid} on {holder.host}, since {instant(holder.since)}"
