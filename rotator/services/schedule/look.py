"""One look at an org: everything is read first, then noted whole, together with who is to be told of what."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

from rotator.core.kinds import Kind
from rotator.errors import HistoryError
from rotator.history.journal.rotations import newest
from rotator.history.sightings import last_sightings, record_sightings
from rotator.salesforce.apps.connected_app import App
from rotator.services.inventory.scan import scan, seen_now
from rotator.services.inventory.states import State
from rotator.services.inventory.status import CredentialStatus, Past, Standing, StatusReader
from rotator.services.schedule.due import Outlook, outlook_of
from rotator.services.schedule.findings import Findings, is_in_motion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from rotator.core.attempts import Trial
    from rotator.errors import RotatorError
    from rotator.history.records import LastSighting, Sighting
    from rotator.services.inventory.scan import Found, Scan
    from rotator.services.schedule.books import Books
    from rotator.services.schedule.context import Office, Scope


@dataclass
class _Notepad:
    """Keeps what a scan would record until all of the look can be."""

    sightings: Sequence[Sighting] = ()
    gone: Sequence[LastSighting] = ()

    def __call__(self, sightings: Sequence[Sighting], *, gone: Iterable[LastSighting]) -> None:
        self.sightings, self.gone = sightings, list(gone)


class Look:
    """What was seen in one org, and where its credentials stand. Everything raises HistoryError."""

    def __init__(self, office: Office, scope: Scope, org: str, now: datetime) -> None:
        """Reads the org, and the stores of its credentials."""
        self._office: Final = office
        self._scope: Final = scope
        self._org: Final = org
        self._now: Final = now
        self._notepad: Final = _Notepad()
        self._found: Final = self._scan()
        self._statuses: Final = [] if self.failure else self._read_statuses()

    @cached_property
    def failure(self) -> RotatorError | None:
        """Why nothing of the org could be read, if that is so."""
        problems = self._found.problems
        return next((problem.error for problem in problems if problem.org and problem.kind is None), None)

    def note(self, trial: Trial) -> None:
        """Writes down what was seen, decides who is told of it, and ends the trial well."""
        unread = {problem.kind for problem in self._found.problems}
        whole = [(self._org, str(kind)) for kind in Kind if kind not in unread]
        with self._office.books.together() as books:
            record_sightings(books.database, self._notepad.sightings, self._now, gone=self._notepad.gone)
            unsettled = {each.credential for each in self._statuses if is_in_motion(each, self._now)}
            seen = seen_now(self._office.settings, self._found)
            books.alerts.certificates(seen, self._now, whole=whole, unsettled=unsettled)
            Findings(self._office, books, self._org, self._found, self._statuses, self._now).tell()
            books.trials.put(trial.succeeded(self._now))

    def outlooks(self) -> Iterator[tuple[str, Outlook]]:
        """What it says of each credential that could be read."""
        for status in self._statuses:
            if status.standing is not Standing.UNKNOWN:
                yield status.credential, outlook_of(status)

    def _scan(self) -> Scan:
        found = scan(
            self._office.settings,
            read_org=self._scope.inventory,
            store=self._scope.store,
            known=partial(last_sightings, self._office.database),
            record=self._notepad,
            now=self._now,
            orgs=[self._org],
        )
        for problem in found.problems:
            if isinstance(problem.error, HistoryError):
                raise problem.error
        return found

    def _read_statuses(self) -> list[CredentialStatus]:
        names = [name for name, each in self._office.settings.credentials.items() if each.org == self._org]
        if not names:
            return []
        with self._office.books.at_one_moment() as books:
            pasts = _pasts(books, names)
        reader = StatusReader(
            self._office.settings,
            read_app=self._app,
            store=self._scope.store,
            past=pasts.__getitem__,
            now=self._now,
        )
        return reader.all(names)

    @cached_property
    def _apps(self) -> dict[str, Found]:
        return {line.name.casefold(): line for line in self._found.found if line.name and line.kind == Kind.APP}

    def _app(self, _org: str, name: str) -> App | None:
        line = self._apps.get(name.casefold())
        if line is None or line.state in {State.UNREADABLE, State.VANISHED}:
            return None
        return App(name, name, line.client_id, line.certificate, component=None)


def _pasts(books: Books, names: Iterable[str]) -> dict[str, Past]:
    last = newest(books.database)
    return {name: Past(last.get(name), books.journal.last_promotion(name)) for name in names}
