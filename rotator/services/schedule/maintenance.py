"""House-keeping, once a day: the history is proven and kept small, leftovers in the stores go."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.errors import RotationRunning, RotatorError
from rotator.history.journal.queries import verify
from rotator.services.alerting.catalog import HISTORY, history_broken
from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.services.schedule.context import JobContext, ServiceContext
    from rotator.services.schedule.delivery_job import DeliveryJobs
    from rotator.services.schedule.jobs import Moment

LOG: Final = logging.getLogger(__name__)

EVERY: Final = timedelta(days=1)

KEPT: Final = timedelta(days=365)
"""How long the ledger says who was told of a matter that has ended. The journal is never trimmed."""


class Maintenance:
    """Keeps the history and the stores in order."""

    def __init__(self, office: ServiceContext, post: DeliveryJobs) -> None:
        self._office: Final = office
        self._post: Final = post

    @staticmethod
    def is_due(moment: Moment) -> bool:
        """Whether it was last done a day ago."""
        return moment.trial(JobKind.UPKEEP).is_due(moment.now, EVERY)

    def keep(self) -> None:
        """Does all of it. Raises HistoryError; a store that cannot be swept is told by the looks."""
        now = self._office.now()
        self._prove(now)
        self._office.database.maintain()
        forgotten = self._office.books.ledger.forget(now - KEPT)
        if forgotten:
            LOG.info("forgot old notices", extra={"notices": forgotten})
        self._forget_unconfigured()
        with self._office.open_scope() as scope:
            for name in self._office.settings.credentials:
                self._sweep(scope, name)
        self._office.books.trials.put(self._office.books.trials.get(JobKind.UPKEEP, "").succeeded(now))

    def _prove(self, now: datetime) -> None:
        found = verify(self._office.database)
        if found.intact:
            self._office.books.alerts.solved(HISTORY, "The chain of its events is whole again.", now)
        else:
            self._office.books.alerts.problem(history_broken(found), now)

    def _forget_unconfigured(self) -> None:
        """What the configuration has no more is not tried again, and nobody is owed anything there."""
        self._post.forget_unconfigured()
        with self._office.books.together() as books:
            for trial in books.trials.all():
                if not self._office.has(trial.kind, trial.name):
                    books.trials.forget(trial.kind, trial.name)

    def _sweep(self, scope: JobContext, name: str) -> None:
        store = self._office.settings.credentials[name].store
        try:
            # Nobody may be writing a version just now.
            with self._office.database.rotation_locks(self._office.now).hold(name):
                scope.store(store).sweep(name)
        except RotationRunning:
            return
        except RotatorError as error:
            LOG.warning("could not sweep", extra={"credential": name, "store": store, "why": error.what})
