"""Both ways in which jobs come to be done, for the suite that each must pass."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from rotator.core.machines.fleet import Role
from rotator.daemon.dispatch.dispatcher import Threads
from rotator.daemon.dispatch.shared_queue import SharedQueue
from rotator.daemon.workers import Workers
from rotator.queue.jobs_database import JobsDatabase
from rotator.services.schedule.jobs import Job, JobKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rotator.daemon.dispatch.dispatcher import Dispatcher

PATIENCE: Final = 60.0
"""Seconds after which a test gives up waiting."""
CLOSED_WITHIN: Final = timedelta(seconds=20)

Key = tuple[JobKind, str]


def now() -> datetime:
    """The wall clock of every machine."""
    return datetime.now(UTC)


def come(is_so: Callable[[], object]) -> None:
    """Waits until it is so."""
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until, "it never came so far"
        time.sleep(0.005)


@dataclass
class Carried:
    """Jobs that last until they are let go of, and what became of them."""

    begun: list[Key] = field(default_factory=list)
    at_once: dict[Key, int] = field(default_factory=dict)
    most_of_a_key: int = 0
    faulty: set[Key] = field(default_factory=set)
    lasts: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _goes_on: threading.Event = field(default_factory=threading.Event)

    def job(self, kind: JobKind, name: str) -> Job:
        def run() -> None:
            key = kind, name
            with self._lock:
                self.begun.append(key)
                self.at_once[key] = self.at_once.get(key, 0) + 1
                self.most_of_a_key = max(self.most_of_a_key, self.at_once[key])
            if self.lasts:
                assert self._goes_on.wait(2 * PATIENCE)
            with self._lock:
                self.at_once[key] -= 1
            if key in self.faulty:
                raise ZeroDivisionError

        return Job(kind, name, run)

    @property
    def running(self) -> list[Key]:
        with self._lock:
            return sorted(key for key, count in self.at_once.items() if count)

    def let_go(self) -> None:
        self._goes_on.set()


@dataclass
class Machine:
    """One process, as far as a dispatcher knows it."""

    carried: Carried
    workers: Workers
    dispatcher: Dispatcher
    jobs: JobsDatabase | None
    is_leader: bool = True
    ticks: int = 0
    opened: bool = True

    def job(self, kind: JobKind, name: str) -> Job | None:
        """See Surroundings."""
        return self.carried.job(kind, name)

    def is_open(self) -> bool:
        """See Surroundings."""
        return self.opened

    def leads(self) -> bool:
        """See Surroundings."""
        return self.is_leader

    def tick_now(self) -> None:
        """See Surroundings."""
        self.ticks += 1

    def dispatch(self, *keys: Key) -> bool:
        """What is due, as a tick hands it over."""
        self.dispatcher.dispatch(lambda: [self.carried.job(*key) for key in keys])
        return True

    def is_idle(self) -> bool:
        return not self.workers.running

    def has_done_all(self) -> bool:
        """Whether nothing is under way, and nothing that was asked for has not ended."""
        return self.is_idle() and not (self.jobs and active(self.jobs))


@contextmanager
def machine(
    carried: Carried,
    slots: Mapping[JobKind, int],
    jobs: JobsDatabase | None,
    role: Role = Role.BOTH,
    wall_clock: Callable[[], datetime] = now,
) -> Iterator[Machine]:
    """A machine with threads alone where there is no database that it shares; closed at the end."""
    workers = Workers(slots, monotonic=time.monotonic, worked=lambda: 0.0)
    threads = Threads(workers, lambda job: job)
    its_own = _its_own(jobs) if jobs else None
    dispatcher = (
        SharedQueue(threads, jobs=its_own, role=role, now=wall_clock, monotonic=time.monotonic) if its_own else threads
    )
    made = Machine(carried, workers, dispatcher, its_own, is_leader=role.may_lead)
    dispatcher.start(made)
    try:
        yield made
    finally:
        carried.let_go()
        dispatcher.stop()
        workers.wait(set(JobKind), CLOSED_WITHIN)
        dispatcher.close(CLOSED_WITHIN)


def active(jobs: JobsDatabase) -> list[tuple[str, str]]:
    """What was asked for and has not ended, by kind and name."""
    with jobs.transaction() as connection:
        found = connection.execute(text("SELECT kind, name FROM asked_job WHERE ended_at IS NULL ORDER BY 1, 2"))
        return [(row.kind, row.name) for row in found]


def _its_own(jobs: JobsDatabase) -> JobsDatabase:
    """As each process has connections of its own, which it closes as it ends."""
    return JobsDatabase(jobs.name, lambda: jobs.history)


def keys(kind: JobKind, count: int) -> Sequence[Key]:
    """So many keys of a kind."""
    return [(kind, f"{kind.label}{number}") for number in range(count)]
