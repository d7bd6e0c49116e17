"""Where the pages have what they show: the history, and what the daemon's own process says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.services.alerting.details import AlertDetails
    from rotator.services.reporting.overview import CertificateDetails, Overview, Readiness, RotationDetails

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
    """Whether this process does the work; if not, it stands by for another, or only serves pages."""
    only_reads: bool = False
    """Whether it only serves pages. What ticks is then its look at who does the work."""
    worker: str = ""
    """Who does the work where this process does not; empty where that is not known, or nobody does."""

    @property
    def patience(self) -> timedelta:
        """How long no tick may come."""
        return max(MISSED_TICKS * self.tick, LEAST_PATIENCE)

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler makes progress."""
        return self.since_tick <= self.patience

    @property
    def sees_work(self) -> bool:
        """Whether the work is done: by this process, or, where it only reads, by another that holds the lock."""
        return self.is_working or (self.only_reads and bool(self.worker))

    @property
    def whose_work(self) -> str:
        """Who does the work, in a sentence for people."""
        if self.is_working:
            return "This process does the work."
        if self.only_reads:
            done = f"the work is done by {self.worker}" if self.worker else "no `rotator run` was seen at work"
            return f"This process only reads; {done}."
        return f"This process stands by{f'; the work is done by {self.worker}' if self.worker else ''}."

    @property
    def trouble(self) -> str:
        """What is the matter with it, in a few words; empty while nothing is."""
        if not self.is_alive:
            return "The scheduler stands still"
        return "No service is at work" if self.only_reads and not self.worker else ""


class Source(Protocol):
    """The history, read afresh for each page. Every method raises HistoryError or HistoryUnavailable."""

    def overview(self) -> Overview:
        """Everything at this moment."""
        ...

    def readiness(self) -> Readiness:
        """Whether all that the work needs is there."""
        ...

    def rotation(self, rotation_id: str) -> RotationDetails | None:
        """One rotation and its steps; None for an id that there is not."""
        ...

    def certificate(self, fingerprint: str) -> CertificateDetails | None:
        """Where a certificate was seen and what made or ended it; None for one that was never seen."""
        ...

    def alert(self, alert_id: str) -> AlertDetails | None:
        """One alert and who was told of it; None for an id that there is not."""
        ...

    def try_writing(self) -> None:
        """Proves that the history can be written; it is as before afterwards."""
        ...
