"""Where the pages have what they show: the history, and what the daemon's own process says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.machines.fleet import Role
    from rotator.core.usage.told_reports import ToldReport
    from rotator.services.alerting.details import AlertDetails
    from rotator.services.reporting.overview import CertificateDetails, Overview, Readiness, RotationDetails

PREPARED_FROM: Final = 200
"""What is shown and told of more orgs is read, written, and the first page's templates compiled, before anybody asks.

Of so many each takes a tenth of a second, and megabytes, which a service that nobody looks at does without.
"""

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
    """Whether this process leads; if not, it stands by for another, carries out jobs, or only serves pages. Where no
    machines share the work, who leads does all of it."""
    only_reads: bool = False
    """Whether it only serves pages. What ticks is then its look at who does the work."""
    worker: str = ""
    """Who leads where this process does not; empty where that is not known, or nobody does."""
    role: Role | None = None
    """What it is there for among several machines; None where no machines share the work."""
    takes_jobs: bool = False
    """Whether it carries out what several machines are asked for, as its role says: it is connected to the queue."""

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
        """Whether work is done: by this process, or, where it only reads, by another that leads."""
        return self.is_working or self.takes_jobs or (self.only_reads and bool(self.worker))

    @property
    def does_its_part(self) -> bool:
        """Whether it does what it is there for, as to stand by is; one that only reads sees whether anybody works."""
        if self.role is not None:
            return self.takes_jobs or not self.role.works
        return self.sees_work or not self.only_reads

    @property
    def whose_work(self) -> str:
        """Who does the work, in a sentence for people."""
        if self.role is not None:
            others = f"; the leader is {self.worker}" if self.worker and not self.is_working else ""
            return f"This process {self.part_of(self.role)}{others}."
        if self.is_working:
            return "This process does the work."
        if self.only_reads:
            done = f"the work is done by {self.worker}" if self.worker else "no `rotator run` was seen at work"
            return f"This process only reads; {done}."
        return f"This process stands by{f'; the work is done by {self.worker}' if self.worker else ''}."

    def part_of(self, role: Role) -> str:
        """What it does among several machines."""
        leads = "leads" if self.is_working else "stands by to lead" if role.may_lead else ""
        jobs = "carries out jobs" if self.takes_jobs else "cannot take jobs now" if role.works else ""
        return " and ".join(filter(None, (leads, jobs)))

    @property
    def trouble(self) -> str:
        """What is the matter with it, in a few words; empty while nothing is."""
        if not self.is_alive:
            return "The scheduler stands still"
        if self.role is not None and not self.does_its_part:
            return "This machine takes no jobs"
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

    def note_report(self, credential: str, report: ToldReport) -> bool:
        """Notes what a consumer says; False where the configuration names no such consumer."""
        ...

    def try_writing(self) -> None:
        """Proves that the history can be written; it is as before afterwards."""
        ...
