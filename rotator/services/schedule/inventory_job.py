"""The inventory jobs: what an org holds is written down, and who is to be told of it is decided.

An inventory is written down whole or not at all. Everything is read first (`OrgSnapshot`); then sightings, alerts,
notifications and the attempt are written in one transaction. So nothing that was seen goes untold after a crash, and
what rests on an older inventory is never decided after what rests on a newer one.

Between two inventories, and while an org is away, `evaluate` finds the thresholds that are crossed by what was last
seen. It is asked often, so it remembers until when nothing can be crossed.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Final
from zlib import crc32

from rotator.core.observed import Kind
from rotator.core.thresholds import NEVER, has_come, soonest
from rotator.errors import OrgError
from rotator.history.retention import forget_gone
from rotator.history.sightings import last_sightings_in
from rotator.history.usage.usages import Usages
from rotator.salesforce.budget import LimitReached
from rotator.services.access.given_access import note_who_is_let_in
from rotator.services.alerting.catalog import unreadable_org
from rotator.services.alerting.expiry import certificate_key
from rotator.services.alerting.kinds import EXPIRY, STORE
from rotator.services.inventory.credential_history import histories_of
from rotator.services.inventory.ownership import last_known
from rotator.services.inventory.scan import configured_places, scan, write_down
from rotator.services.schedule.agenda import Agenda, changed_names
from rotator.services.schedule.findings import Findings, is_in_motion, stopped_rotations, tell_stopped
from rotator.services.schedule.jobs import JobKind
from rotator.services.schedule.row_watch import RowWatch
from rotator.services.usage.collected_reports import collect as collect_reports
from rotator.services.usage.graces import has_grace
from rotator.services.usage.left_behind import KINDS_OF_USE
from rotator.services.usage.left_behind import tell as tell_left_behind
from rotator.services.usage.login_watch import LoginWatch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from rotator.core.attempts import AttemptRecord
    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.core.observed import ObservedCertificate
    from rotator.errors import RotatorError
    from rotator.services.inventory.credential_history import CredentialHistory
    from rotator.services.inventory.status import CredentialStatus
    from rotator.services.schedule.context import JobAdapters, ServiceContext, UnitOfWork
    from rotator.services.schedule.jobs import Moment
    from rotator.services.schedule.standstill_watch import StandstillWatch


class OrgSnapshot:
    """What one org holds just now, and the state of its credentials. Everything raises HistoryError."""

    def __init__(self, context: ServiceContext, adapters: JobAdapters, org: str, now: datetime) -> None:
        """Reads the org, and the stores of its credentials."""
        self._context: Final = context
        self._org: Final = org
        # Once for what need not be read again, and for what has vanished.
        self._last: Final = cache(partial(last_sightings_in, context.database))
        self._found: Final = scan(
            context.settings,
            org,
            read_org=partial(adapters.inventory, last_seen=self._last_seen),
            store=adapters.store,
            last_seen=self._last_seen,
            histories=self._histories,
            now=now,
            read_pairs=adapters.read_pairs,
        )
        if self._found.history_failure:
            raise self._found.history_failure

    @property
    def failure(self) -> RotatorError | None:
        """Why nothing of the org could be read, if that is so."""
        return self._found.failure

    @property
    def credentials(self) -> Sequence[CredentialStatus]:
        """Its credentials, as they were seen."""
        return self._found.credentials

    @property
    def undated(self) -> list[ObservedCertificate]:
        """What was not known before: it has changed, though the org's date of its last change has not moved."""
        known = {(last.place, last.fingerprint) for last in self._last_seen(self._org) if last.is_undated}
        return [seen for seen in self._found.seen if seen.is_undated and (seen.place, seen.fingerprint) not in known]

    def write(self, attempt: AttemptRecord) -> bool:
        """Writes down what was seen, what people are to be told of it, and that the attempt succeeded.

        Nothing where the org was looked at meanwhile, by another process that took this one for gone; whether it was.
        """
        found, at = self._found, self._found.at
        unread = {problem.type for problem in found.problems if not problem.app}
        whole = [(found.org, str(kind)) for kind in Kind if kind not in unread]
        with self._context.history.transaction() as history:
            if not history.attempts.is_still(attempt):
                return False
            write_down(history.database, found, self._context.now(), self._last(found.org))
            forget_gone(history.database, found.org, at, configured_places(self._context.settings, found.org))
            unsettled = {each.credential for each in found.credentials if is_in_motion(each, at)}
            history.alerting.certificates(found.certificates, at, whole=whole, unsettled=unsettled)
            Findings(self._context, history, found).tell()
            lives = {each.credential: each.life for each in found.credentials if each.life.is_in_sight}
            next_dues = {name: life.next_due for name, life in lives.items()}
            self._context.memory.next_dues.put(next_dues, within=history.database)
            history.attempts.put(attempt.succeeded(at))
        return True

    def _last_seen(self, org: str) -> Sequence[ObservedCertificate]:
        return self._last(org).all

    def _histories(self) -> dict[str, CredentialHistory]:
        configured = self._context.settings.credentials
        return histories_of(self._context.database, [name for name in configured if configured[name].org == self._org])


LOG: Final = logging.getLogger(__name__)

EVALUATED_EVERY: Final = timedelta(minutes=5)
"""How late people may be told of a threshold that is crossed between two inventories."""

SHORTLY: Final = timedelta(minutes=1)
"""An inventory that the limits of an org have ended is not begun again sooner."""


@dataclass(frozen=True)
class _Quiet:
    """Until when no threshold is crossed of which people were not told, by what was seen until some inventory."""

    inventories: int
    until: datetime


class InventoryJobs:
    """Knows which orgs are due, and takes the inventory of one. Threads may share it, each with an org of its own."""

    def __init__(self, context: ServiceContext, standstills: StandstillWatch) -> None:
        self._context: Final = context
        self._next_dues: Final = context.memory.next_dues
        self._asked: Final = context.memory.asked
        self._standstills: Final = standstills
        self._rows: Final = RowWatch(context)
        self._salt: Final = context.random()
        self.agenda: Final = Agenda(context.settings.orgs)
        self._attempts: Mapping[str, Mapping[str, AttemptRecord]] = {}
        self._stores: Final[dict[str, set[str]]] = {org: set() for org in context.settings.orgs}
        for each in context.settings.credentials.values():
            self._stores[each.org].add(each.store)
        self._failed_stores: Collection[str] = ()
        self._inventories = 0
        self._quiet: _Quiet | None = None

    def due(self, moment: Moment) -> list[str]:
        """The orgs that are due, or were asked for."""
        changed = changed_names(self._attempts, moment.attempts)
        self._attempts = moment.attempts
        of_stores = {org for org, stores in self._stores.items() if stores & changed} if changed else set()
        if not changed.isdisjoint(self._context.settings.orgs):
            self._inventories += 1
        if of_stores:
            used = set().union(*self._stores.values())
            self._failed_stores = {store for store in used if moment.attempt(STORE, store).failures}
        self.agenda.look_again(changed | of_stores | self._asked.changed())
        return self.agenda.due(moment.now, lambda org: self._due_from(org, moment))

    def _due_from(self, org: str, moment: Moment) -> datetime | None:
        """A time that has come where it is due, otherwise one before which it is not."""
        attempt = moment.attempt(JobKind.INVENTORY, org)
        every = self._every(attempt)
        stores = [moment.attempt(STORE, store) for store in self._stores[org].intersection(self._failed_stores)]
        if self._is_due(org, attempt, every, stores, moment.now):
            return moment.now
        times = [attempt.due_from(every)]
        if stores:
            # Whichever of the two comes later; both are looked at again then.
            times += [attempt.due_from(), *(store.due_from() for store in stores)]
        return soonest(times, moment.now)

    def _every(self, attempt: AttemptRecord) -> timedelta:
        # The same until the next inventory, however often this is asked. A sum is enough to spread the inventories, and
        # a tenth of what a generator of random numbers takes to be made.
        spread = crc32(f"{self._salt} {attempt.name} {attempt.last_at}".encode()) / 2**32
        daemon = self._context.settings.daemon
        return daemon.inventory_every + daemon.jitter * spread

    def _is_due(
        self, org: str, attempt: AttemptRecord, every: timedelta, failed_stores: Iterable[AttemptRecord], now: datetime
    ) -> bool:
        if self._asked.get(org):
            return True
        # People are not told for an hour that a store is away.
        if any(store.is_due(now) for store in failed_stores) and attempt.is_due(now):
            return True
        return attempt.is_due(now, every)

    def take_inventory(self, org: str) -> None:
        """Takes the inventory of one org. What cannot be read is recorded and told to people. Raises HistoryError."""
        if self._asked.latest(org):
            self._asked.put({org: None})
        attempt, now = self._context.history.attempts.get(JobKind.INVENTORY, org), self._context.now()
        with self._context.open_adapters(limited=True) as adapters:
            room_at = adapters.room_at(org)
            if room_at:
                self._put_off(attempt, room_at)
                return
            snapshot = OrgSnapshot(self._context, adapters, org, now)
            if not snapshot.failure and self._see_who_is_let_in(adapters, snapshot.credentials):
                snapshot = OrgSnapshot(self._context, adapters, org, now)
            if isinstance(snapshot.failure, LimitReached):
                self._put_off(attempt, adapters.room_at(org) or now + SHORTLY)
            elif snapshot.failure:
                self._away(attempt, snapshot.failure)
            elif snapshot.write(attempt):
                self._look_closer(org, adapters, snapshot)
            else:
                LOG.warning("another process has looked at the org meanwhile", extra={"org": org})

    def _look_closer(self, org: str, adapters: JobAdapters, snapshot: OrgSnapshot) -> None:
        """What follows from a look that was written down."""
        for seen in snapshot.undated:
            adapters.read_all_of(org)
            extra = {"org": org, "app": seen.app}
            LOG.warning("changed, and the org's date of its last change did not", extra=extra)
        # Those that are to be gone back from are observed anew, and the previous version made current again.
        self._next_dues.put(dict.fromkeys(self._see_who_logs_in(org, adapters, snapshot.credentials)))

    def _see_who_logs_in(self, org: str, adapters: JobAdapters, credentials: Sequence[CredentialStatus]) -> list[str]:
        """Beside the inventory, which counts whatever is wrong with this; gives those that are to be gone back from."""
        history, now = self._context.history, self._context.now()
        opened = {alert.key for kind in KINDS_OF_USE for alert in history.alerts.open_alerts(kind=kind)}
        if not opened and not any(has_grace(each, now) for each in credentials):
            return []
        LoginWatch(self._context.settings, history.database, org).look(adapters.login_history, credentials, now)
        collect_reports(history.database, adapters.store, credentials, now)
        usages = Usages(history.database).all([each.credential for each in credentials])
        with history.transaction() as together:
            schedules = self._context.schedules()
            return tell_left_behind(together.alerting, credentials, usages, schedules, now, opened=opened)

    def _see_who_is_let_in(self, adapters: JobAdapters, credentials: Sequence[CredentialStatus]) -> bool:
        """Of what was revoked by its user's access alone; whether anything is other than it was known.

        What the org does not show of it stays as it was known.
        """
        is_news = False
        for status in credentials:
            name, revoked = status.credential, status.life.revoked
            if revoked is None or not revoked.access_may_return or status.life.rotation or status.life.running:
                continue
            with suppress(OrgError):
                context, access = adapters.credential_context(name), adapters.access(name)
                journal, now = self._context.history.journal, self._context.now
                is_news = note_who_is_let_in(context, access, journal, revoked, now) or is_news
        return is_news

    def _put_off(self, attempt: AttemptRecord, until: datetime) -> None:
        LOG.info("put off: the limits of the org are reached", extra={"org": attempt.name, "until": until})
        with self._context.history.transaction() as history:
            if history.attempts.is_still(attempt):
                history.attempts.put(replace(attempt, last_at=self._context.now(), next_at=until))

    def _away(self, attempt: AttemptRecord, error: RotatorError) -> None:
        failed = self._context.failed(attempt, error)
        LOG.warning("cannot be read: %s", error.message, extra={"org": attempt.name, "again_at": failed.next_at})
        new = unreadable_org(failed, error)
        with self._context.history.transaction() as history:
            if history.attempts.is_still(attempt):
                history.attempts.put(failed)
                history.alerting.problem(new, self._context.now(), failures=failed.failures)

    @staticmethod
    def evaluation_is_due(moment: Moment) -> bool:
        """Whether it was last done EVALUATED_EVERY ago."""
        return moment.attempt(JobKind.EVALUATE).is_due(moment.now, EVALUATED_EVERY)

    def evaluate(self) -> None:
        """Finds what has become of what was last seen, however old that is, and the rotations that have stopped.

        Raises HistoryError.
        """
        now, quiet, inventories = self._context.now(), self._quiet, self._inventories
        attempt = self._context.history.attempts.get(JobKind.EVALUATE, "")
        held_up = self._standstills.lines(now)
        stopped = stopped_rotations(self._context.settings, self._context.database, now)
        # In one transaction: what rests on an older inventory is never decided after what rests on a newer one.
        with self._context.history.transaction() as history:
            if not history.attempts.is_still(attempt):
                return
            if quiet is None or quiet.inventories != inventories or has_come(quiet.until, now):
                lives = self._unmentioned(history, now)
                # What was last seen may have been taken back since: no alert of a credential ends by it.
                history.alerting.certificates(lives, now, unsettled=self._context.settings.credentials)
                quiet = _Quiet(inventories, self._next_crossing(lives, now))
            history.alerting.evaluate(now)
            for status in stopped:
                tell_stopped(history, status, now)
            self._standstills.tell(history, held_up, now)
            self._rows.tell_met(history, now)
            history.attempts.put(attempt.succeeded(now))
        self._quiet = quiet

    @staticmethod
    def _next_crossing(lives: Iterable[CertificateLife], now: datetime) -> datetime:
        crossings = (life.expiry.next_crossing(now) for life in lives if life.expiry)
        return min((crossing for crossing in crossings if crossing), default=NEVER)

    def _unmentioned(self, history: UnitOfWork, now: datetime) -> list[CertificateLife]:
        """What was last seen in the orgs of the configuration, without what has an open alert."""
        told_of = {alert.key for alert in history.alerts.open_alerts(kind=EXPIRY)}
        lives = last_known(self._context.settings, history.database, now)
        return [life for life in lives if certificate_key(EXPIRY, life.seen) not in told_of]
