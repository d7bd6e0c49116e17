"""The threads that do jobs: never two of one key at once, and of each kind only so many.

A job is begun when a slot of its kind is free, in the order in which jobs came. Inventories mostly wait for orgs: of
them as many run at once as the waiting leaves room for (`rotator.daemon.concurrency`), within their slots.

Nothing here has to be remembered. What a job came to it has written down as an attempt itself, and what is due is found
anew from the history on the next tick. So a job that is dropped, or cut off with the process as by a crash, at any
point, is due again then. The threads are daemon threads for that: the process waits for those that it wants to end
well (`wait`), and for no others.

What may fail: a job that cannot record how it ended, as the history is away, counts as failed, and is due again as it
was. One that ends with a fault of ours has written nothing either, and would be begun anew on each tick: it pauses for
FAULT_PAUSE. A machine that has no thread left drops it. Which jobs hang the watchdog asks (`running`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from rotator.daemon.concurrency import Concurrency
from rotator.errors import RotatorError
from rotator.services.schedule.jobs import JobKind
from rotator.tracebacks import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from rotator.services.schedule.jobs import Job

_LOG: Final = logging.getLogger(__name__)

_NAMES: Final = {
    JobKind.INVENTORY: "org",
    JobKind.ROTATE: "credential",
    JobKind.DELIVER: "channel",
    JobKind.HOOK: "hook",
}
"""What a job's name is the name of."""

_ADAPTING: Final = frozenset({JobKind.INVENTORY})
"""Of these as many run at once as the waiting leaves room for, within their slots; of one org never two."""

FAULT_PAUSE: Final = timedelta(minutes=5)
"""So long a job is not begun again after a fault, of which no record says when it is next due."""

STOP_TIMEOUT: Final = timedelta(seconds=20)
"""How long inventories and deliveries may go on after a request to stop; then they are cut off."""


class Ending(StrEnum):
    """How a job ended."""

    DONE = "done"
    """Whatever it came to is recorded as an attempt."""
    FAILED = "failed"
    """It could not record how it went, as the history was away."""
    FAULT = "fault"
    """With an exception that is a fault of ours."""
    DROPPED = "dropped"
    """It was not begun."""


def tell_nobody(_ending: Ending) -> None:
    """What is done once a job has ended, where nobody waits for it."""


@dataclass(frozen=True)
class _Waiting:
    job: Job
    then: Callable[[Ending], None]


@dataclass(frozen=True)
class Running:
    """A job under way, and since when by the monotonic clock."""

    job: Job
    since: float


class Workers:
    """Runs jobs, each in a thread of its own."""

    def __init__(
        self,
        slots: Mapping[JobKind, int],
        *,
        monotonic: Callable[[], float],
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        """`slots`: how many jobs of a kind run at once, at the most; of a kind that is not named, one.

        `worked`: for how many seconds a processor has worked at the thread that asks.
        """
        self.slots = dict(slots)
        self._monotonic: Final = monotonic
        self._worked: Final = worked
        self._concurrency: Final = {kind: Concurrency() for kind in _ADAPTING}
        self._changed: Final = threading.Condition()
        self._waiting: Final[dict[JobKind, dict[str, _Waiting]]] = {kind: {} for kind in JobKind}
        """In the order in which they came, by their names."""
        self._running: Final[dict[tuple[JobKind, str], Running]] = {}
        self._paused_until: Final[dict[tuple[JobKind, str], float]] = {}
        self.faults: Final[Counter[JobKind]] = Counter()
        """How often a job of a kind ended with an exception that is a fault of ours."""
        self.failures: Final[Counter[JobKind]] = Counter()
        """How often a job of a kind could not record how it ended, as the history was away."""

    def begin(self, job: Job, then: Callable[[Ending], None] = tell_nobody) -> bool:
        """Runs a job, now or when a slot is free. False when it is under way already, or pauses after a fault.

        `then` is told how it ended, once it runs no more.
        """
        with self._changed:
            if job.key in self._running or job.name in self._waiting[job.kind] or self._pauses(job):
                return False
            self._waiting[job.kind][job.name] = _Waiting(job, then)
            self._fill(job.kind)
            return True

    def change(self, slots: Mapping[JobKind, int]) -> None:
        """So many of a kind run at once from now on, at the most."""
        with self._changed:
            self.slots = dict(slots)
            for kind in JobKind:
                self._fill(kind)

    @property
    def running(self) -> tuple[Running, ...]:
        """The jobs that run just now, the oldest first."""
        with self._changed:
            return tuple(self._running.values())

    @property
    def under_way(self) -> frozenset[tuple[JobKind, str]]:
        """The keys of the jobs that run just now, or wait for a slot."""
        with self._changed:
            return frozenset([*self._running, *(each.job.key for of in self._waiting.values() for each in of.values())])

    def drop_waiting(self) -> None:
        """Drops the jobs that wait for a slot."""
        with self._changed:
            dropped = [each for jobs in self._waiting.values() for each in jobs.values()]
            for jobs in self._waiting.values():
                jobs.clear()
        for each in dropped:
            each.then(Ending.DROPPED)

    def wait(self, kinds: Collection[JobKind], timeout: timedelta | None = None) -> bool:
        """Waits until no job of these kinds runs or waits; False when that took longer than `timeout`."""
        with self._changed:
            seconds = None if timeout is None else timeout.total_seconds()
            return self._changed.wait_for(lambda: not self._is_busy(kinds), seconds)

    def _is_busy(self, kinds: Collection[JobKind]) -> bool:
        return any(kind in kinds for kind, _ in self._running) or any(self._waiting[kind] for kind in kinds)

    def _pauses(self, job: Job) -> bool:
        until = self._paused_until.get(job.key)
        return until is not None and self._monotonic() < until

    def _fill(self, kind: JobKind) -> None:
        """Begins jobs that wait, as far as slots are free; what has no thread is dropped, as it is due again."""
        while self._waiting[kind] and sum(key[0] is kind for key in self._running) < self.most(kind):
            next_one = self._waiting[kind].pop(next(iter(self._waiting[kind])))
            self._running[next_one.job.key] = Running(next_one.job, self._monotonic())
            thread = threading.Thread(target=self._run, args=(next_one,), name=str(next_one.job), daemon=True)
            try:
                thread.start()
            except RuntimeError:  # as threading says it
                del self._running[next_one.job.key]
                _LOG.warning("%s could not begin, as the machine has no thread for it", next_one.job)
                next_one.then(Ending.DROPPED)

    def most(self, kind: JobKind) -> int:
        """How many of a kind would run at once just now: its slots, or what the waiting leaves room for."""
        slots, adapted = self.slots.get(kind, 1), self._concurrency.get(kind)
        return min(slots, adapted.at_once) if adapted else slots

    def _run(self, begun: _Waiting) -> None:
        job, ending = begun.job, Ending.FAULT
        began, worked = self._monotonic(), self._worked()
        try:
            ending = self._carry_out(job)
        finally:
            seconds, worked = self._monotonic() - began, self._worked() - worked
            with self._changed:
                del self._running[job.key]
                if job.kind in self._concurrency:
                    self._concurrency[job.kind].ended(seconds, worked, most=self.slots.get(job.kind, 1))
                self._fill(job.kind)
                self._changed.notify_all()
            begun.then(ending)

    def _carry_out(self, job: Job) -> Ending:
        about = {_NAMES[job.kind]: job.name} if job.kind in _NAMES else {}
        began = self._monotonic()
        _LOG.log(_level(job), "%s begins", job.kind.label, extra=about)
        try:
            job.run()
        except RotatorError as error:
            self.failures[job.kind] += 1
            _LOG.warning("%s failed: %s", job.kind.label, error.message, extra={**about, "hint": error.hint})
            return Ending.FAILED
        except Exception as error:  # a fault in one job must not end the thread that does the others
            self._note_fault(job)
            _LOG.exception(
                "a fault in %s, at %s: %s", job.kind.label, place_of(error), type(error).__name__, extra=about
            )
            return Ending.FAULT
        seconds = round(self._monotonic() - began, 3)
        _LOG.log(_level(job), "%s ended", job.kind.label, extra={**about, "seconds": seconds})
        return Ending.DONE

    def _note_fault(self, job: Job) -> None:
        with self._changed:
            self.faults[job.kind] += 1
            self._paused_until[job.key] = self._monotonic() + FAULT_PAUSE.total_seconds()


def _level(job: Job) -> int:
    """The jobs that mostly find nothing to do are told with `--verbose` only; what they do, they tell themselves."""
    return logging.INFO if job.kind is JobKind.INVENTORY else logging.DEBUG
