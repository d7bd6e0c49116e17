"""What a look at an org says beyond its certificates: stores, credentials, what has vanished; and who is told of it."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from rotator.core.kinds import Kind
from rotator.history.journal import Journal
from rotator.history.rotations import newest
from rotator.history.transactions import Within
from rotator.salesforce.apps import App
from rotator.services import matters_of
from rotator.services.matters_of import ORG, STORE, key
from rotator.services.needs import Outlook, outlook_of
from rotator.services.states import State
from rotator.services.status import CredentialStatus, Past, Standing, StatusReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rotator.core.trials import Trial
    from rotator.errors import RotatorError
    from rotator.history.matters import NewMatter
    from rotator.services.scan import Found, Scan
    from rotator.services.scope import Office, Scope


TOLD_WITHIN: Final = timedelta(days=1)
"""So long after something was found gone it is seen to that people were told."""


class Findings:
    """One look at an org that could be read. Every method raises HistoryError."""

    def __init__(self, office: Office, scope: Scope, org: str, found: Scan, now: datetime) -> None:
        self._office: Final = office
        self._scope: Final = scope
        self._org: Final = org
        self._found: Final = found
        self._now: Final = now

    def tell(self) -> None:
        """Opens and solves what people should know of."""
        self._solve(key(ORG, self._org))
        for status in self.statuses:
            self._tell_drift(status)
            self._tell_or_solve(
                status.standing is Standing.UNSTORED,
                matters_of.unstored(status.credential, self._org),
                is_known=status.stages is not None,
            )
        for line in self._found.vanished:
            self._tell_vanished(line)

    def outlooks(self) -> Iterator[tuple[str, Outlook]]:
        """What the look says of each credential that could be read."""
        for status in self.statuses:
            if status.standing is not Standing.UNKNOWN:
                yield status.credential, outlook_of(status)

    @cached_property
    def statuses(self) -> list[CredentialStatus]:
        """Where the credentials of the org stand, by what the look has shown of its apps."""
        names = [name for name, each in self._office.settings.credentials.items() if each.org == self._org]
        if not names:
            return []
        with self._office.database.reading() as connection:
            here = Within(connection)
            last, journal = newest(here), Journal(here)
            pasts = {name: Past(last.get(name), journal.last_promotion(name)) for name in names}
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

    @cached_property
    def _open(self) -> frozenset[str]:
        """Keys of what is open, read once: most looks have nothing to solve, and writing is dear."""
        return frozenset(matter.key for matter in self._office.matters.open_matters())

    def _solve(self, which: str) -> None:
        if which in self._open:
            self._office.alerts.solved(which, "", self._now)

    def _tell_or_solve(self, is_so: bool, new: NewMatter, *, is_known: bool = True) -> None:
        if is_so:
            self._office.alerts.problem(new, self._now)
        elif is_known:
            self._solve(new.key)

    def stores(self) -> Iterator[Trial]:
        """How it went with each store that was looked at; what cannot be read is told."""
        names = {self._office.settings.credentials[status.credential].store for status in self.statuses}
        for store in sorted(names):
            error = self._store_problem(store)
            trial = self._office.trials.get(STORE, store)
            if error is None:
                self._solve(key(STORE, store))
                yield trial.succeeded(self._now)
                continue
            new = matters_of.unreadable_store(store, error, since=trial.last_good_at)
            self._office.alerts.problem(new, self._now)
            yield self._office.failed(trial, error)

    def _store_problem(self, store: str) -> RotatorError | None:
        told = (problem.error for problem in self._found.problems if problem.where == f"store {store}")
        return next(told, None)

    def _tell_drift(self, status: CredentialStatus) -> None:
        last = status.last_rotation
        if last and last.outcome is None:
            # It is being changed just now, or will be put in order.
            return
        held = status.live_certificate
        app = status.current.app if status.current else status.settings.apps[0]
        new = matters_of.drift(status.credential, self._org, app, held.fingerprint if held else None)
        self._tell_or_solve(status.drift, new, is_known=status.standing is not Standing.UNKNOWN)

    def _tell_vanished(self, line: Found) -> None:
        if not line.name or not line.last:
            return
        gone_at = line.last.gone_at
        # Not only the first time: a process may have ended between noting it and telling it. It is told once.
        if gone_at is None or self._now - gone_at < TOLD_WITHIN:
            new = matters_of.vanished(self._org, line.kind, line.name, line.last.last_seen, line.managed_by)
            self._office.alerts.happened(new, self._now)
