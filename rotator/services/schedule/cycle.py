"""The cycle: an inventory of every org, every alert evaluated, everything that is due done once.

    Cycle.due() -> jobs: inventory (org), rotate (credential), deliver (channel), hook (hook and credential), evaluate,
        audit, maintenance, heartbeat

What is due follows from the wall clock and from what the database keeps of earlier attempts
(`rotator.core.attempts`). `rotator run` asks on every tick and runs the jobs in threads; `rotator run --once` has all
of it done one time. Each job opens adapters of its own and closes them.

Nothing here sleeps, keeps a thread or has to be remembered. A job that was not begun, or was cut off by a crash, is due
again when this is asked the next time, so that a stopped machine or a changed clock loses nothing. What each kind of
job has to survive is said in its module: `inventory_job`, `rotation_job` (with `due`), `delivery_job`, `maintenance`.

The limits of an org (`rotator.salesforce.budget`) count the requests of this process, or of all over one history in
Postgres. They put off what is not begun and end an inventory; what a rotation has begun goes on, and is only counted.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.errors import DaemonRunning, RotationRunning
from rotator.services.schedule.audit_job import DailyAudit
from rotator.services.schedule.delivery_job import DeliveryJobs
from rotator.services.schedule.due_rotations import RotationJobs
from rotator.services.schedule.heartbeat_job import Heartbeat
from rotator.services.schedule.inventory_job import InventoryJobs
from rotator.services.schedule.jobs import LEADER_LOCK, CycleEnd, Job, JobKind
from rotator.services.schedule.maintenance import Maintenance
from rotator.services.schedule.row_watch import RowWatch
from rotator.services.schedule.standstill_watch import StandstillWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rotator.core.attempts import AttemptRecord
    from rotator.core.hook import Calls
    from rotator.history.locks.locks import Hold, RotationLocks
    from rotator.services.rotation.report import Report
    from rotator.services.schedule.context import ServiceContext
    from rotator.services.schedule.jobs import Moment


LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class CycleResult:
    """How a cycle ended."""

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
    """Knows what is due, and does it. Threads may share it; jobs of one key must not run at the same time."""

    def __init__(self, context: ServiceContext) -> None:
        self._context: Final = context
        self._standstills: Final = StandstillWatch(context)
        self._inventory: Final = InventoryJobs(context, self._standstills)
        self._rotations: Final = RotationJobs(context)
        self._delivery: Final = DeliveryJobs(context)
        self._maintenance: Final = Maintenance(context, self._delivery)
        self._audit: Final = DailyAudit(context)
        self._heartbeat: Final = Heartbeat(context)
        self._rows: Final = RowWatch(context)

    @contextmanager
    def lead(self, locks: RotationLocks) -> Iterator[Hold]:
        """Holds the lock of the one daemon that works, without waiting for it.

        Raises DaemonRunning when another has it, HistoryError when it cannot be had at all.
        """
        with ExitStack() as stack:
            try:
                hold = stack.enter_context(locks.hold(LEADER_LOCK))
            except RotationRunning as other:
                raise DaemonRunning(
                    f"Another `rotator run` works on this database: {words.holder(other.holder)}.",
                    holder=other.holder,
                    effect="Nothing was touched.",
                    hint="Leave the work to it, or stop it first.",
                ) from None
            # By what is there now: another may have led meanwhile, on a server that is no more.
            self._context.memory.begin_anew()
            for each in (self._rotations.agenda, self._inventory.agenda):
                each.look_again()
            yield hold

    def due(self) -> list[Job]:
        """What is due now, the most urgent kinds first. Raises HistoryError."""
        self._standstills.note_first_start()
        moment = self._context.moment()
        orgs = self._inventory.due(moment)
        jobs = [
            *self._jobs(JobKind.ROTATE, self._rotations.due(moment, orgs), self.rotate),
            *self._looks(orgs, moment),
            *self._jobs(JobKind.DELIVER, self._delivery.due(moment.now), self.deliver),
            *self._hooks(),
        ]
        if self._inventory.evaluation_is_due(moment):
            jobs.append(Job(JobKind.EVALUATE, "", self.evaluate))
        if self._audit.is_due(moment):
            jobs.append(Job(JobKind.AUDIT, "", self.audit))
        if self._maintenance.is_due(moment):
            jobs.append(Job(JobKind.MAINTENANCE, "", self.maintain))
        if self._heartbeat.is_due(moment, jobs):
            jobs.append(Job(JobKind.HEARTBEAT, "", self.send_heartbeat))
        return jobs

    def once(self, run_all: Callable[[Sequence[Job]], None] = _one_by_one) -> CycleResult:
        """One full cycle, with an inventory of every org, whether or not it is due.

        `run_all` runs jobs to their end, in threads or not. Raises HistoryError. What else fails is in the result.
        """
        self._standstills.note_first_start()
        run_all(self._jobs(JobKind.INVENTORY, self._context.settings.orgs, self.take_inventory))
        run_all(self._jobs(JobKind.ROTATE, self._rotations.due(self._context.moment()), self.rotate))
        if hooks := self._hooks():
            run_all(hooks)
        self.evaluate()
        if self._audit.is_due(self._context.moment()):
            self.audit()
        if self._maintenance.is_due(self._context.moment()):
            self.maintain()
        run_all(self._jobs(JobKind.DELIVER, self._delivery.due(self._context.now()), self.deliver))
        self.send_heartbeat()
        tried = self._context.history.attempts.all()
        return CycleResult(tuple(each for each in tried if each.failures and self._context.has(each.kind, each.name)))

    def job(self, kind: JobKind, name: str) -> Job | None:
        """The job that another has found due; None where this configuration does not have what it is for."""
        alone = {
            JobKind.EVALUATE: self.evaluate,
            JobKind.AUDIT: self.audit,
            JobKind.MAINTENANCE: self.maintain,
            JobKind.HEARTBEAT: self.send_heartbeat,
        }
        if kind in alone:
            return Job(kind, "", alone[kind])
        if not self._context.has(kind, name):
            return None
        if kind is JobKind.HOOK:
            return next(self._hook_job(calls) for calls in self._context.settings.hook_calls if calls.name == name)
        do = {JobKind.ROTATE: self.rotate, JobKind.INVENTORY: self.take_inventory, JobKind.DELIVER: self.deliver}
        return Job(kind, name, partial(do[kind], name))

    def _looks(self, orgs: Iterable[str], moment: Moment) -> Iterator[Job]:
        for job in self._jobs(JobKind.INVENTORY, orgs, self.take_inventory):
            yield replace(job, has_failed=moment.attempt(job.kind, job.name).failures > 0)

    @staticmethod
    def _jobs(kind: JobKind, names: Iterable[str], do: Callable[[str], object]) -> list[Job]:
        return [Job(kind, name, partial(do, name)) for name in names]

    def _hooks(self) -> list[Job]:
        return [self._hook_job(each) for each in self._context.hooks.due()]

    def _hook_job(self, calls: Calls) -> Job:
        return Job(JobKind.HOOK, calls.name, partial(self.call_hook, calls))

    def take_inventory(self, org: str) -> None:
        """Takes the inventory of one org: certificates, credentials, and what people are to be told of them."""
        self._inventory.take_inventory(org)
        self._rows.note_met()

    def rotate(self, credential: str) -> Report | None:
        """Finishes, begins or retires what is due of a credential. None when no run was begun."""
        report = self._rotations.rotate(credential)
        self._rows.note_met()
        return report

    def call_hook(self, calls: Calls) -> None:
        """Calls one hook after what has happened to one credential."""
        with self._context.open_adapters() as adapters:
            for made in self._context.hooks.make(calls, adapters.hook):
                about = {"hook": made.hook, "credential": made.call.credential, "hook_event": str(made.call.event)}
                if made.problem:
                    LOG.warning("a hook failed: %s", made.problem.message, extra=about)
                else:
                    LOG.info("called a hook", extra=about)

    def evaluate(self) -> None:
        """Finds the thresholds that were crossed since the last inventory, also in orgs that cannot be read."""
        self._inventory.evaluate()

    def deliver(self, channel: str) -> None:
        """Sends the notifications that are due at a channel."""
        self._delivery.deliver(channel)

    def audit(self) -> None:
        """Finds what of the set-up is not as it should be."""
        self._audit.run()

    def maintain(self) -> None:
        """Verifies the history, deletes what is old, sweeps the stores."""
        self._maintenance.run()

    def send_heartbeat(self) -> None:
        """Tells the outside monitor that a full cycle has ended."""
        self._heartbeat.send()
