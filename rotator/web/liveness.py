"""How the process itself is, as its scheduler knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

LEAST_PATIENCE: Final = timedelta(seconds=60)
"""A scheduler that ticks every second may be late by more than a few of its ticks on a busy machine."""

MISSED_TICKS: Final = 5
"""So many ticks that did not come mean that the scheduler stands still."""


@dataclass(frozen=True, kw_only=True)
class Liveness:
    """What a running daemon says of itself."""

    started_at: datetime
    ticked_at: datetime | None
    """When the scheduler last asked what is due, by the wall clock."""
    since_tick: timedelta
    """How long ago that was, or the start where there was no tick yet, by a clock that nobody sets."""
    tick: timedelta
    """How often it is to ask."""
    lag: timedelta
    """How much later than planned the last tick came."""
    is_working: bool
    """Whether this process does the work; if not, it stands by for another."""
    worker: str = ""
    """Who does the work where this process stands by."""

    @property
    def patience(self) -> timedelta:
        """How long no tick may come."""
        return max(MISSED_TICKS * self.tick, LEAST_PATIENCE)

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler makes progress."""
        return self.since_tick <= self.patience
