"""The adapter for several machines: what is due is asked for in the database, and done by whichever comes first.

What speaks of all of them together stays with the leader, in its own threads: it evaluates what all have seen, and
tells the outside monitor that a cycle has ended.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rotator.daemon.dispatch.membership import Membership
from rotator.queue.asked_jobs import AskedJobs
from rotator.queue.queue_tables import Outcome
from rotator.queue.queue_worker import QueueWorker
from rotator.services.schedule.jobs import OF_THE_LEADER, SHARED, JobKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from rotator.core.machines.fleet import Role
    from rotator.daemon.dispatch.dispatcher import Surroundings, Threads
    from rotator.daemon.workers import Ending
    from rotator.queue.jobs_database import JobsDatabase
    from rotator.services.schedule.jobs import Job


class SharedQueue:
    """See Dispatcher."""

    def __init__(
        self,
        threads: Threads,
        *,
        jobs: JobsDatabase,
        role: Role,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self.role: Role | None = role
        self._jobs: Final = jobs
        self._threads: Final = threads
        self._asked: Final = AskedJobs(jobs)
        self._membership: Final = Membership(jobs, role, now=now, monotonic=monotonic)
        at_once = _at_once(threads.slots)
        self._fetching: Final = (
            QueueWorker(self._asked, self._membership.id, at_once, self._begin, self._room) if role.works else None
        )

    @property
    def takes_jobs(self) -> bool:
        """See Dispatcher."""
        return self._fetching is not None and self._fetching.is_connected

    def start(self, surroundings: Surroundings) -> None:
        """See Dispatcher."""
        self._surroundings = surroundings
        self._membership.start(surroundings, lambda: _at_once(self._threads.slots) if self._fetching else {})
        if self._fetching:
            self._fetching.start()

    def dispatch(self, due: Callable[[], Sequence[Job]]) -> None:
        """See Dispatcher."""
        under_way, since = self._threads.under_way, self._asked.now()
        others: list[Job] = []
        for job in due():
            if job.kind not in OF_THE_LEADER:
                others.append(job)
            elif job.key not in under_way:
                self._threads.begin(job)
        failed = {job.key for job in others if job.has_failed}
        self._asked.ask([job.key for job in others], since, failed=failed)

    def change(self, slots: Mapping[JobKind, int]) -> None:
        """See Dispatcher."""
        self._threads.change(slots)
        if self._fetching:
            self._fetching.change(_at_once(slots))

    def stop(self) -> None:
        """See Dispatcher."""
        if self._fetching:
            self._fetching.stop()
        self._threads.stop()

    def close(self, timeout: timedelta) -> None:
        """See Dispatcher."""
        if self._fetching:
            self._fetching.join(timeout)
        self._membership.leave(timeout)
        self._jobs.close()

    def _room(self, kind: str) -> int:
        return self._threads.most(JobKind(kind)) if self._surroundings.is_open() else 0

    def _begin(self, kind: str, name: str, may_begin: Callable[[], bool]) -> Future[Outcome] | None:
        job = self._surroundings.job(JobKind(kind), name)
        ended: Future[Outcome] = Future()
        if job is None:
            ended.set_result(Outcome.UNKNOWN if self._surroundings.is_open() else Outcome.DROPPED)
            return ended

        def run() -> None:
            if may_begin():
                job.run()

        def then(ending: Ending) -> None:
            ended.set_result(Outcome(ending))

        return ended if self._threads.begin(replace(job, run=run), then) else None


def _at_once(slots: Mapping[JobKind, int]) -> dict[str, int]:
    return {str(kind): slots.get(kind, 1) for kind in SHARED}
