"""The round: every org looked at, every threshold told, everything due done. It decides nothing about when it is asked.

`rotator run` asks every few seconds what is due (`Cycle.due`) and runs the jobs in its threads; `rotator run --once`
has all of it done one time (`Cycle.once`). Nothing here sleeps or keeps a thread, and every decision rests on the wall
clock and on what the history and the world show, so that a stopped machine or a changed clock loses nothing.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from rotator.errors import DaemonRunning, RotationRunning
from rotator.services.schedule.delivery_job import DeliveryJobs
from rotator.services.schedule.due import NextDues
from rotator.services.schedule.heartbeat import Heartbeat
from rotator.services.schedule.inventory_job import InventoryJobs
from rotator.services.schedule.jobs import CycleEnd, Job, JobKind
from rotator.services.schedule.maintenance import Maintenance
from rotator.services.schedule.rotation_job import RotationJobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rotator.core.attempts import AttemptRecord
    from rotator.history.locks.locks import Hold, RotationLocks
    from rotator.services.rotation.report import Report
    from rotator.services.schedule.context import ServiceContext

WORK: Final = "#daemon"
"""Name of the lock that one daemon holds while it works; no credential can be called so."""


@dataclass(frozen=True)
class CycleResult:
    """How a round ended."""

    failing: tuple[AttemptRecord, ...]
    """What failed when it was last tried."""

    @property
    def end(self) -> CycleEnd:
        """`ATTENTION` as soon as one of the failures needs a person."""
        if not self.failing:
            return CycleEnd.WELL
        needs_person = any(attempt.lasting or attempt.needs_attention for attempt in self.failing)
        return CycleEnd.ATTENTION if needs_person else CycleEnd.AWAY


def _one_by_one(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.run()


class Cycle:
    """What is due, and the doing of it. Threads may share it; jobs of one key must not run at the same time."""

    def __init__(self, context: ServiceContext) -> None:
        self._context: Final = context
        next_dues = NextDues()
        self._inventory: Final = InventoryJobs(context, next_dues)
        self._rotations: Final = RotationJobs(context, next_dues, self._inventory.ask)
        self._delivery: Final = DeliveryJobs(context)
        self._maintenance: Final = Maintenance(context, self._delivery)
        self._heartbeat: Final = Heartbeat(context)

    @contextmanager
    def at_work(self, locks: RotationLocks) -> Iterator[Hold]:
        """Holds the lock of the one daemon that works, and never waits.

        Raises DaemonRunning when another has it, HistoryError when it cannot be had at all.
        """
        with ExitStack() as stack:
            try:
                hold = stack.enter_context(locks.hold(WORK))
            except RotationRunning as other:
                raise DaemonRunning(
                    f"Another `rotator run` works on this database: {other.message.partition(', by ')[2]}",
                    effect="Nothing was touched.",
                    hint="Leave the work to it, or stop it first.",
                ) from None
            yield hold

    def due(self) -> list[Job]:
        """What is due now, the most urgent kinds first. Raises HistoryError.

        A job that was not begun, or did not end, is due again when this is asked the next time.
        """
        moment = self._context.moment()
        looks = self._inventory.due(moment)
        jobs = [
            *self._jobs(JobKind.ROTATE, self._rotations.due(moment, looks), self.rotate),
            *self._jobs(JobKind.INVENTORY, looks, self.take_inventory),
            *self._jobs(JobKind.DELIVER, self._delivery.due(moment.now), self.deliver),
        ]
        if self._inventory.evaluation_is_due(moment):
            jobs.append(Job(JobKind.EVALUATE, "", self.evaluate))
        if self._maintenance.is_due(moment):
            jobs.append(Job(JobKind.MAINTENANCE, "", self.maintain))
        if self._heartbeat.is_due(moment, jobs):
            jobs.append(Job(JobKind.HEARTBEAT, "", self.send_heartbeat))
        return jobs

    def once(self, run_all: Callable[[Sequence[Job]], None] = _one_by_one) -> CycleResult:
        """One full round: every org is looked at, due or not. `run_all` runs jobs, in threads or not, to their end.

        Raises HistoryError. What else fails is in the result.
        """
        run_all(self._jobs(JobKind.INVENTORY, self._context.settings.orgs, self.take_inventory))
        run_all(self._jobs(JobKind.ROTATE, self._rotations.due(self._context.moment()), self.rotate))
        self.evaluate()
        if self._maintenance.is_due(self._context.moment()):
            self.maintain()
        run_all(self._jobs(JobKind.DELIVER, self._delivery.due(self._context.now()), self.deliver))
        self.send_heartbeat()
        tried = self._context.history.attempts.all()
        return CycleResult(tuple(each for each in tried if each.failures and self._context.has(each.kind, each.name)))

    @staticmethod
    def _jobs(kind: JobKind, names: Iterable[str], story: Callable[[str], object]) -> list[Job]:
        return [Job(kind, name, partial(_run, story, name)) for name in names]

    def take_inventory(self, org: str) -> None:
        """Looks at one org: certificates and credentials, and who is to be told of what."""
        self._inventory.take_inventory(org)

    def rotate(self, credential: str) -> Report | None:
        """Does what a credential needs: goes on, rotates, retires. None when there was nothing that could be done."""
        return self._rotations.rotate(credential)

    def evaluate(self) -> None:
        """Finds the thresholds that were crossed since the last look, also in orgs that cannot be read."""
        self._inventory.evaluate()

    def deliver(self, channel: str) -> None:
        """Sends what is pending for a channel and due."""
        self._delivery.deliver(channel)

    def maintain(self) -> None:
        """Proves the history, trims what nobody needs any more, sweeps leftovers."""
        self._maintenance.keep()

    def send_heartbeat(self) -> None:
        """Tells the outside monitor that a full round has ended."""
        self._heartbeat.send_heartbeat()


def _run(story: Callable[[str], object], name: str) -> None:
    story(name)
