"""One thing that the daemon does at a time: what is due is a list of these."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from rotator.core.attempts import AttemptRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


class JobKind(StrEnum):
    """What there is to do. Trials are kept under the same words (`rotator.core.attempts.AttemptRecord.kind`)."""

    INVENTORY = "look"
    """At one org: its certificates, and where its credentials stand."""
    ROTATE = "rotate"
    """One credential: begin, go on with, or retire what has served its time."""
    EVALUATE = "evaluate"
    """Which thresholds were crossed since the last look."""
    DELIVER = "deliver"
    """What is pending for one channel."""
    MAINTENANCE = "upkeep"
    """House-keeping: the chain of the history, old notifications, leftovers."""
    HEARTBEAT = "heartbeat"
    """Tells the outside monitor that a full round has ended."""


class CycleEnd(StrEnum):
    """How a cycle ended, or the daemon that does one after the other."""

    WELL = "well"
    AWAY = "away"
    """Something is away for a while, and is tried again by the next."""
    ATTENTION = "needs attention"
    """A person is needed."""
    INTERRUPTED = "interrupted"
    """It was asked to stop."""


@dataclass(frozen=True)
class Job:
    """One thing that is due. Jobs of different keys may run at the same time, two of one key never."""

    kind: JobKind
    name: str
    """The org, the credential or the channel; empty where there is only one such job."""
    run: Callable[[], None] = field(compare=False, repr=False)
    """Does it in the calling thread. What fails is noted as a trial and told to people; only HistoryError is raised,
    when that cannot be noted."""

    @property
    def key(self) -> tuple[JobKind, str]:
        """Names the job among all."""
        return self.kind, self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


@dataclass(frozen=True)
class Moment:
    """When it is asked what is due, and what was known of every trial then: read once, as it is asked often."""

    now: datetime
    attempts: Mapping[tuple[str, str], AttemptRecord]

    def attempt(self, kind: str, name: str = "") -> AttemptRecord:
        """What is known of one; of one that was never tried, nothing but its name."""
        return self.attempts.get((kind, name)) or AttemptRecord(kind, name)
