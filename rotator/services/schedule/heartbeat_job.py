"""The heartbeat: after each full cycle a monitor outside is called, so that people learn of it when calls stop."""

from __future__ import annotations

import logging
from itertools import chain
from typing import TYPE_CHECKING, Final

from rotator.alerts.base import DeliveryFailed
from rotator.core.thresholds import was_set_back
from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rotator.core.attempts import AttemptRecord
    from rotator.services.schedule.context import ServiceContext
    from rotator.services.schedule.jobs import Job, Moment

LOG: Final = logging.getLogger(__name__)


class Heartbeat:
    """Knows when a cycle is complete, and calls the monitor then."""

    def __init__(self, context: ServiceContext) -> None:
        self._context: Final = context
        self._waits_for = ""
        """The org whose inventory was last missing: looked at first, so that most ticks look at no other."""

    def is_due(self, moment: Moment, due: Iterable[Job]) -> bool:
        """Whether a full cycle has ended since the last heartbeat.

        In a full cycle the inventory of every org was taken, or is known to fail, and all that is `due` now was tried.
        It takes at least the time between two inventories of an org.
        """
        attempt = moment.attempt(JobKind.HEARTBEAT)
        if not attempt.is_due(moment.now, self._context.settings.daemon.inventory_every):
            return False
        since = None if was_set_back(attempt.last_at, moment.now) else attempt.last_at
        orgs = chain([self._waits_for] if self._waits_for else [], self._context.settings.orgs)
        missing = (org for org in orgs if not _is_tried(moment.attempt(JobKind.INVENTORY, org), since))
        self._waits_for = next(missing, "")
        rest = [job.key for job in due if job.kind in {JobKind.INVENTORY, JobKind.ROTATE}]
        return not self._waits_for and all(_is_tried(moment.attempt(*key), since) for key in rest)

    def send(self) -> None:
        """Calls the monitor, if there is one. A call that fails is only logged: the monitor misses it anyway."""
        now = self._context.now()
        if self._context.settings.daemon.heartbeat:
            try:
                with self._context.open_adapters() as adapters:
                    adapters.send_heartbeat()
            except DeliveryFailed as error:
                LOG.warning("heartbeat failed", extra={"why": error.message})
        attempt = self._context.history.attempts.get(JobKind.HEARTBEAT, "")
        self._context.history.attempts.put(attempt.succeeded(now))


def _is_tried(attempt: AttemptRecord, since: datetime | None) -> bool:
    if attempt.last_at is None:
        return False
    return since is None or attempt.last_at > since or attempt.failures > 0
