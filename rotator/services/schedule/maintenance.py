"""The daily maintenance: the history is verified and kept small, what interrupted runs left in the stores goes."""

from __future__ import annotations

import logging
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.errors import RotatorError
from rotator.history.audit_findings import AuditFindings
from rotator.history.hooks import HookCalls
from rotator.history.journal.verification import signed_head, verify
from rotator.history.retention import KEPT, forget, forget_unconfigured
from rotator.history.row_check import unreadable_rows
from rotator.history.signing.heads import append_head
from rotator.history.standstills import Standstills
from rotator.history.usage.recorded_logins import RecordedLogins
from rotator.services.alerting.catalog import head_of_history, history_broken
from rotator.services.alerting.kinds import HISTORY, HOOK
from rotator.services.inventory.scan import configured_places
from rotator.services.inventory.schedules import all_scopes
from rotator.services.schedule.jobs import JobKind
from rotator.services.schedule.row_watch import RowWatch

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.history.signing.heads import Head
    from rotator.services.schedule.context import JobAdapters, ServiceContext
    from rotator.services.schedule.delivery_job import DeliveryJobs
    from rotator.services.schedule.jobs import Moment

LOG: Final = logging.getLogger(__name__)

EVERY: Final = timedelta(days=1)


class Maintenance:
    """Keeps the history and the stores in order."""

    def __init__(self, context: ServiceContext, delivery: DeliveryJobs) -> None:
        self._context: Final = context
        self._delivery: Final = delivery

    @staticmethod
    def is_due(moment: Moment) -> bool:
        """Whether it was last done a day ago."""
        return moment.attempt(JobKind.MAINTENANCE).is_due(moment.now, EVERY)

    def run(self) -> None:
        """Does all of it. Raises HistoryError. Of a store that cannot be swept, an inventory tells people."""
        now = self._context.now()
        self._verify(now)
        self._context.database.maintain()
        forgotten = self._context.history.outbox.forget(now - KEPT)
        if forgotten:
            LOG.info("forgot old notifications", extra={"notifications": forgotten})
        RecordedLogins(self._context.database).forget(now)
        if self._context.memory.is_configured_alike():
            self._forget_what_is_over(now)
            self._forget_unconfigured()
        else:
            LOG.info("forgot nothing that is not configured here: another machine has another configuration")
        self._context.hooks.end_what_is_over(self._context.history.alerts.open_alerts(kind=HOOK))
        # Nobody may be writing a version just now: one that is rotated is left out.
        names = self._context.settings.credentials
        with self._context.open_adapters() as adapters, closing(adapters.fenced_locks.one_by_one(names)) as held:
            for hold in held:
                self._sweep(adapters, hold.credential)
        self._context.history.attempts.put(self._context.history.attempts.get(JobKind.MAINTENANCE, "").succeeded(now))

    def _forget_what_is_over(self, now: datetime) -> None:
        settings = self._context.settings
        over = forget(self._context.database, now, {org: configured_places(settings, org) for org in settings.orgs})
        if any(over.values()):
            LOG.info("forgot what is gone and over", extra=over)
        AuditFindings(self._context.database).forget(now, settings.orgs)

    def _verify(self, now: datetime) -> None:
        found = verify(self._context.database)
        RowWatch(self._context).tell(self._context.history, unreadable_rows(self._context.database), now)
        if found.intact:
            self._context.history.alerting.solved(HISTORY, "The chain of its events is whole again.", now)
            self._publish(signed_head(self._context.database, found, now), now)
        else:
            self._context.history.alerting.problem(history_broken(found), now)

    def _publish(self, head: Head | None, now: datetime) -> None:
        """Puts the head where the database's owner cannot write: the log, a file, channels that want it."""
        if head is None:
            return
        LOG.info("head of the history", extra={"events": head.events, "head": str(head)})
        file = self._context.settings.history.heads_file
        if file:
            try:
                append_head(file, head)
            except OSError as error:
                why = error.strerror or type(error).__name__
                LOG.warning("could not keep the head of the history", extra={"file": str(file), "why": why})
        if any(channel.heads for channel in self._context.settings.alerts.channels.values()):
            self._context.history.alerting.happened(head_of_history(head), now)

    def _forget_unconfigured(self) -> None:
        """Deletes the records of what was taken out of the configuration, and the notifications for channels there."""
        self._context.memory.forget_unconfigured(self._context.settings)
        self._delivery.forget_unconfigured()
        with self._context.history.transaction() as history:
            for attempt in history.attempts.all():
                if not self._context.has(attempt.kind, attempt.name):
                    history.attempts.forget(attempt.kind, attempt.name)
            forget_unconfigured(history.database, self._context.settings.credentials)
            hooks, calls = self._context.settings.hooks.after_rotation, self._context.settings.hook_calls
            HookCalls(history.database).keep_only(hooks, calls)
            scopes = all_scopes(self._context.settings)
            Standstills(history.database).keep_only(scopes, self._context.actor, self._context.now())

    def _sweep(self, adapters: JobAdapters, name: str) -> None:
        store = self._context.settings.credentials[name].store
        try:
            adapters.store(store).sweep(name)
        except RotatorError as error:
            LOG.warning("could not sweep", extra={"credential": name, "store": store, "why": error.message})
