"""The heartbeat: after each full round an outside monitor is told, so that silence is noticed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from rotator.alerts.heartbeat import HeartbeatFailed
from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rotator.core.attempts import AttemptRecord
    from rotator.services.schedule.context import ServiceContext
    from rotator.services.schedule.jobs import Job, Moment

LOG: Final = logging.getLogger(__name__)


class Heartbeat:
    """Knows when a round is full."""

    def __init__(self, office: ServiceContext) -> None:
        self._office: Final = office

    def is_due(self, moment: Moment, due: Iterable[Job]) -> bool:
        """Whether a full round has ended since the last heartbeat.

        Every org was looked at, or is known to be failing; and of what is `due` now, everything was tried. A round
        takes the time between two looks at the least.
        """
        trial = moment.trial(JobKind.HEARTBEAT)
        if not trial.is_due(moment.now, self._office.settings.daemon.inventory_every):
            return False
        since = trial.last_at if trial.last_at and trial.last_at <= moment.now else None
        looks = [(JobKind.LOOK, org) for org in self._office.settings.orgs]
        rest = [job.key for job in due if job.kind in {JobKind.LOOK, JobKind.ROTATE}]
        return all(_is_tried(moment.trial(*key), since) for key in (*looks, *rest))

    def beat(self) -> None:
        """Calls the monitor, if there is one. That it cannot be reached is logged: that is what it notices itself."""
        now = self._office.now()
        if self._office.settings.daemon.heartbeat:
            try:
                with self._office.open_scope() as scope:
                    scope.beat()
            except HeartbeatFailed as error:
                LOG.warning("heartbeat failed", extra={"why": error.what})
        trial = self._office.books.trials.get(JobKind.HEARTBEAT, "")
        self._office.books.trials.put(trial.succeeded(now))


def _is_tried(trial: AttemptRecord, since: datetime | None) -> bool:
    if trial.last_at is None:
        return False
    return since is None or trial.last_at > since or trial.failures > 0
