"""Where each managed credential stands: what is stored, what is live, until when, and what was last done."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from rotator.core.attempts import INVENTORY, AttemptRecord
from rotator.core.credentials import Stage, with_other_client_id
from rotator.core.lifecycle.credential_life import CredentialLife, OpenRotation
from rotator.core.lifecycle.dates import promoted_at
from rotator.core.lifecycle.states import CredentialState
from rotator.core.observed import KnownVersion, ObservedApp, ObservedCertificate, ObservedCredential
from rotator.errors import (
    ConfigurationError,
    HistoryError,
    LoginRefused,
    OrgError,
    OrgUnavailable,
    RotatorError,
    StoredDamaged,
)
from rotator.history.attempt_records import AttemptRecords
from rotator.services.inventory.credential_history import CredentialHistory, histories_of
from rotator.services.inventory.live_pairs import no_pairs, with_pairs
from rotator.services.inventory.schedules import Schedules
from rotator.stores.base import read_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from rotator.config.settings import CredentialSettings, Settings
    from rotator.core.credentials import Version
    from rotator.core.severity import Severity
    from rotator.history.engine.database import Database
    from rotator.history.journal.projection import CredentialRecord
    from rotator.history.records import Rotation
    from rotator.services.inventory.live_pairs import ReadPairs
    from rotator.stores.base import Store, UnreadVersion

    Versions = Mapping[Stage, Version]

HISTORY: Final = "history"
"""Where a problem is that is the history's."""


@dataclass(frozen=True)
class Problem:
    """What could not be read, and why."""

    where: str
    error: RotatorError
    org: str | None = None
    """The org whose inventory it was, where the problem is the org's."""
    type: str | None = None
    """The type of which nothing could be read; None when it is the whole org, a store or the history."""
    app: str | None = None
    """The one component of that type that could not be read, where the others could."""
    credential: str | None = None
    """The credential of which a store did not give what it holds."""
    version: tuple[Stage, str] | None = None
    """The one version of it that could not be read, where its store told of it: its stage and its fingerprint."""


@dataclass(frozen=True, kw_only=True)
class CredentialStatus:
    """All that is shown of one credential: as it was just seen, or as the history has it."""

    credential: str
    settings: CredentialSettings
    life: CredentialLife
    apps: tuple[ObservedCertificate, ...] = ()
    """What its apps hold, in the configured order, without those that could not be read."""
    history: CredentialHistory
    """What is known of it."""
    problem: RotatorError | None = None
    """Why not everything could be read just now."""
    history_problem: RotatorError | None = None
    """Why nothing is known of it from before."""
    why_unknown: str = ""
    """Why its state is not known, in a sentence."""
    owner: str | None = None
    """Who sees to it, where somebody is named."""

    @property
    def state(self) -> CredentialState:
        """One word for it."""
        return self.life.state

    @property
    def last_rotation(self) -> Rotation | None:
        """The newest one, ended or not."""
        return self.history.last_rotation

    @property
    def attempt(self) -> AttemptRecord:
        """How its rotations by schedule went."""
        return self.history.attempt

    @property
    def record(self) -> CredentialRecord:
        """What was last learnt of it by trying."""
        return self.history.record

    @property
    def urgency(self) -> Severity | None:
        """How urgent it is that somebody looks."""
        return self.life.urgency

    def ending_of(self, rotation: Rotation) -> str:
        """How a rotation of it ended, or where it stands."""
        return self.history.ending_of(rotation)

    @property
    def drift(self) -> bool:
        """Whether the live certificate is none that we know."""
        return self.state is CredentialState.DRIFT

    @property
    def stages(self) -> dict[str, str | None]:
        """The fingerprints of the stored versions."""
        versions = self.life.seen.versions if self.life.seen else {}
        return {stage: versions[stage].fingerprint if stage in versions else None for stage in Stage}

    @property
    def current(self) -> KnownVersion | None:
        """The version that consumers log in with."""
        return self.life.seen.current if self.life.seen else None

    @property
    def fingerprint(self) -> str:
        """Of the current version; while there is none, of the certificate that its app holds."""
        if self.current:
            return self.current.fingerprint
        return self.live.fingerprint if self.live else ""

    @property
    def app(self) -> str:
        """The one that `current` logs in through; without a current version, the first."""
        return self.current.app if self.current else self.settings.app_names[0]

    @property
    def live(self) -> ObservedCertificate | None:
        """What that app holds, if it could be read."""
        return next((each for each in self.apps if each.app.casefold() == self.app.casefold()), None)


class StatusReader:
    """Observes credentials. What cannot be read is said in the result; nothing is raised for it."""

    def __init__(
        self,
        settings: Settings,
        *,
        read_app: Callable[[str, str], ObservedCertificate | None],
        store: Callable[[str], Store],
        histories: Callable[[], Mapping[str, CredentialHistory]],
        now: datetime,
        read_pairs: ReadPairs = no_pairs,
    ) -> None:
        """`read_app(org, full name)` tells what an app holds, None where it is missing; `histories` is called once.

        `read_pairs` does the same of the consumer of a client secret.
        """
        self._settings: Final = settings
        self._read_app: Final = read_app
        self._read_pairs: Final = read_pairs
        self._store: Final = store
        self._now: Final = now
        self._away: dict[str, RotatorError] = {}
        self._histories: Mapping[str, CredentialHistory] = {}
        self._problems: list[Problem] = []
        self._shown = set[str]()
        """The stores that have shown what they hold of a credential."""
        try:
            self._histories = histories()
        except HistoryError as error:
            self._problems.append(Problem(HISTORY, error))

    @property
    def problems(self) -> list[Problem]:
        """Of the history and the stores; what is wrong with an org is in the status alone."""
        return [replace(each, where=self._where(each)) for each in self._problems]

    def _where(self, problem: Problem) -> str:
        """A store that says no to one credential, and shows another, is in order."""
        name = problem.credential
        if name is None:
            return problem.where
        store = self._settings.credentials[name].store
        is_of_one = not problem.error.transient and (
            isinstance(problem.error, StoredDamaged) or self._shows_another(store, name)
        )
        return f"credential {name}" if is_of_one else f"store {store}"

    def _shows_another(self, store: str, name: str) -> bool:
        """Whether it does now, or did when another org's credential was last looked at."""
        org = self._settings.credentials[name].org
        others = (each for each, its in self._settings.credentials.items() if its.store == store and its.org != org)
        known = (self._histories.get(each, CredentialHistory()).last_observation for each in others)
        return store in self._shown or any(each.seen and not each.problem for each in known)

    def all(self, names: Sequence[str] = ()) -> list[CredentialStatus]:
        """The status of the named credentials, of all when none is named."""
        return [self.one(name) for name in names or self._settings.credentials]

    def one(self, name: str) -> CredentialStatus:
        """By its name in the configuration. What cannot be read is its `problem`, and nothing is raised."""
        settings, history = self._settings.credentials[name], self._histories.get(name, CredentialHistory())
        seen = history.last_observation.seen
        apps: tuple[ObservedCertificate, ...] = ()
        problem: RotatorError | None = None
        try:
            versions, unread = self._stored(name, settings)
            unseen = {app: ObservedApp(app, readable=False) for app in settings.app_names}
            stored = _stored_credential(versions, unseen, history.last_promotion)
            # Of an org that is away everything is shown as it was last seen, and not the half of it.
            seen = seen or stored
            is_current_read = all(each.stage is not Stage.CURRENT for each in unread)
            seen, apps = self._with_apps(settings, stored if is_current_read else seen, seen, versions)
            problem = unread[0].error if unread else _not_configured(name, seen)
        except RotatorError as error:
            problem = error
        status = status_of(self._settings, name, history, seen, self._now, apps=apps, is_known=problem is None)
        why = problem.message if problem else ""
        unknown = self._history_problem
        return replace(status, problem=problem or unknown, history_problem=unknown, why_unknown=why)

    @property
    def _history_problem(self) -> RotatorError | None:
        return next((problem.error for problem in self._problems if problem.where == HISTORY), None)

    def _stored(self, name: str, settings: CredentialSettings) -> tuple[Versions, tuple[UnreadVersion, ...]]:
        """What the store holds, and what of it cannot be read."""
        where = f"store {settings.store}"
        try:
            store = self._store(settings.store)
        except RotatorError as error:
            self._problems.append(Problem(where, error))
            raise
        try:
            versions, unread = read_versions(store, name)
        except RotatorError as error:
            self._problems.append(Problem(where, error, credential=name))
            raise
        self._shown.add(settings.store)
        for each in unread:
            version = each.stage, each.fingerprint
            self._problems.append(Problem(where, each.error, credential=name, version=version))
        return versions, unread

    def _with_apps(
        self, settings: CredentialSettings, stored: ObservedCredential, last: ObservedCredential, versions: Versions
    ) -> tuple[ObservedCredential, tuple[ObservedCertificate, ...]]:
        """The credential with its apps, and what each holds."""
        if settings.has_secret:
            with self._asking(settings.org):
                seen, pair = with_pairs(settings, stored, self._read_pairs)
            return seen, (pair,)
        apps = {name: self._app(settings.org, name) for name in settings.app_names}
        observed = {name: _observed(name, app, versions, last.apps.get(name)) for name, app in apps.items()}
        return replace(stored, apps=observed), tuple(apps.values())

    @contextmanager
    def _asking(self, org: str) -> Iterator[None]:
        """An org that is away is waited for once, not once for each of its apps."""
        if org in self._away:
            raise self._away[org]
        try:
            yield
        except (OrgUnavailable, LoginRefused) as error:
            self._away[org] = error
            raise

    def _app(self, org: str, name: str) -> ObservedCertificate:
        with self._asking(org):
            app = self._read_app(org, name)
        if app is None:
            raise OrgError(
                f"The org {org} shows no app {name}: missing, or the program's user may not read it.",
                hint="`rotator check` tells more.",
            )
        return app


def _observed(name: str, held: ObservedCertificate, versions: Versions, last: ObservedApp | None) -> ObservedApp:
    """An app as it was just seen; of what the org does not show, with what logins had shown when it was last seen."""
    old = with_other_client_id(versions.values(), name, held.client_id)
    return replace(ObservedApp.of(name, held), with_old_client_id=old).remembering(last)


def _stored_credential(
    versions: Versions, apps: Mapping[str, ObservedApp], last_promotion: datetime | None
) -> ObservedCredential:
    """What was observed of a credential, with the versions that were read from its store."""
    current = versions.get(Stage.CURRENT)
    known: dict[str, Any] = {str(stage): KnownVersion.of(version) for stage, version in versions.items()}
    return ObservedCredential(
        apps,
        **known,
        promoted_at=promoted_at(current.created_at, last_promotion) if current else None,
    )


def status_of(
    settings: Settings,
    name: str,
    history: CredentialHistory,
    seen: ObservedCredential | None,
    now: datetime,
    *,
    apps: tuple[ObservedCertificate, ...] = (),
    is_known: bool = True,
) -> CredentialStatus:
    """What follows from how a credential was seen, just now or before, and from what the history knows."""
    mine = settings.credentials[name]
    if seen is not None:
        seen = replace(seen, confirmation=history.confirmation(mine, seen))
    first = next(iter(apps), None)
    begun, record, halt = history.open_rotation, history.record, history.halt(seen)
    life = CredentialLife(
        seen=seen,
        policy=mine,
        thresholds=settings.alerts.every_threshold,
        now=now,
        is_known=is_known,
        rotation=OpenRotation(is_urgent=begun.is_urgent) if begun else None,
        stored_at=history.stored_at,
        refused_since=history.refused_since(seen),
        revoked=record.login_revoked,
        running=history.running,
        halt=halt,
        needs_attention=history.attempt.needs_attention or halt is not None or record.is_reverted,
        unstored_not_after=first.not_after if first and not _is_pending(seen, first) else None,
        attempt=history.attempt,
        schedule=Schedules(settings, history.noted).of(name),
    )
    return CredentialStatus(
        credential=name,
        settings=mine,
        owner=settings.owner_of(name, mine.org),
        life=life,
        apps=apps,
        history=history,
    )


def known_state(settings: Settings, database: Database, name: str, now: datetime) -> CredentialState:
    """The state as the history alone has it, just after a run of it has ended. Raises HistoryError."""
    known = histories_of(database, [name])[name]
    return status_of(settings, name, known, known.last_observation.seen, now).state


def _is_pending(seen: ObservedCredential | None, held: ObservedCertificate) -> bool:
    """Whether an app holds the certificate of a version that has not logged in yet."""
    return seen is not None and seen.stage_of(held.fingerprint) is Stage.PENDING


def last_known_status(
    settings: Settings,
    name: str,
    history: CredentialHistory,
    inventory: AttemptRecord,
    apps: Iterable[ObservedCertificate],
    now: datetime,
) -> CredentialStatus:
    """The status as the history alone has it; `inventory` is how those of its org went, `apps` what was seen there."""
    mine, last = settings.credentials[name], history.last_observation
    held = {each.app.casefold(): each for each in apps}
    here = tuple(held[app.casefold()] for app in mine.app_names if app.casefold() in held)
    why = last.problem or inventory.problem or ("" if last.seen else "It was not observed yet.")
    status = status_of(settings, name, history, last.seen, now, apps=here, is_known=not why)
    return replace(status, why_unknown=why)


def last_known_statuses(
    settings: Settings, database: Database, names: Iterable[str], now: datetime
) -> list[CredentialStatus]:
    """Those of some credentials, without what their apps hold. Raises HistoryError or HistoryUnavailable."""
    names = [*names]
    known = histories_of(database, names)
    inventories = {each.name: each for each in AttemptRecords(database).all(INVENTORY)}

    def one(name: str, org: str) -> CredentialStatus:
        inventory = inventories.get(org, AttemptRecord(INVENTORY, org))
        return last_known_status(settings, name, known[name], inventory, (), now)

    return [one(name, settings.credentials[name].org) for name in names]


def _not_configured(name: str, seen: ObservedCredential) -> ConfigurationError | None:
    if seen.current is None or seen.current.app in seen.apps:
        return None
    return ConfigurationError(
        f"The current version of {name} logs in through the app {seen.current.app}, which `apps` does not name.",
        effect="Nothing was touched.",
        hint="Keep the app in `apps` until no stored version is for it.",
    )
