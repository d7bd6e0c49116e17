"""How a consumer says which version it last logged in with: one line, the same in a file, a field and a request.

    FINGERPRINT 2026-11-23T12:00:00Z

It holds no secret: a fingerprint names a version, and is in logs and on pages.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from rotator.core import words

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

LONGEST: Final = 200
"""Characters of a line; one has 85."""

_LINE: Final = re.compile(r"([0-9a-f]{64}) (\S{10,40})\s*", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", re.ASCII)


class ToldReport(NamedTuple):
    """What one consumer says."""

    consumer: str
    fingerprint: str
    logged_in_at: datetime


class TakesReports(Protocol):
    """A store in which consumers leave a line beside what they read there, if it has a place for that."""

    def reports(self, credential: str, consumers: Collection[str]) -> Sequence[ToldReport]:
        """What these consumers of a credential have left; what is no such line is passed over.

        Raises StoreError, and StoreUnavailable when it cannot be reached.
        """
        ...


class LeavesReport(Protocol):
    """What writes the line of one consumer (`rotator.consumer`)."""

    def __call__(self, consumer: str, line: str) -> None:
        """Raises RotatorError where that does not succeed."""
        ...


def line_of(fingerprint: str, logged_in_at: datetime) -> str:
    """What a consumer writes, and `parsed` reads."""
    return f"{fingerprint} {words.timestamp(logged_in_at)}"


def parsed(consumer: str, line: str) -> ToldReport:
    """What a consumer says by a line. Raises ValueError for what is none."""
    found = _LINE.fullmatch(line) if len(line) <= LONGEST else None
    if found is None:
        raise ValueError("it is not `FINGERPRINT TIME`")
    at = datetime.fromisoformat(found[2])
    if at.tzinfo is None:
        raise ValueError("its time has no zone")
    try:
        return ToldReport(consumer, found[1], at.astimezone(UTC))
    except OverflowError:
        raise ValueError("its time is before the first or after the last that there is") from None


def is_consumer_name(name: str) -> bool:
    """Whether a consumer can be called so."""
    return _NAME.fullmatch(name) is not None
