"""The inventory: what holds a certificate in an org, which credential manages it, and whether we know it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from rotator.core.lifecycle.certificate_life import CertificateLife
from rotator.core.observed import CONFIGURED, Kind, ObservedCertificate, place
from rotator.errors import HistoryError, RotatorError
from rotator.history.engine.transactions import Within
from rotator.history.last_observations import LastObservations
from rotator.history.sightings import record_sightings
from rotator.salesforce.apps.absence import ambiguous
from rotator.services.inventory.live_pairs import no_pairs
from rotator.services.inventory.ownership import Certificates
from rotator.services.inventory.status import HISTORY, CredentialStatus, Problem, StatusReader
from rotator.services.inventory.vanished import LastSeen, no_apps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.core.observed import Place
    from rotator.history.engine.transactions import Transactions
    from rotator.history.sightings import LastSightings
    from rotator.salesforce.inventory.org_inventory import Inventory
    from rotator.services.inventory.credential_history import CredentialHistory
    from rotator.services.inventory.live_pairs import ReadPairs
    from rotator.stores.base import Store


@dataclass(frozen=True, kw_only=True)
class Scan:
    """All that was found in one org, and all that could not be read."""

    org: str
    at: datetime
    """When the inventory began."""
    certificates: tuple[CertificateLife, ...] = ()
    """What holds a certificate, may hold one, or did; one without the name of an app where the org cannot be read."""
    credentials: tuple[CredentialStatus, ...] = ()
    problems: tuple[Problem, ...] = ()
    seen: tuple[ObservedCertificate, ...] = ()
    """What was read just now, or has not changed since."""

    @property
    def vanished(self) -> tuple[CertificateLife, ...]:
        """What was seen before, and is there no more."""
        return tuple(life for life in self.certificates if life.seen.is_vanished)

    @property
    def failure(self) -> RotatorError | None:
        """Why nothing of the org could be read, if that is so."""
        return next((problem.error for problem in self.problems if problem.org and problem.type is None), None)

    @property
    def history_failure(self) -> HistoryError | None:
        """Why the history could not be read, if that is so."""
        errors = (problem.error for problem in self.problems)
        return next((error for error in errors if isinstance(error, HistoryError)), None)


def scan(
    settings: Settings,
    org: str,
    *,
    read_org: Callable[[str], Inventory],
    store: Callable[[str], Store],
    last_seen: Callable[[str], Sequence[ObservedCertificate]],
    histories: Callable[[], Mapping[str, CredentialHistory]],
    now: datetime,
    read_pairs: ReadPairs = no_pairs,
) -> Scan:
    """Reads everything that holds a certificate in an org. Nothing is written down, and nothing raised.

    `last_seen` tells what was seen in an org before, `histories` what is known of credentials. An org, store or history
    that cannot be used is a problem in the result, and the rest is read.
    """
    return _Scanner(settings, org, store, last_seen, histories, now, read_pairs).scan(read_org)


def configured_places(settings: Settings, org: str) -> dict[Place, str]:
    """The apps of an org's credentials, as the configuration spells them: of either kind where it says none.

    Of a client secret the place of its pair; what certificate its app holds is nobody's here.
    """
    mine = [each for each in settings.credentials.values() if each.org == org]
    said = settings.kinds_of_apps(org)
    of_keys = [app for each in mine if not each.has_secret for app in each.app_names]
    of_secrets = [app for each in mine if each.has_secret for app in each.app_names]
    places = {place(kind, app): app for app in of_keys for kind in _kinds_meant(said, app)}
    return places | {place(Kind.CLIENT_SECRET, app): app for app in of_secrets}


def write_down(database: Transactions, found: Scan, now: datetime, last: LastSightings | None = None) -> None:
    """Writes down what was found, all or nothing; `last` as `record_sightings` has it. Raises HistoryError."""
    with database.writing() as connection:
        here = Within(connection)
        gone = [life.seen for life in found.vanished]
        record_sightings(here, found.seen, found.at, gone=gone, last=last)
        records = LastObservations(here)
        for each in found.credentials:
            if each.life.seen and each.life.is_known:
                records.put(each.credential, each.life.seen, found.at, now)
            elif each.problem:
                records.put_problem(each.credential, each.problem.message)


def recorded(database: Transactions, found: Scan, now: datetime) -> Scan:
    """Writes it down; a history that cannot be written is one more problem, unless it could not be read either."""
    try:
        if not found.failure:
            write_down(database, found, now)
    except HistoryError as error:
        if not found.history_failure:
            return replace(found, problems=(*found.problems, Problem(HISTORY, error)))
    return found


class _Scanner:
    def __init__(
        self,
        settings: Settings,
        org: str,
        store: Callable[[str], Store],
        last_seen: Callable[[str], Sequence[ObservedCertificate]],
        histories: Callable[[], Mapping[str, CredentialHistory]],
        now: datetime,
        read_pairs: ReadPairs,
    ) -> None:
        self._read_pairs: Final = read_pairs
        self._settings: Final = settings
        self._org: Final = org
        self._store: Final = store
        self._last_seen: Final = last_seen
        self._histories: Final = histories
        self._now: Final = now
        self._problems: list[Problem] = []

    def scan(self, read_org: Callable[[str], Inventory]) -> Scan:
        try:
            inventory = read_org(self._org)
        except RotatorError as error:
            nothing = ObservedCertificate(org=self._org, app="", is_readable=False)
            return Scan(
                org=self._org,
                at=self._now,
                certificates=(CertificateLife(seen=nothing, now=self._now),),
                problems=(Problem(f"org {self._org}", error, self._org),),
            )
        last = self._known()
        configured = configured_places(self._settings, self._org)
        inventory = replace(inventory, entries=tuple(_with_what_is_known(inventory.entries, last, configured)))
        credentials = self._statuses(inventory.entries)
        inventory = replace(inventory, entries=(*inventory.entries, *self._secrets(credentials)))
        places = self._places(inventory, last, configured)
        known = {each.credential: each.life.seen for each in credentials if each.life.seen}
        return Scan(
            org=self._org,
            at=self._now,
            certificates=tuple(Certificates(self._settings, known, self._now).lives(places)),
            credentials=tuple(credentials),
            problems=tuple(self._problems),
            seen=tuple(each for each in inventory.entries if each.is_readable),
        )

    def _places(
        self, inventory: Inventory, last: LastSeen, configured: Mapping[Place, str]
    ) -> list[ObservedCertificate]:
        """What is there, what is hidden, what has vanished, and what is configured and was never seen."""
        unread = {each.kind: each.error for each in inventory.unread if not each.app}
        unread |= {kind: no_apps(self._org, kind) for kind in last.hidden_kinds(inventory)}
        self._problems += [Problem(f"org {self._org}", error, self._org, kind) for kind, error in unread.items()]
        for each in (*inventory.unread, *last.lost(inventory)):
            if each.app:
                self._problems.append(Problem(f"org {self._org}", each.error, self._org, each.kind, each.app))
        found = [last.completed(each) for each in inventory.entries]
        found += last.unseen(inventory, unread, configured)
        here = {configured[each.place] for each in found if each.place in configured}
        never_seen = {app: where.type for where, app in configured.items() if app not in here}
        return found + [
            ObservedCertificate(org=self._org, app=app, type=type_, is_readable=False)
            for app, type_ in never_seen.items()
        ]

    def _known(self) -> LastSeen:
        try:
            return LastSeen(self._last_seen(self._org), self._now)
        except HistoryError as error:
            self._note(Problem(HISTORY, error))
            return LastSeen((), self._now)

    def _statuses(self, entries: Iterable[ObservedCertificate]) -> list[CredentialStatus]:
        names = [name for name, each in self._settings.credentials.items() if each.org == self._org]
        if not names:
            return []
        reader = StatusReader(
            self._settings,
            read_app=partial(self._app_among, {each.place: each for each in entries}),
            store=self._store,
            histories=self._histories,
            now=self._now,
            read_pairs=self._read_pairs,
        )
        statuses = reader.all(names)
        for problem in reader.problems:
            self._note(problem)
        return statuses

    @staticmethod
    def _secrets(credentials: Iterable[CredentialStatus]) -> Iterator[ObservedCertificate]:
        """The pairs in use of client secrets, each in its place, also of those that could not be read."""
        for each in credentials:
            if each.settings.has_secret:
                unread = [
                    ObservedCertificate(org=each.settings.org, app=app, type=Kind.CLIENT_SECRET, is_readable=False)
                    for app in each.settings.app_names
                ]
                yield from each.apps or unread

    def _note(self, problem: Problem) -> None:
        if problem.where != HISTORY or all(each.where != HISTORY for each in self._problems):
            self._problems.append(problem)

    def _app_among(
        self, entries: Mapping[Place, ObservedCertificate], org: str, full_name: str
    ) -> ObservedCertificate | None:
        """Raises OrgError where there are two of the name, and the configuration does not say which is meant."""
        places = [place(kind, full_name) for kind in _kinds_meant(self._settings.kinds_of_apps(org), full_name)]
        found = [entries[where] for where in places if where in entries]
        if len(found) > 1:
            raise ambiguous(org, full_name)
        return found[0] if found and found[0].is_readable else None


def _with_what_is_known(
    entries: Iterable[ObservedCertificate], last: LastSeen, configured: Mapping[Place, str]
) -> Iterator[ObservedCertificate]:
    """Of an app of a credential, that does not show its certificate any more, logins tell more than what it was."""
    for each in map(last.dated, entries):
        yield each if each.place in configured else last.looked_through(each)


def _kinds_meant(said: Mapping[str, str], app: str) -> tuple[Kind, ...]:
    """The kinds that an app may be of: the one that is said of its folded name, in the words of config.yaml, or any."""
    kind = said.get(app.casefold())
    return (CONFIGURED[kind],) if kind else tuple(CONFIGURED.values())
