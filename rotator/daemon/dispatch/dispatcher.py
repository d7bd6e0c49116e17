"""The port between what is due and who does it, and its adapter for one process: threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from rotator.daemon.workers import tell_nobody

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

    from rotator.core.machines.fleet import Role
    from rotator.daemon.workers import Ending, Workers
    from rotator.services.schedule.jobs import Job, JobKind


class Surroundings(Protocol):
    """What a dispatcher asks of the service, from any thread."""

    def job(self, kind: JobKind, name: str) -> Job | None:
        """A job that was asked for; None where this configuration does not have what it is for, or it is stopping."""
        ...

    def is_open(self) -> bool:
        """Whether jobs can be begun: it knows its history, and does not stop."""
        ...

    def leads(self) -> bool:
        """Whether this is the process that says what is due."""
        ...

    def tick_now(self) -> None:
        """Has it asked at once what is due, or whether nobody leads."""
        ...


class Dispatcher(Protocol):
    """Has jobs done that are due, each once at a time, however often they are handed over."""

    role: Role | None
    """What this process is there for among several; None where it is alone."""

    @property
    def takes_jobs(self) -> bool:
        """Whether it carries out what several machines are asked for."""
        ...

    def start(self, surroundings: Surroundings) -> None:
        """To be called before anything else."""
        ...

    def dispatch(self, due: Callable[[], Sequence[Job]]) -> None:
        """Has done what is due, and not under way yet. Raises HistoryError, and what `due` raises.

        What ends while `due` finds out may be in its answer all the same: that is left to be asked about the next time.
        """
        ...

    def change(self, slots: Mapping[JobKind, int]) -> None:
        """So many of a kind are done at once from now on."""
        ...

    def stop(self) -> None:
        """Begins nothing more; what waits is given back. Returns at once."""
        ...

    def close(self, timeout: timedelta) -> None:
        """Lets go of all that it has, after `stop`; what still runs is waited for so long."""
        ...


class Threads:
    """In threads of this process."""

    role: Role | None = None
    takes_jobs = False

    def __init__(self, workers: Workers, follow: Callable[[Job], Job]) -> None:
        """`follow` gives the job as it is begun, with whatever follows it."""
        self._workers: Final = workers
        self._follow: Final = follow
        self._stopped = False

    def start(self, surroundings: Surroundings) -> None:
        """Has nothing to begin with."""

    def dispatch(self, due: Callable[[], Sequence[Job]]) -> None:
        """See Dispatcher."""
        under_way = self.under_way
        for job in due():
            if job.key not in under_way:
                self.begin(job)

    def begin(self, job: Job, then: Callable[[Ending], None] = tell_nobody) -> bool:
        """Begins one, as `Workers.begin` does; none after `stop`."""
        return not self._stopped and self._workers.begin(self._follow(job), then)

    @property
    def under_way(self) -> frozenset[tuple[JobKind, str]]:
        """The keys of the jobs that run just now, or wait for a slot."""
        return self._workers.under_way

    @property
    def slots(self) -> Mapping[JobKind, int]:
        """How many jobs of a kind are done at once, at the most; of a kind that is not named, one."""
        return self._workers.slots

    def most(self, kind: JobKind) -> int:
        """How many of a kind would run at once just now."""
        return self._workers.most(kind)

    def change(self, slots: Mapping[JobKind, int]) -> None:
        """See Dispatcher."""
        self._workers.change(slots)

    def stop(self) -> None:
        """See Dispatcher."""
        self._stopped = True
        self._workers.drop_waiting()

    def close(self, timeout: timedelta) -> None:
        """Has nothing to let go of."""
