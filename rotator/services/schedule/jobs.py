"""The jobs: single things that are due, each done in one thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from rotator.core import attempts
from rotator.core.attempts import AttemptRecord
from rotator.services.alerting.kinds import STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Mapping
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.core.schedule import Standstill

LEADER_LOCK: Final = "#daemon"
"""Name of the lock that the leader holds, the one daemon that works; no credential can be called so."""


class JobKind(StrEnum):
    """What there is to do.

    The values are the words of the first release. They are in the database (`AttemptRecord.kind`), in the keys of
    alerts and in a label of the metrics, so they stay.
    """

    INVENTORY = attempts.INVENTORY
    """Of one org: its certificates, and the state of its credentials."""
    ROTATE = attempts.ROTATE
    """One credential: begin a rotation, finish it, or retire the previous version after its grace."""
    EVALUATE = "evaluate"
    """Find the thresholds that were crossed since the last inventory."""
    DELIVER = attempts.DELIVER
    """Send to one channel the notifications that are due there."""
    HOOK = attempts.HOOK
    """Call one hook after what has happened to one credential."""
    MAINTENANCE = "upkeep"
    """Verify the history, delete old notifications, sweep what interrupted runs left in the stores."""
    AUDIT = attempts.AUDIT
    """Find what of the set-up is not as it should be, once a day; each org has a record of its own."""
    HEARTBEAT = "heartbeat"
    """Tell the outside monitor that a full cycle has ended."""

    @property
    def label(self) -> str:
        """The job's name, for people."""
        return self.name.lower()


OF_THE_LEADER: Final = frozenset({JobKind.EVALUATE, JobKind.HEARTBEAT, JobKind.MAINTENANCE})
"""What speaks of all that several machines have seen, or deletes what none needs, is done by the one that leads."""

SHARED: Final = tuple(kind for kind in JobKind if kind not in OF_THE_LEADER)
"""What any of several machines carries out."""


def label_of(kind: str) -> str:
    """The name, for people, of what is tried: a kind of job, or what else an attempt is recorded of."""
    return JobKind(kind).label if kind in set(JobKind) else kind


def is_still_configured(settings: Settings, kind: str, name: str) -> bool:
    """Whether the configuration still has what was once tried: an org, a credential, a channel, a store, a hook."""
    configured: dict[str, Container[str]] = {
        JobKind.INVENTORY: settings.orgs,
        JobKind.ROTATE: settings.credentials,
        JobKind.DELIVER: settings.alerts.channels,
        JobKind.AUDIT: settings.orgs,
        STORE: settings.stores,
        JobKind.HOOK: {call.name for call in settings.hook_calls},
    }
    return kind not in configured or name in configured[kind]


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
    """The org, the credential, the channel, or hook and credential; empty where there is only one such job."""
    run: Callable[[], object] = field(compare=False, repr=False)
    """Does it in the calling thread. What fails is recorded as an attempt and told to people; HistoryError alone is
    raised, when that cannot be recorded."""
    has_failed: bool = False
    """Whether the last attempt at it failed: another machine may have what that one lacked."""

    @property
    def key(self) -> tuple[JobKind, str]:
        """Names the job among all."""
        return self.kind, self.name

    def __str__(self) -> str:
        return f"{self.kind.label} {self.name}".rstrip()


@dataclass(frozen=True)
class Moment:
    """When it is asked what is due, and what is known of every attempt until then: read once, as every job asks it."""

    now: datetime
    attempts: Mapping[str, Mapping[str, AttemptRecord]]
    """By name and kind; the same objects as at the moment before, where nothing has changed."""
    standstills: Mapping[str, Standstill]
    """What holds rotations up; the same object as before, where nothing has changed."""
    unfinished: Collection[str]
    """The credentials with a rotation that has no outcome."""

    def attempt(self, kind: str, name: str = "") -> AttemptRecord:
        """The record of one; an empty one for what was never tried."""
        return self.attempts.get(name, {}).get(kind) or AttemptRecord(kind, name)
