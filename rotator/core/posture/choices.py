"""What people have chosen of the audit, where they may: what is asked for, and what they have excepted from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class PostureRules:
    """What is asked for, where people may choose."""

    unused_after: timedelta = timedelta(days=90)
    scopes: frozenset[str] = frozenset({"Api", "RefreshToken"})
    assertion_lifetime: timedelta = timedelta(minutes=3)
    """Of the assertions that the program makes."""


@dataclass(frozen=True)
class Exemption:
    """That somebody wants something to be as it is, for a while."""

    check: str
    credential: str | None
    org: str | None
    """One of the two is given."""
    reason: str
    until: datetime

    def is_over(self, now: datetime) -> bool:
        """Whether it does not count any more."""
        return self.until <= now
