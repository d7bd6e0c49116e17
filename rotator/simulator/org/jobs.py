"""Work that a client starts and asks about later: deployments and retrieves."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from rotator.simulator.org.users import User

KEPT_JOBS: Final = 50
"""Finished jobs that can still be asked about."""

DEPLOYMENT: Final = "0Af"
"""How the id of a deployment begins."""

Status = Literal["Pending", "InProgress", "Succeeded", "SucceededPartial", "Failed", "Canceled"]


@dataclass
class Job:
    """One deployment or retrieve: it takes effect when it is due, not when it is asked about."""

    id: str
    user: User
    created_at: datetime
    begins: datetime
    """When it is at work, and can no longer be taken back."""
    due: datetime
    work: Callable[[Job], None]
    """Does the work as of `due`: sets `status`, and `result` in a form of its kind."""
    status: Status = "Pending"
    result: Any = None
    options: dict[str, Any] = field(default_factory=dict)
    """What was asked for, by the API's names."""
    canceled_by: User | None = None

    @property
    def is_done(self) -> bool:
        """Whether nothing more will happen."""
        return self.status not in {"Pending", "InProgress"}


class Jobs:
    """The jobs of one org, the oldest finished ones forgotten."""

    def __init__(self) -> None:
        self._jobs: Final[OrderedDict[str, Job]] = OrderedDict()

    def start(
        self,
        job_id: str,
        user: User,
        now: datetime,
        seconds: float,
        work: Callable[[Job], None],
        *,
        at_work: float = 0.0,
        **options: Any,
    ) -> Job:
        """Queues a job that waits for so many seconds, and is at work for as many more."""
        begins = now + timedelta(seconds=seconds)
        job = Job(job_id, user, now, begins, begins + timedelta(seconds=at_work), work, options=options)
        self.put(job)
        while len(self._jobs) > KEPT_JOBS and next(iter(self._jobs.values())).is_done:
            self._jobs.popitem(last=False)
        return job

    def find(self, job_id: str) -> Job | None:
        """A job by its id, of 15 or 18 characters."""
        return next((job for job in self._jobs.values() if job.id[:15] == job_id[:15]), None) if job_id else None

    def __iter__(self) -> Iterator[Job]:
        return iter(tuple(self._jobs.values()))

    def put(self, job: Job) -> None:
        """Takes a job in, behind those that are there."""
        self._jobs[job.id] = job

    def clear(self) -> None:
        """Forgets all jobs, also those that have not taken effect."""
        self._jobs.clear()

    def settle(self, now: datetime) -> None:
        """Lets what is due take effect, in the order in which it is due."""
        for job in self._jobs.values():
            if job.status == "Pending" and job.begins < job.due and job.begins <= now:
                job.status = "InProgress"
        due = [job for job in self._jobs.values() if not job.is_done and job.due <= now]
        for job in sorted(due, key=lambda job: job.due):
            job.work(job)

    def cancel(self, job: Job, user: User) -> bool:
        """Takes a job back that waits; False when it is done, or at work and goes on."""
        if job.status != "Pending":
            return False
        job.status, job.canceled_by = "Canceled", user
        return True
