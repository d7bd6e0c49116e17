"""Several machines on one database: who leads, who works at what, where their queue stands, and what is wrong with it.

A machine is one `rotator run` process, which says every HEARTBEAT that it is there. All times here are those of the
database's clock, as two machines whose clocks differ must not take each other for dead. Who leads is told by the lock,
as everywhere, and by nothing that is written down: so an earlier release may lead, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final

from rotator.core.machines.session_names import host_of_holder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.errors import Holder

HEARTBEAT: Final = timedelta(seconds=2)
"""How often a machine says that it is there."""

SILENT_AFTER: Final = timedelta(seconds=10)
"""Whoever has said nothing for so long is taken for dead: its jobs are asked for anew, and its sessions ended."""

GONE_AFTER: Final = timedelta(minutes=2)
"""People hear of a machine that is silent for so long: one that systemd starts anew is back before."""

UNKNOWN_WITHIN: Final = timedelta(minutes=10)
MANY_UNKNOWN: Final = 3
"""So often has a machine met one job that its configuration does not have when that is outdated; once or twice it does
while everybody's is changed."""

QUEUE_PATIENCE: Final = timedelta(minutes=5)
"""Jobs that wait for longer, while none of their kind is at work, wait for nobody."""


CLOCK_TOLERANCE: Final = timedelta(minutes=1)
"""A clock that is wrong by more is told of: an org refuses logins whose times are some minutes off."""


class Role(StrEnum):
    """What a machine is there for (`rotator run --role`)."""

    LEADER = "leader"
    """Asks what is due, when it leads, and carries out nothing."""
    WORKER = "worker"
    """Carries out what was asked for, and never leads."""
    BOTH = "both"

    @property
    def may_lead(self) -> bool:
        """Whether it takes the lead where nobody has it."""
        return self is not Role.WORKER

    @property
    def works(self) -> bool:
        """Whether it carries out jobs."""
        return self is not Role.LEADER


class MachineState(StrEnum):
    """Whether a machine still says that it is there; silence is all that tells that it is lost."""

    ALIVE = "alive"
    SILENT = "silent"
    """It has said nothing for SILENT_AFTER, and did not take its leave."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One `rotator run` process, as it last said of itself."""

    id: str
    host: str
    pid: int
    role: Role
    release: str
    started_at: datetime
    seen_at: datetime
    """When it last said that it is there."""
    leads: bool = False
    """Whether it said that it leads; the lock says whether it does."""
    concurrency: Mapping[str, int] = field(default_factory=dict)
    """So many jobs of a kind it carries out at once, at the most."""
    clock_off: timedelta | None = None
    """By how much its clock is ahead of the database's, or behind it (negative), as far as is certain; None where it
    has not said."""

    @property
    def name(self) -> str:
        """What people call it."""
        return f"process {self.pid} on {self.host}"

    def state(self, at: datetime) -> MachineState:
        """By how long ago it last said that it is there; both times are by the clock of the database."""
        return MachineState.SILENT if at - self.seen_at > SILENT_AFTER else MachineState.ALIVE

    def is_gone(self, at: datetime) -> bool:
        """Whether it is silent for so long that people should know."""
        return at - self.seen_at > GONE_AFTER

    @property
    def has_wrong_clock(self) -> bool:
        """Whether people should know how its clock stands."""
        return self.clock_off is not None and abs(self.clock_off) > CLOCK_TOLERANCE

    def may_be(self, holder: Holder) -> bool:
        """Whether it may be the holder of a lock, which gives a host's name as far as there is room for it."""
        return self.pid == holder.pid and host_of_holder(self.pid, self.host) == holder.host


@dataclass(frozen=True, kw_only=True)
class RunningJob:
    """A job that a machine has begun and not ended."""

    kind: str
    """As in `rotator.services.schedule.jobs.JobKind`."""
    name: str
    machine: str | None
    """The id of the machine; None where that is not known any more."""
    asked_at: datetime
    begun_at: datetime


@dataclass(frozen=True, kw_only=True)
class UnknownJobs:
    """A job that a machine took and left undone, as its configuration does not have what it is for."""

    machine: str
    """The id of the machine."""
    kind: str
    name: str
    times: int
    """How often within UNKNOWN_WITHIN."""


@dataclass(frozen=True, kw_only=True)
class QueueLine:
    """The jobs of one kind that were asked for."""

    kind: str
    waiting: int = 0
    """Asked for, and begun by nobody."""
    running: int = 0
    oldest_asked_at: datetime | None = None
    """When the oldest was asked for that has not ended."""
    waiting_since: datetime | None = None
    """When the oldest was asked for that nobody has begun."""
    stalls: int = 0
    """How often the machine died that had one, ever."""
    last_stall_at: datetime | None = None

    def is_stalled(self, at: datetime) -> bool:
        """Whether its jobs wait for nobody."""
        if self.waiting_since is None or self.running:
            return False
        return at - self.waiting_since > QUEUE_PATIENCE


@dataclass(frozen=True, kw_only=True)
class MachineLine:
    """A machine, and what follows of it."""

    machine: Machine
    state: MachineState
    leads: bool
    is_gone: bool
    """Whether people should know that it is silent: for GONE_AFTER, and nothing on its host has taken its place."""
    jobs: tuple[RunningJob, ...]
    """What it works at, the longest first."""


class Trouble(StrEnum):
    """What keeps jobs from being done. Nothing of it mends itself for as long as it is so."""

    NO_MACHINE = "no machine"
    """None is there, none has gone without a word, and nothing waits: all were stopped, or single cycles are run."""
    NO_LEADER = "no leader"
    """Nobody asks what is due, as nobody leads, or who leads is silent."""
    NO_WORKER = "no worker"
    """Nobody carries out what was asked for."""
    STALLED = "queue stalled"
    """Jobs of a kind wait, and no machine begins one."""


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The machines of a database and the queue between them, at one moment."""

    at: datetime
    """By the database's clock."""
    machines: tuple[Machine, ...] = ()
    jobs: tuple[RunningJob, ...] = ()
    """The longest first."""
    queue: tuple[QueueLine, ...] = ()
    """Of each kind of which there is, or was, something."""
    unknown: tuple[UnknownJobs, ...] = ()
    leader: Holder | None = None
    """Who holds the lock of the leader. It need not be a machine here: an earlier release says nothing of itself."""

    @cached_property
    def lines(self) -> tuple[MachineLine, ...]:
        """The machines, by host and process."""
        leading = self.leading
        ordered = sorted(self.machines, key=lambda each: (each.host, each.pid, each.started_at, each.id))
        return tuple(
            MachineLine(
                machine=each,
                state=each.state(self.at),
                leads=each is leading,
                is_gone=each.is_gone(self.at) and not self._has_successor(each),
                jobs=tuple(sorted((job for job in self.jobs if job.machine == each.id), key=_by_age)),
            )
            for each in ordered
        )

    @cached_property
    def leading(self) -> Machine | None:
        """The machine that leads; None where none does, or one that says nothing of itself.

        Several may be called as the holder of the lock is, as it gives a part of its host's name: of those the one that
        said so, and was seen last.
        """
        if self.leader is None:
            return None
        holder = self.leader
        may_be = [each for each in self.machines if each.may_be(holder)]
        return max(may_be, key=lambda each: (each.leads, each.seen_at, each.id), default=None)

    @property
    def alive(self) -> tuple[Machine, ...]:
        """Those that are not silent: only they are given work, and counted."""
        return tuple(line.machine for line in self.lines if line.state is MachineState.ALIVE)

    @property
    def working(self) -> tuple[Machine, ...]:
        """Those of them that carry out jobs."""
        return tuple(each for each in self.alive if each.role.works)

    @property
    def outdated(self) -> tuple[tuple[Machine, UnknownJobs], ...]:
        """The machines that do not know, again and again, what they are asked for."""
        many = {each.machine: each for each in self.unknown if each.times >= MANY_UNKNOWN}
        return tuple((each, many[each.id]) for each in self.alive if each.id in many)

    @property
    def with_wrong_clocks(self) -> tuple[Machine, ...]:
        """The machines whose clock is not that of the database."""
        return tuple(each for each in self.alive if each.has_wrong_clock)

    @property
    def stalled(self) -> tuple[QueueLine, ...]:
        """The kinds whose jobs wait for nobody."""
        return tuple(each for each in self.queue if each.is_stalled(self.at))

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What keeps jobs from being done, the worst first."""
        if not self.machines and self.leader is None and not any(each.waiting for each in self.queue):
            return (Trouble.NO_MACHINE,)
        found = {
            Trouble.NO_LEADER: self.leader is None or self._is_silent(self.leading),
            # A leader that says nothing of itself is of a release that carries out by itself what it finds.
            Trouble.NO_WORKER: not self.working and (self.leader is None or self.leading is not None),
            # Where nobody works at all, that is what is to be said.
            Trouble.STALLED: bool(self.stalled and self.working),
        }
        return tuple(trouble for trouble, is_so in found.items() if is_so)

    def _is_silent(self, one: Machine | None) -> bool:
        return one is not None and one.state(self.at) is MachineState.SILENT

    def _has_successor(self, one: Machine) -> bool:
        """Whether another process on its host was started after it was last seen."""
        return any(
            each.host == one.host and each.started_at >= one.seen_at and not each.is_gone(self.at)
            for each in self.machines
        )


def clock_off(before: datetime, there: datetime, after: datetime) -> timedelta:
    """By how much a clock is ahead of another (negative: behind), which was asked for between two looks at one's own.

    As far as is certain: whoever was kept waiting meanwhile knows nothing.
    """
    return max(before - there, timedelta(0)) + min(after - there, timedelta(0))


def _by_age(job: RunningJob) -> tuple[datetime, str, str]:
    return job.begun_at, job.kind, job.name
