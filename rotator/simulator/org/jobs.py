"""Work that a client starts and asks about later: deployments and retrieves."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.simulator.org.users import User

KEPT_JOBS: Final = 50
"""Finished jobs that can still be asked about."""

Status = Literal["Pending", "InProgress", "Succeeded", "SucceededPartial", "Failed", "Canceled"]


@dataclass
class Job:
    """One deployment or retrieve: it takes effect when it is due, not when it is asked about."""

    id: str
    user: User
    created_at: datetime
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
        self, job_id: str, user: User, now: datetime, seconds: float, work: Callable[[Job], None], **options: Any
    ) -> Job:
        """Queues a job that is due in so many seconds."""
        job = Job(job_id, user, now, now + timedelta(seconds=seconds), work, options=options)
        self._jobs[job.id] = job
        while len(self._jobs) > KEPT_JOBS and next(iter(self._jobs.values())).is_done:
            self._jobs.popitem(last=False)
        return job

    def find(self, job_id: str) -> Job | None:
        """A job by its id, of 15 or 18 characters."""
        return next((job for job in self._jobs.values() if job.id[:15] == job_id[:15]), None) if job_id else None

    def settle(self, now: datetime) -> None:
        """Lets what is due take effect, in the order in which it is due."""
        due = [job for job in self._jobs.values() if not job.is_done and job.due <= now]
        for job in sorted(due, key=lambda job: job.due):
            job.work(job)

    def cancel(self, job: Job, user: User) -> bool:
        """Takes a job back before it takes effect; False when it is done."""
        if job.is_done:
            return False
        job.status, job.canceled_by = "Canceled", user
        return True
