"""The inventory: what holds a certificate in an org, which credential manages it, and whether we know it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from rotator.core.lifecycle.certificate_life import CertificateLife
from rotator.core.observed import APPS, CONFIGURED, Kind, ObservedCertificate, place
from rotator.errors import HistoryError, RotatorError
from rotator.history.engine.transactions import Within
from rotator.history.last_observations import LastObservations
from rotator.history.sightings import last_sightings, record_sightings
from rotator.salesforce.apps.absence import absent, ambiguous
from rotator.salesforce.apps.directory import Listed
from rotator.services.inventory.live_pairs import no_pairs
from rotator.services.inventory.ownership import Certificates, revoked_logins
from rotator.services.inventory.side_by_side import side_by_side
from rotator.services.inventory.status import HISTORY, CredentialStatus, Problem, StatusReader
from rotator.services.inventory.vanished import LastSeen, no_apps

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.core.observed import Place
    from rotator.history.engine.database import Database
    from rotator.history.engine.transactions import Transactions
    from rotator.history.sightings import LastSightings
    from rotator.salesforce.client_secrets import Pairs
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


class Program(Protocol):
    """What every org is looked at with; each may raise RotatorError."""

    @property
    def settings(self) -> Settings:
        """All of config.yaml."""
        ...

    @property
    def database(self) -> Database:
        """The history."""
        ...

    @property
    def now(self) -> Callable[[], datetime]:
        """The machine's clock."""
        ...

    def inventory(self, org: str) -> Inventory:
        """Everything in an org that holds a certificate."""
        ...

    def store(self, name: str) -> Store:
        """The store of that name in the configuration."""
        ...

    def histories(self) -> Mapping[str, CredentialHistory]:
        """What is known of credentials."""
        ...

    def read_pairs(self, org: str, app: str) -> Pairs:
        """What the consumer of an app has."""
        ...

    def beside(self, orgs: Collection[str]) -> Callable[[], AbstractContextManager[Program]]:
        """The same for each of some threads that ask one of these orgs."""
        ...


def scans(program: Program, now: datetime) -> list[Scan]:
    """Looks at every org, side by side, and records what it saw; what cannot be read or written is in the result."""
    orgs = [*program.settings.orgs]

    def look(org: str) -> Scan:
        with program.beside(orgs)() as here:
            return scan(
                here.settings,
                org,
                read_org=here.inventory,
                store=here.store,
                last_seen=lambda name: last_sightings(here.database, name),
                histories=here.histories,
                now=now,
                read_pairs=here.read_pairs,
            )

    with suppress(HistoryError):
        _ = program.database  # before the threads need it; each look tells that it is away
    return [recorded(program, found) for found in side_by_side(look, orgs)]


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


def recorded(program: Program, found: Scan) -> Scan:
    """Writes it down; a history that cannot be written is one more problem, unless it could not be read either."""
    try:
        if not found.failure:
            write_down(program.database, found, program.now())
    except HistoryError as error:
        if not found.history_failure:
            return replace(found, problems=(*found.problems, Problem(HISTORY, error)))
    return found


@dataclass(frozen=True)
class _Scanner:
    settings: Settings
    org: str
    store: Callable[[str], Store]
    last_seen: Callable[[str], Sequence[ObservedCertificate]]
    histories: Callable[[], Mapping[str, CredentialHistory]]
    now: datetime
    read_pairs: ReadPairs
    problems: list[Problem] = field(default_factory=list)

    def scan(self, read_org: Callable[[str], Inventory]) -> Scan:
        try:
            inventory = read_org(self.org)
        except RotatorError as error:
            nothing = ObservedCertificate(org=self.org, app="", is_readable=False)
            return Scan(
                org=self.org,
                at=self.now,
                certificates=(CertificateLife(seen=nothing, now=self.now),),
                problems=(Problem(f"org {self.org}", error, self.org),),
            )
        last = self._known()
        configured = configured_places(self.settings, self.org)
        inventory = replace(inventory, entries=tuple(_with_what_is_known(inventory.entries, last, configured)))
        unread = {each.kind: each.error for each in inventory.unread if not each.app}
        unread |= {kind: no_apps(self.org, kind) for kind in last.hidden_kinds(inventory)}
        credentials = self._statuses(inventory, unread)
        inventory = replace(inventory, entries=(*inventory.entries, *self._secrets(credentials)))
        places = self._places(inventory, last, configured, unread)
        known = {each.credential: each.life.seen for each in credentials if each.life.seen}
        revoked = revoked_logins({each.credential: each.record for each in credentials})
        return Scan(
            org=self.org,
            at=self.now,
            certificates=tuple(Certificates(self.settings, known, self.now, revoked=revoked).lives(places)),
            credentials=tuple(credentials),
            problems=tuple(self.problems),
            seen=tuple(each for each in inventory.entries if each.is_readable),
        )

    def _places(
        self, inventory: Inventory, last: LastSeen, configured: Mapping[Place, str], unread: Mapping[Kind, RotatorError]
    ) -> list[ObservedCertificate]:
        """What is there, what is hidden, what has vanished, and what is configured and was never seen.

        `unread`: why nothing of a kind could be read.
        """
        self.problems.extend(Problem(f"org {self.org}", error, self.org, kind) for kind, error in unread.items())
        for each in (*inventory.unread, *last.lost(inventory)):
            if each.app:
                self.problems.append(Problem(f"org {self.org}", each.error, self.org, each.kind, each.app))
        found = [last.completed(each) for each in inventory.entries]
        found += last.unseen(inventory, unread, configured)
        here = {configured[each.place] for each in found if each.place in configured}
        never_seen = {app: where.type for where, app in configured.items() if app not in here}
        return found + [
            ObservedCertificate(org=self.org, app=app, type=type_, is_readable=False)
            for app, type_ in never_seen.items()
        ]

    def _known(self) -> LastSeen:
        try:
            return LastSeen(self.last_seen(self.org), self.now)
        except HistoryError as error:
            self._note(Problem(HISTORY, error))
            return LastSeen((), self.now)

    def _statuses(self, inventory: Inventory, unread: Mapping[Kind, RotatorError]) -> list[CredentialStatus]:
        names = [name for name, each in self.settings.credentials.items() if each.org == self.org]
        if not names:
            return []
        reader = StatusReader(
            self.settings,
            read_app=partial(self._app_among, inventory, {each.place: each for each in inventory.entries}, unread),
            store=self.store,
            histories=self.histories,
            now=self.now,
            read_pairs=self.read_pairs,
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
        if problem.where != HISTORY or all(each.where != HISTORY for each in self.problems):
            self.problems.append(problem)

    def _app_among(
        self,
        inventory: Inventory,
        entries: Mapping[Place, ObservedCertificate],
        unread: Mapping[Kind, RotatorError],
        org: str,
        full_name: str,
    ) -> ObservedCertificate:
        """Raises why there is none, and OrgError where there are two and nobody says which is meant."""
        said = self.settings.kinds_of_apps(org)
        meant = _kinds_meant(said, full_name)
        found = [entries[where] for kind in meant if (where := place(kind, full_name)) in entries]
        if len(found) > 1:
            raise ambiguous(org, full_name)
        if found and found[0].is_readable:
            return found[0]
        own = [each.error for each in inventory.unread if each.app and each.app.casefold() == full_name.casefold()]
        for error in (*own, *(unread[kind] for kind in meant if kind in unread)):
            raise error
        names = {str(kind): [each.app for each in inventory.entries if each.type == kind] for kind in APPS}
        raise absent(org, [full_name], Listed(names), {app: CONFIGURED[kind] for app, kind in said.items()})


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
