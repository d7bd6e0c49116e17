"""The audit: everything that the rules go by is gathered, and they are asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from rotator.core.credentials import Stage
from rotator.core.posture.assessment import assess, ended
from rotator.core.posture.facts import CredentialFacts, Hidden, Posture, version_facts
from rotator.errors import HistoryError, RotatorError
from rotator.history.journal.journal import EXPORT, Journal
from rotator.history.journal.queries import events_of_kind
from rotator.history.usage.recorded_logins import RecordedLogins
from rotator.history.usage.usages import Usages
from rotator.salesforce.login import VALIDITY
from rotator.services.inventory.side_by_side import MOST, side_by_side
from rotator.services.posture.org_facts import OrgAdapters, management_of, nothing_of, read_org
from rotator.stores.base import read_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from rotator.config.settings import CredentialSettings, Settings
    from rotator.core.credentials import Version
    from rotator.core.lifecycle.revocation import Revocation
    from rotator.core.posture.assessment import Result
    from rotator.core.posture.choices import Exemption
    from rotator.core.posture.facts import OrgFacts
    from rotator.history.engine.database import Database
    from rotator.stores.base import Store

FILES: Final = "files"
"""The type of the stores that keep keys in files of the machine."""


class Adapters(OrgAdapters, Protocol):
    """What an audit is made with; each may raise RotatorError when it is first asked for."""

    @property
    def settings(self) -> Settings:
        """All of config.yaml."""
        ...

    @property
    def now(self) -> Callable[[], datetime]:
        """The machine's clock."""
        ...

    @property
    def database(self) -> Database:
        """The history database."""
        ...

    def store(self, name: str) -> Store:
        """The store of that name in the configuration."""
        ...

    def beside(self, orgs: Collection[str]) -> Callable[[], AbstractContextManager[OrgAdapters]]:
        """The same for each of some threads that ask one of these orgs."""
        ...


@dataclass(frozen=True)
class Audit:
    """What came of one audit."""

    at: datetime
    results: tuple[Result, ...]
    """What matters most first."""
    ended: tuple[Exemption, ...] = ()
    """Exceptions that do not count any more."""
    problems: tuple[RotatorError, ...] = ()
    """Why something could not be read."""
    unread: Mapping[str, RotatorError] = field(default_factory=dict)
    """Why nothing could be read of an org, by its name."""
    revoked: tuple[str, ...] = ()
    """The credentials of which little is asked, as nobody is to log in with them (`after_revocation`)."""


def audit(
    adapters: Adapters, names: Sequence[str] = (), *, orgs: Collection[str] | None = None, at_once: int = MOST
) -> Audit:
    """What the rules say of some credentials, of some orgs and their credentials, or of everything.

    So many orgs are asked at once.
    Nothing is changed or written down. What cannot be read is a problem in the result, and what rests on it is not
    visible; so is what rests on an org that was not asked.
    """
    return _Auditor(adapters, at_once).audit(names, orgs)


class _Auditor:
    def __init__(self, adapters: Adapters, at_once: int) -> None:
        self._adapters: Final = adapters
        self._at_once: Final = at_once
        self._settings: Final = adapters.settings
        self._now: Final = adapters.now()
        self._problems: Final[list[RotatorError]] = []
        self._exports: Final = self._exported()
        self._used: Final = self._used_by_consumers()
        self._revoked: Final = self._revoked_by_people()

    def audit(self, names: Sequence[str], orgs: Collection[str] | None) -> Audit:
        settings = self._settings
        versions = {name: self._current(name, each) for name, each in settings.credentials.items()}
        client_ids = {
            name: version.client_id for name, version in versions.items() if version and not isinstance(version, Hidden)
        }
        asked = list(dict.fromkeys(settings.credentials[name].org for name in names)) if names else [*settings.orgs]
        asked = [org for org in asked if orgs is None or org in orgs]
        found, unread = self._orgs(asked, client_ids)
        for org in (each for each in settings.orgs if each not in found):
            management = management_of(settings, org, client_ids)
            found[org] = nothing_of(org, management, f"the org {org}, which was not asked this time")
        exemptions = [each.rules() for each in settings.audit.exceptions]
        posture = Posture(
            now=self._now,
            credentials={name: self._facts(name, versions[name]) for name in settings.credentials},
            orgs=found,
            vaults=tuple(name for name, store in settings.stores.items() if store.type != FILES),
            rules=settings.audit.rules(VALIDITY),
        )
        results = assess(posture, exemptions, only=names or None, orgs=orgs)
        problems = (*self._problems, *unread.values())
        of_these = [posture.credentials[name] for name in names or posture.credentials]
        revoked = tuple(each.name for each in of_these if each.is_revoked and (orgs is None or each.org in orgs))
        return Audit(self._now, tuple(results), tuple(ended(exemptions, self._now)), problems, unread, revoked)

    def _orgs(
        self, names: list[str], client_ids: Mapping[str, str]
    ) -> tuple[dict[str, OrgFacts], dict[str, RotatorError]]:
        """What orgs show, and why nothing of some can be read."""
        found: dict[str, OrgFacts] = {}
        unread: dict[str, RotatorError] = {}
        for facts, error in side_by_side(lambda org: self._org(org, client_ids), names, self._at_once):
            found[facts.name] = facts
            if error:
                unread[facts.name] = error
        return found, unread

    def _org(self, org: str, client_ids: Mapping[str, str]) -> tuple[OrgFacts, RotatorError | None]:
        """Made in a thread of its own, where there are several orgs."""
        management = management_of(self._settings, org, client_ids)
        usernames = {each.username for each in self._settings.credentials.values() if each.org == org}
        since = self._now - self._settings.audit.unused_after
        try:
            with self._adapters.beside(self._settings.orgs)() as adapters:
                return read_org(adapters, management, org, usernames, since), None
        except RotatorError as error:
            return nothing_of(org, management, f"the org {org}, which cannot be read"), error

    def _current(self, name: str, credential: CredentialSettings) -> Version | Hidden | None:
        try:
            return read_stage(self._adapters.store(credential.store), name, Stage.CURRENT)
        except RotatorError as error:
            self._problems.append(error)
            return Hidden(f"what the store {credential.store} has of it, which cannot be read")

    def _facts(self, name: str, version: Version | Hidden | None) -> CredentialFacts:
        credential = self._settings.credentials[name]
        addresses = credential.addresses(self._settings.orgs[credential.org])
        _, lifetime = credential.span
        return CredentialFacts(
            name=name,
            org=credential.org,
            username=credential.username,
            apps=credential.app_names,
            is_secret=credential.has_secret,
            login_url=addresses["login_url"],
            audience=addresses["audience"],
            lifetime=lifetime,
            rotate_before=credential.rotate_before,
            is_in_files=self._settings.stores[credential.store].type == FILES,
            current=version if version is None or isinstance(version, Hidden) else version_facts(version),
            copies=self._copies(name, credential, version),
            own_logins=self._own_logins(credential),
            used_at=self._used.get(name),
            revoked=self._revoked if isinstance(self._revoked, Hidden) else self._revoked.get(name),
            connected={app: kind == "connected_app" for app, kind in credential.kinds_of_apps.items()},
        )

    def _copies(
        self, name: str, credential: CredentialSettings, version: Version | Hidden | None
    ) -> tuple[str, ...] | Hidden:
        """Where else the credential is kept, and where its current version was exported to."""
        found: list[str] = []
        for store in self._settings.stores:
            if store == credential.store:
                continue
            try:
                if self._adapters.store(store).stages(name).fingerprints:
                    found.append(f"in the store {store}")
            except RotatorError as error:
                self._problems.append(error)
                return Hidden(f"what the store {store} has, which cannot be read")
        if isinstance(self._exports, Hidden):
            return self._exports
        current = "" if version is None or isinstance(version, Hidden) else str(version.fingerprint)
        return (*found, *self._exports.get((name, current), ()))

    def _own_logins(self, credential: CredentialSettings) -> tuple[datetime, ...]:
        """When the program itself logged in, as the history has it; nothing where that is away, which was told."""
        if isinstance(self._exports, Hidden):
            return ()
        since = self._now - self._settings.audit.unused_after
        logins = RecordedLogins(self._adapters.database)
        apps = credential.app_names
        found = logins.of(credential.org, credential.username, apps=apps, client_ids=(), since=since)
        return tuple(each.at for each in found)

    def _used_by_consumers(self) -> dict[str, datetime]:
        """When consumers last logged in, by credential, as the service has seen it; likewise."""
        if isinstance(self._exports, Hidden):
            return {}
        found = Usages(self._adapters.database).all()
        times = {
            name: [at for source in usage.sources for at in (source.before_at, source.accepted_at, source.old_at) if at]
            for name, usage in found.items()
        }
        return {name: max(these) for name, these in times.items() if these}

    def _revoked_by_people(self) -> dict[str, Revocation] | Hidden:
        """The credentials that nobody is to log in with."""
        if isinstance(self._exports, Hidden):
            return Hidden("the history, which says what was revoked")
        found = Journal(self._adapters.database).revocations()
        return {name: each for name, each in found.items() if each.ends_logins}

    def _exported(self) -> dict[tuple[str, str], list[str]] | Hidden:
        """Where versions were exported to, by credential and fingerprint."""
        found: dict[tuple[str, str], list[str]] = {}
        try:
            for event in events_of_kind(self._adapters.database, EXPORT):
                place = (event.credential or "", str(event.details.get("fingerprint", "")))
                found.setdefault(place, []).append(f"in the keystore {event.details.get('path', '')}")
        except HistoryError as error:
            self._problems.append(error)
            return Hidden("the history, which says what was exported")
        return {place: [*dict.fromkeys(paths)] for place, paths in found.items()}
