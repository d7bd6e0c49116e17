"""What is under way: never one thing twice, and of each kind only so many at once."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.tracebacks import place_of
from rotator.errors import RotatorError
from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from rotator.services.schedule.jobs import Job

_LOG: Final = logging.getLogger(__name__)

_NAMES: Final = {JobKind.INVENTORY: "org", JobKind.ROTATE: "credential", JobKind.DELIVER: "channel"}
"""What a job's name is the name of."""

REST: Final = timedelta(minutes=5)
"""After a fault, which noted no time for a next trial, a job is left alone for so long."""


@dataclass(frozen=True)
class Running:
    """A job under way, and since when by the monotonic clock."""

    job: Job
    since: float


class Workers:
    """Runs jobs in threads. The threads end with the process: each job can be cut off as by a crash."""

    def __init__(self, slots: Mapping[JobKind, int], *, monotonic: Callable[[], float]) -> None:
        """`places`: how many of a kind run at once; one where nothing is said."""
        self.slots = dict(slots)
        self._monotonic: Final = monotonic
        self._changed: Final = threading.Condition()
        self._waiting: Final[dict[JobKind, deque[Job]]] = {kind: deque() for kind in JobKind}
        self._running: Final[dict[tuple[JobKind, str], Running]] = {}
        self._resting: Final[dict[tuple[JobKind, str], float]] = {}
        self.faults: Final[Counter[JobKind]] = Counter()
        """How often a job of a kind ended with an exception that nobody foresaw."""
        self.failures: Final[Counter[JobKind]] = Counter()
        """How often one could not even note how it ended, as the history was away."""

    def begin(self, job: Job) -> bool:
        """Runs a job, now or when there is a place. False when it is under way already, or rests after a fault."""
        with self._changed:
            if job.key in self._running or job in self._waiting[job.kind] or self._rests(job):
                return False
            self._waiting[job.kind].append(job)
            self._fill(job.kind)
            return True

    @property
    def running(self) -> tuple[Running, ...]:
        """What runs just now, the oldest first."""
        with self._changed:
            return tuple(self._running.values())

    def drop_waiting(self) -> None:
        """What has found no place yet is not run."""
        with self._changed:
            for jobs in self._waiting.values():
                jobs.clear()

    def wait(self, kinds: Collection[JobKind], timeout: timedelta | None = None) -> bool:
        """Until nothing of these kinds runs or waits; False when that took longer than `patience`."""
        with self._changed:
            seconds = None if timeout is None else timeout.total_seconds()
            return self._changed.wait_for(lambda: not self._is_busy(kinds), seconds)

    def _is_busy(self, kinds: Collection[JobKind]) -> bool:
        return any(kind in kinds for kind, _ in self._running) or any(self._waiting[kind] for kind in kinds)

    def _rests(self, job: Job) -> bool:
        until = self._resting.get(job.key)
        return until is not None and self._monotonic() < until

    def _fill(self, kind: JobKind) -> None:
        """Begins what waits, as far as there are places."""
        while self._waiting[kind] and sum(key[0] is kind for key in self._running) < self.slots.get(kind, 1):
            job = self._waiting[kind].popleft()
            self._running[job.key] = Running(job, self._monotonic())
            threading.Thread(target=self._run, args=(job,), name=str(job), daemon=True).start()

    def _run(self, job: Job) -> None:
        try:
            self._carry_out(job)
        finally:
            with self._changed:
                del self._running[job.key]
                self._fill(job.kind)
                self._changed.notify_all()

    def _carry_out(self, job: Job) -> None:
        about = {_NAMES[job.kind]: job.name} if job.kind in _NAMES else {}
        began = self._monotonic()
        _LOG.log(_level(job), "%s begins", job.kind.label, extra=about)
        try:
            job.run()
        except RotatorError as error:
            self.failures[job.kind] += 1
            _LOG.warning("%s failed: %s", job.kind.label, error.message, extra={**about, "hint": error.hint})
        except Exception as error:
            self._note_fault(job)
            _LOG.exception(
                "a fault in %s, at %s: %s", job.kind.label, place_of(error), type(error).__name__, extra=about
            )
        else:
            seconds = round(self._monotonic() - began, 3)
            _LOG.log(_level(job), "%s ended", job.kind.label, extra={**about, "seconds": seconds})

    def _note_fault(self, job: Job) -> None:
        with self._changed:
            self.faults[job.kind] += 1
            self._resting[job.key] = self._monotonic() + REST.total_seconds()


def _level(job: Job) -> int:
    """What mostly finds nothing to do is told to those only who want to know all; what it finds, it tells itself."""
    return logging.INFO if job.kind is JobKind.INVENTORY else logging.DEBUG
