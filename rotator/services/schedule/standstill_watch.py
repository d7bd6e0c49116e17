"""The watch over what holds rotations up: the first start is noted, freezes are written down, dangers are told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from rotator.core.thresholds import has_come
from rotator.history.standstills import Standstills
from rotator.services.alerting.kinds import HELD, key
from rotator.services.alerting.standstill_alerts import first_start, held
from rotator.services.inventory.schedules import Schedules
from rotator.services.inventory.status import last_known_statuses
from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.services.inventory.status import CredentialStatus
    from rotator.services.schedule.context import ServiceContext, UnitOfWork

LOG: Final = logging.getLogger(__name__)


class StandstillWatch:
    """Threads may share it. Everything raises HistoryError."""

    def __init__(self, context: ServiceContext) -> None:
        self._context: Final = context
        self._has_started = False

    def note_first_start(self) -> None:
        """Notes when the service first started on this database, before it begins anything."""
        if self._has_started:
            return
        now, settings = self._context.now(), self._context.settings
        started = Standstills(self._context.database).first_start(self._context.actor, now)
        until = Schedules(settings, [started]).first_start
        if until and until.covers(now):
            LOG.info("the first start: no rotation begins before", extra={"until": until.until})
        self._has_started = True

    def lines(self, now: datetime) -> list[CredentialStatus]:
        """The credentials that are held up, now or later, as they were last seen."""
        when, settings = self._context.schedules(), self._context.settings
        names = [name for name in settings.credentials if when.of(name).is_held_up_from(now)]
        return last_known_statuses(settings, self._context.database, names, now) if names else []

    def tell(self, history: UnitOfWork, lines: list[CredentialStatus], now: datetime) -> None:
        """Opens and closes the alerts of `lines`, in one transaction; what is as it was is told no second time."""
        known = Standstills(history.database)
        when = Schedules(self._context.settings, known.all())
        known.note_freezes(when.freezes(), self._context.actor, now)
        told = {alert.key for alert in history.alerts.open_alerts(kind=HELD)}
        for line in lines:
            self._tell_danger(history, line, told, now)
        for which in told - {key(HELD, line.credential) for line in lines}:
            history.alerting.solved(which, "", now)
        self._tell_first_start(history, when, lines, now)

    @staticmethod
    def _tell_danger(history: UnitOfWork, line: CredentialStatus, told: set[str], now: datetime) -> None:
        danger, not_after, which = line.life.danger, line.life.not_after, key(HELD, line.credential)
        if danger and not_after and has_come(danger.told_from, now):
            org, fingerprint = line.settings.org, line.fingerprint or None
            new = held(line.credential, org, danger, not_after=not_after, now=now, fingerprint=fingerprint)
            history.alerting.problem(new, now)
        elif which in told:
            history.alerting.solved(which, "", now)

    def _tell_first_start(
        self, history: UnitOfWork, when: Schedules, lines: list[CredentialStatus], now: datetime
    ) -> None:
        """Once, as soon as it is known of every org what it holds, or that it cannot be read."""
        started = when.first_start
        if started is None or started.until is None or not started.covers(now):
            return
        tried = [history.attempts.get(JobKind.INVENTORY, org).last_at for org in self._context.settings.orgs]
        if all(tried):
            history.alerting.happened(first_start(started, started.until, lines), now)
