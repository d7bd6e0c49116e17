"""How long a run goes on with what keeps failing, and how long it rests in between."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.errors import HistoryError, OrgUnavailable, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.core.decision.actions import ActionKind
    from rotator.core.decision.policies import Verification
    from rotator.errors import RotatorError

LOOK: Final = None
"""Stands for the look, which is no action."""

FIRST_PAUSE: Final = timedelta(seconds=2)
"""After a first failure; it doubles with each that follows."""


@dataclass
class _Row:
    since: datetime
    length: int = 0


class RetryPolicy:
    """Knows since when each kind of action has failed. One that succeeds says nothing about another."""

    def __init__(self, rules: Verification, now: Callable[[], datetime]) -> None:
        """The rules' timeout is for what is away for a while; what says no is asked for a quarter of that."""
        self._rules: Final = rules
        self._now: Final = now
        self._rows: Final[dict[ActionKind | None, _Row]] = {}

    def succeeded(self, kind: ActionKind | None) -> None:
        """Whatever failed before is forgotten."""
        self._rows.pop(kind, None)

    def is_over(self, kind: ActionKind | None, error: RotatorError) -> bool:
        """Notes one more failure, and tells whether they have come for too long."""
        row = self._rows.setdefault(kind, _Row(self._now()))
        row.length += 1
        passing = isinstance(error, OrgUnavailable | StoreUnavailable | HistoryError)
        limit = self._rules.timeout if passing else self._rules.timeout / 4
        return self._now() - row.since >= limit

    def pause(self, kind: ActionKind | None) -> timedelta:
        """How long to rest after the last failure."""
        failures = self._rows[kind].length if kind in self._rows else 1
        doubled: float = 2.0 ** min(failures - 1, 10)
        return min(FIRST_PAUSE * doubled, max(FIRST_PAUSE, self._rules.max_interval))
