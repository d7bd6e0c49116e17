"""How long a run goes on with what keeps failing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.errors import HistoryError, OrgUnavailable, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from rotator.core.actions import ActionKind
    from rotator.errors import RotatorError

LOOK: Final = None
"""Stands for the look, which is no action."""


class Patience:
    """Knows since when each kind of action has failed. One that succeeds says nothing about another."""

    def __init__(self, limit: timedelta, now: Callable[[], datetime]) -> None:
        """`limit` is for what is away for a while; what says no is asked for a quarter of that."""
        self._limit: Final = limit
        self._now: Final = now
        self._since: Final[dict[ActionKind | None, datetime]] = {}

    def succeeded(self, kind: ActionKind | None) -> None:
        """Whatever failed before is forgotten."""
        self._since.pop(kind, None)

    def is_over(self, kind: ActionKind | None, error: RotatorError) -> bool:
        """Notes one more failure, and tells whether they have come for too long."""
        passing = isinstance(error, OrgUnavailable | StoreUnavailable | HistoryError)
        now = self._now()
        return now - self._since.setdefault(kind, now) >= (self._limit if passing else self._limit / 4)
