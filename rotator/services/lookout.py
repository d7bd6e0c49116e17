"""Looks at orgs by schedule: what is there is noted, and who is to be told of it is decided."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from functools import partial
from random import Random
from threading import Lock
from typing import TYPE_CHECKING, Final

from rotator.core.kinds import Kind
from rotator.errors import HistoryError
from rotator.history.journal import Journal
from rotator.history.sightings import last_sightings, record_sightings
from rotator.history.transactions import Within
from rotator.salesforce.budget import LimitReached
from rotator.services.findings import Findings
from rotator.services.jobs import JobKind
from rotator.services.matters_of import unreadable_org
from rotator.services.remembered import remembered
from rotator.services.scan import scan, seen_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rotator.core.trials import Trial
    from rotator.errors import RotatorError
    from rotator.history.records import LastSighting, Sighting
    from rotator.services.jobs import Moment
    from rotator.services.outlooks import Outlooks
    from rotator.services.scan import Scan
    from rotator.services.scope import Office, Scope

LOG: Final = logging.getLogger(__name__)

EVALUATED_EVERY: Final = timedelta(minutes=5)
"""How late a threshold may be told that is crossed between two looks, or while an org cannot be read."""


class Lookout:
    """Knows which orgs are due, and looks at one of them. Threads may share it, each with an org of its own."""

    def __init__(self, office: Office, outlooks: Outlooks) -> None:
        self._office: Final = office
        self._outlooks: Final = outlooks
        self._salt: Final = office.random()
        self._asked: Final[set[str]] = set()
        self._deciding: Final = Lock()
        """Of two decisions on what was seen, the one that rests on an older look is never made last."""

    def ask(self, org: str) -> None:
        """Has an org looked at soon: something was changed there."""
        self._asked.add(org)

    def due(self, moment: Moment) -> list[str]:
        """The orgs that are due, or were asked for."""
        return [org for org in self._office.settings.orgs if self._is_due(org, moment)]

    def _is_due(self, org: str, moment: Moment) -> bool:
        if org in self._asked:
            return True
        daemon, trial = self._office.settings.daemon, moment.trial(JobKind.LOOK, org)
        # The same for as long as the last look was the same, however often this is asked.
        spread = Random(f"{self._salt} {org} {trial.last_at}").random()  # noqa: S311 - it only spreads the looks
        return trial.is_due(moment.now, daemon.inventory_every + daemon.jitter * spread)

    def look(self, org: str) -> None:
        """Looks at one org. What cannot be read is noted, and told to people. Raises HistoryError."""
        self._asked.discard(org)
        trial, now = self._office.trials.get(JobKind.LOOK, org), self._office.now()
        with self._office.open_scope(limited=True) as scope:
            room_at = scope.room_at(org)
            if room_at:
                self._put_off(trial, room_at)
                return
            found = self._scan(scope, org, now)
            error = _whole_org(found)
            if isinstance(error, LimitReached):
                self._put_off(trial, scope.room_at(org) or now)
            elif error:
                self._away(trial, error)
            else:
                self._seen(scope, trial, found, now)

    def _scan(self, scope: Scope, org: str, now: datetime) -> Scan:
        database = self._office.database

        def record(sightings: Sequence[Sighting], *, gone: Iterable[LastSighting]) -> None:
            record_sightings(database, sightings, now, gone=gone)

        found = scan(
            self._office.settings,
            read_org=scope.inventory,
            store=scope.store,
            known=partial(last_sightings, database),
            record=record,
            now=now,
            orgs=[org],
        )
        for problem in found.problems:
            if isinstance(problem.error, HistoryError):
                raise problem.error
        return found

    def _put_off(self, trial: Trial, until: datetime) -> None:
        LOG.info("put off: the limits of the org are reached", extra={"org": trial.name, "until": until})
        self._office.trials.put(replace(trial, last_at=self._office.now(), next_at=until))

    def _away(self, trial: Trial, error: RotatorError) -> None:
        failed = self._office.failed(trial, error)
        self._office.trials.put(failed)
        LOG.warning("cannot be read: %s", error.what, extra={"org": trial.name, "again_at": failed.next_at})
        new = unreadable_org(trial.name, error, since=trial.last_good_at)
        self._office.alerts.problem(new, self._office.now(), failures=failed.failures)

    def _seen(self, scope: Scope, trial: Trial, found: Scan, now: datetime) -> None:
        findings = Findings(self._office, scope, trial.name, found, now)
        unread = {problem.kind for problem in found.problems}
        with self._deciding:
            whole = [(trial.name, str(kind)) for kind in Kind if kind not in unread]
            self._office.alerts.certificates(seen_now(self._office.settings, found), now, whole=whole)
        findings.tell()
        for name, outlook in findings.outlooks():
            self._outlooks.note(name, outlook)
        self._office.note([trial.succeeded(now), *findings.stores()])

    @staticmethod
    def evaluation_is_due(moment: Moment) -> bool:
        """Whether thresholds were last asked for a while ago."""
        return moment.trial(JobKind.EVALUATE).is_due(moment.now, EVALUATED_EVERY)

    def evaluate(self) -> None:
        """Finds what was crossed since the last look at each org, however long ago that was. Raises HistoryError."""
        office, now = self._office, self._office.now()
        with self._deciding:
            with office.database.reading() as connection:
                here = Within(connection)
                last = [each for each in last_sightings(here) if each.org in office.settings.orgs]
                seen = remembered(office.settings, last, Journal(here).promoted_version)
            office.alerts.certificates(seen, now)
        office.alerts.evaluate(now)
        office.trials.put(office.trials.get(JobKind.EVALUATE, "").succeeded(now))


def _whole_org(found: Scan) -> RotatorError | None:
    """Why nothing of the org could be read, if that is so."""
    return next((problem.error for problem in found.problems if problem.org and problem.kind is None), None)
