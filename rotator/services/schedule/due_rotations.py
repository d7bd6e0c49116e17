"""The credentials that have something due, found without a look at those of which nothing can be."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.schedule import NextDue
from rotator.core.thresholds import NEVER, later, soonest
from rotator.services.inventory.schedules import Schedules
from rotator.services.schedule.agenda import Agenda, changed_names
from rotator.services.schedule.due import untold_end
from rotator.services.schedule.jobs import JobKind
from rotator.services.schedule.rotation_job import RotationJob, is_half_done

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from rotator.core.attempts import AttemptRecord
    from rotator.core.schedule import Standstill
    from rotator.services.rotation.report import Report
    from rotator.services.schedule.context import ServiceContext
    from rotator.services.schedule.jobs import Moment

LOOKED_AT_EVERY: Final = timedelta(minutes=15)
"""So often at least what is due and held up is looked at, by a window or by a standstill."""


class RotationJobs:
    """Knows which credentials have something due, and makes an attempt at one of them. Threads may share it."""

    def __init__(self, context: ServiceContext) -> None:
        self._context: Final = context
        self._next_dues: Final = context.memory.next_dues
        self.agenda: Final = Agenda(context.settings.credentials)
        self._attempts: Mapping[str, Mapping[str, AttemptRecord]] = {}
        self._standstills: Mapping[str, Standstill] = {}
        self._unknown: Collection[str] = ()

    def due(self, moment: Moment, inventories: Collection[str] = ()) -> list[str]:
        """The credentials that have something due, and those of which nothing is known yet; what is half done first.

        `inventories` are the orgs whose inventory is due: it will tell what is not known yet of their credentials.
        """
        self.agenda.look_again(changed_names(self._attempts, moment.attempts) | self._next_dues.changed())
        self.agenda.look_again(self._unknown)
        self.agenda.look_again(moment.unfinished)
        if self._standstills is not moment.standstills:
            self.agenda.look_again()
        self._attempts, self._standstills = moment.attempts, moment.standstills
        look = _Look(self._context, moment, frozenset(inventories))
        due = self.agenda.due(moment.now, look.due_from)
        self._unknown = look.unknown
        return look.half_done_first(due)

    def rotate(self, name: str) -> Report | None:
        """Does what is due for a credential; gives the report of a run, None when none was begun.

        What fails is recorded and told to people. Raises HistoryError.
        """
        # Should it fail with a fault of ours, the next attempt observes anew.
        self._next_dues.put({name: None})
        with self._context.open_adapters() as adapters:
            job = RotationJob(self._context, adapters, name)
            report = job.run()
        self._next_dues.put({name: job.next_due})
        if report and report.steps:
            self._context.memory.asked.put({self._context.settings.credentials[name].org: True})
        return report


class _Look:
    """What is due of credentials at one moment."""

    def __init__(self, context: ServiceContext, moment: Moment, inventories: Collection[str]) -> None:
        self._context: Final = context
        self._next_dues: Final = context.memory.next_dues
        self._moment: Final = moment
        self._inventories: Final = inventories
        self._schedules: Final = Schedules(context.settings, moment.standstills.values())
        self._left_open: set[str] | None = None
        self.unknown: Final[set[str]] = set()
        """Those of which nothing is known: whether they are due depends on more than what has changed."""

    def due_from(self, name: str) -> datetime | None:
        """A time that has come where something is due, otherwise one before which nothing is."""
        next_due, attempt = self._next_dues.get(name), self._moment.attempt(JobKind.ROTATE, name)
        now = self._moment.now
        if next_due and not next_due.is_half_done and self._was_left(name, attempt):
            next_due = NextDue(is_half_done=True)
        if next_due is None:
            self.unknown.add(name)
            return now if self._is_unknown_due(name, attempt) else None
        if next_due.is_quiet(now):
            until = soonest([next_due.due_at, next_due.retires_at], now)
            return None if until == NEVER else until
        schedule = self._schedules.of(name)
        if next_due.is_due(schedule, now, attempt):
            return now
        return min(next_due.tried_at(schedule, now, attempt) or NEVER, later(now, LOOKED_AT_EVERY))

    def _was_left(self, name: str, attempt: AttemptRecord) -> bool:
        """Whether a command began a rotation and died in the middle of it, or a service before it told of its end.

        What stopped for a person is left to who typed that until the next inventory: the service would be in the way.
        """
        if name not in self._moment.unfinished:
            return self._is_untold(attempt)
        if self._context.database.holders([name]):
            return False
        return self._context.history.journal.credential_record(name).halted(is_half_done=True) is None

    def _is_untold(self, attempt: AttemptRecord) -> bool:
        database = self._context.database
        return untold_end(database, attempt) is not None and not database.holders([attempt.name])

    def half_done_first(self, due: list[str]) -> list[str]:
        """The same credentials: what was begun does not wait for what was not, where not all can be seen to at once."""
        return sorted(due, key=lambda name: not self._may_be_half_done(name)) if len(due) > 1 else due

    def _is_unknown_due(self, name: str, attempt: AttemptRecord) -> bool:
        """What an earlier process left open goes on at once; the rest waits for the inventory."""
        if attempt.is_due(self._moment.now) and self._context.settings.credentials[name].org not in self._inventories:
            return True
        is_half_done_now = self._may_be_half_done(name) and is_half_done(self._context.history, name)
        left = NextDue(is_half_done=is_half_done_now or self._is_untold(attempt))
        return left.is_due(self._schedules.of(name), self._moment.now, attempt)

    def _may_be_half_done(self, name: str) -> bool:
        """Asked of all at once: after a start there are many of which nothing is known."""
        if self._left_open is None:
            with_pending = self._context.history.last_observations.with_pending()
            self._left_open = {*self._moment.unfinished, *with_pending}
        return name in self._left_open
