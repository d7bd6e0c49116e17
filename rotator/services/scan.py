"""The inventory: every app of every org, which credential manages it, and whether its certificate is one we know."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from rotator.errors import HistoryError, RotatorError
from rotator.history.records import Sighting
from rotator.services.states import State, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from rotator.config.settings import CredentialSettings, Settings
    from rotator.core.certificates import Certificate
    from rotator.core.credentials import Stage, Stages
    from rotator.salesforce.inventory import InventoryEntry
    from rotator.stores.base import Store

APP_TYPE: Final = "ConnectedApp"


@dataclass(frozen=True)
class FoundApp:
    """One line of the inventory."""

    org: str
    app: str | None
    """None on the line of an org that could not be read."""
    app_type: str = APP_TYPE
    client_id: str = ""
    certificate: Certificate | None = None
    managed_by: str | None = None
    """The credential that the app belongs to."""
    stage: Stage | None = None
    """Where the live certificate's version stands in the store."""
    drift: bool = False
    """The live certificate is none that we know, though the credential is in the store."""
    state: State = State.UNREADABLE
    last_modified_by: str | None = None
    last_modified_at: datetime | None = None


@dataclass(frozen=True)
class Problem:
    """What could not be looked at, and why."""

    where: str
    error: RotatorError


@dataclass(frozen=True)
class Scan:
    """All that was found, and all that could not be looked at."""

    apps: tuple[FoundApp, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _Managed:
    """A configured app and its credential; without stages its store could not be read."""

    app: str
    name: str
    settings: CredentialSettings
    stages: Stages | None


def scan(
    settings: Settings,
    *,
    read_org: Callable[[str], Sequence[InventoryEntry]],
    store: Callable[[str], Store],
    record: Callable[[Sighting], None],
    now: datetime,
) -> Scan:
    """Looks at every app of every org and records what it saw.

    An org, a store or a history that cannot be used is a problem in the result; the rest is looked at all the same.
    """
    return _Scanner(settings, store, now).scan(read_org, record)


class _Scanner:
    def __init__(self, settings: Settings, store: Callable[[str], Store], now: datetime) -> None:
        self._settings: Final = settings
        self._store: Final = store
        self._now: Final = now
        self._problems: list[Problem] = []

    def scan(self, read_org: Callable[[str], Sequence[InventoryEntry]], record: Callable[[Sighting], None]) -> Scan:
        found: list[FoundApp] = []
        seen: list[Sighting] = []
        for org in self._settings.orgs:
            try:
                entries = read_org(org)
            except RotatorError as error:
                self._problems.append(Problem(f"org {org}", error))
                found.append(FoundApp(org, None))
                continue
            seen += [sighting_of(entry) for entry in entries if not entry.unreadable]
            found += self._apps(org, entries)
        self._record(record, seen)
        return Scan(tuple(found), tuple(self._problems))

    def _apps(self, org: str, entries: Sequence[InventoryEntry]) -> Iterator[FoundApp]:
        managed = self._managed(org)
        for entry in entries:
            yield self._found(entry, managed.pop(entry.app.casefold(), None))
        yield from (FoundApp(org, absent.app, managed_by=absent.name) for absent in managed.values())

    def _found(self, entry: InventoryEntry, managed: _Managed | None) -> FoundApp:
        policy = managed.settings if managed else self._settings.rotation
        state = state_of(entry.certificate, self._now, policy.rotate_before)
        stage = _stage(managed, entry.certificate)
        return FoundApp(
            org=entry.org,
            app=entry.app,
            app_type=entry.app_type,
            client_id=entry.client_id,
            certificate=entry.certificate,
            managed_by=managed.name if managed else None,
            stage=stage,
            drift=not entry.unreadable and _is_drift(managed, entry.certificate, stage),
            state=State.UNREADABLE if entry.unreadable else state,
            last_modified_by=entry.last_modified_by,
            last_modified_at=entry.last_modified_at,
        )

    def _managed(self, org: str) -> dict[str, _Managed]:
        """The managed apps of an org by their names, which Salesforce takes in any case."""
        result: dict[str, _Managed] = {}
        for name, credential in self._settings.credentials.items():
            if credential.org == org:
                stages = self._stages(name, credential)
                result |= {app.casefold(): _Managed(app, name, credential, stages) for app in credential.apps}
        return result

    def _stages(self, name: str, credential: CredentialSettings) -> Stages | None:
        try:
            return self._store(credential.store).stages(name)
        except RotatorError as error:
            self._problems.append(Problem(f"store {credential.store}", error))
            return None

    def _record(self, record: Callable[[Sighting], None], seen: list[Sighting]) -> None:
        try:
            for sighting in seen:
                record(sighting)
        except HistoryError as error:
            self._problems.append(Problem("history", error))


def sighting_of(entry: InventoryEntry) -> Sighting:
    """What the history keeps of one app that was read."""
    bare = Sighting(
        org=entry.org,
        app=entry.app,
        app_type=entry.app_type,
        app_modified_at=entry.last_modified_at,
        app_modified_by=entry.last_modified_by,
    )
    certificate = entry.certificate
    if certificate is None:
        return bare
    return replace(
        bare,
        certificate_fingerprint=certificate.fingerprint,
        subject=certificate.subject,
        issuer=certificate.issuer,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        key_algorithm=certificate.key_algorithm,
        key_bits=certificate.key_bits,
        signature_algorithm=certificate.signature_algorithm,
        serial=certificate.serial_number,
    )


def _stage(managed: _Managed | None, certificate: Certificate | None) -> Stage | None:
    if managed is None or managed.stages is None or certificate is None:
        return None
    return next((stage for stage, known in managed.stages if known == certificate.fingerprint), None)


def _is_drift(managed: _Managed | None, certificate: Certificate | None, stage: Stage | None) -> bool:
    if managed is None or managed.stages is None or managed.stages.current is None or stage is not None:
        return False
    if certificate is None:
        return len(managed.settings.apps) == 1
    return not certificate.is_throwaway
