"""How long a run goes on with what keeps failing, and how long it pauses in between.

What is away for a while (`transient`), and the history whatever it says, is tried for as long as a test login
may take to succeed (`verification.timeout`); what answers and refuses, for a quarter of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.retry import BackOff
from rotator.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.core.decision.actions import ActionKind
    from rotator.core.decision.policies import Verification
    from rotator.errors import RotatorError

OBSERVING: Final = None
"""Stands for an observation, which is no action."""

FIRST_PAUSE: Final = timedelta(seconds=2)
"""After a first failure; it doubles with each that follows."""


@dataclass
class _Failures:
    since: datetime
    count: int = 0


class RetryPolicy:
    """Counts failures in a row, for each kind of action by itself: one that succeeds says nothing about another."""

    def __init__(self, rules: Verification, now: Callable[[], datetime]) -> None:
        """`rules` are those of the credential's test logins."""
        self._rules: Final = rules
        self._now: Final = now
        self._failures: Final[dict[ActionKind | None, _Failures]] = {}

    def succeeded(self, kind: ActionKind | None) -> None:
        """Whatever failed before is forgotten."""
        self._failures.pop(kind, None)

    def is_over(self, kind: ActionKind | None, error: RotatorError) -> bool:
        """Counts one more failure; whether they have come for too long."""
        failures = self._failures.setdefault(kind, _Failures(self._now()))
        failures.count += 1
        passing = error.transient or isinstance(error, HistoryError)
        limit = self._rules.timeout if passing else self._rules.timeout / 4
        return self._now() - failures.since >= limit

    def pause(self, kind: ActionKind | None) -> timedelta:
        """How long to wait after the last failure, which `is_over` has counted.

        It doubles with each, up to `max_interval` of the test logins.
        """
        return BackOff(FIRST_PAUSE, max(FIRST_PAUSE, self._rules.max_interval)).pause(self._failures[kind].count)
