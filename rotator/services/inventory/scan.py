"""The inventory: what holds a certificate in every org, which credential manages it, and whether we know it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from rotator.core.kinds import Kind
from rotator.errors import HistoryError, RotatorError
from rotator.history.records import Sighting
from rotator.services.inventory.managed_app import ManagedApp
from rotator.services.inventory.seen import ObservedCertificate
from rotator.services.inventory.states import State, state_until
from rotator.services.inventory.vanished import Past, Place, no_apps, place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from rotator.config.settings import CredentialSettings, Settings
    from rotator.core.credentials import Stage, Stages
    from rotator.core.crypto.certificates import Certificate
    from rotator.history.records import LastSighting
    from rotator.salesforce.inventory import Inventory, InventoryEntry
    from rotator.stores.base import Store


@dataclass(frozen=True)
class Found:
    """One line of the inventory: something that holds a certificate, may hold one, or did."""

    org: str
    name: str | None
    """None on the line of an org that could not be read."""
    kind: str = Kind.APP
    client_id: str = ""
    certificate: Certificate | None = None
    not_after: datetime | None = None
    """When it expires: the certificate's, or all that is known of it. What cannot be read now was so when last seen."""
    key_bits: int | None = None
    used_by: tuple[str, ...] = ()
    """What else in the org refers to it, in words."""
    managed_by: str | None = None
    """The credential that the app belongs to."""
    stage: Stage | None = None
    """Where the live certificate's version stands in the store."""
    is_standby: bool | None = False
    """Of two apps that take turns it is not the one in use; None when that cannot be told without the store."""
    drift: bool = False
    """The live certificate is none that we know, though the credential is in the store."""
    state: State = State.UNREADABLE
    last_modified_by: str | None = None
    last_modified_at: datetime | None = None
    last: LastSighting | None = None
    """How it was last seen, if it ever was: of what is unreadable or vanished."""

    @property
    def fingerprint(self) -> str | None:
        """Of the certificate, where the org shows it or once did."""
        if self.certificate:
            return self.certificate.fingerprint
        return self.last.certificate_fingerprint if self.last else None


@dataclass(frozen=True)
class Problem:
    """What could not be looked at, and why."""

    where: str
    error: RotatorError
    org: str | None = None
    """The org that was looked at, where the problem is the org's."""
    kind: str | None = None
    """The type of which nothing could be read; None when it is the whole org, a store or the history."""


@dataclass(frozen=True)
class Scan:
    """All that was found, and all that could not be looked at."""

    found: tuple[Found, ...]
    problems: tuple[Problem, ...]

    @property
    def vanished(self) -> tuple[Found, ...]:
        """What was seen before in an org that could be read, and is there no more."""
        return tuple(line for line in self.found if line.state is State.VANISHED)


class Record(Protocol):
    """Writes down what was seen, all or nothing (`rotator.history.sightings.record_sightings`)."""

    def __call__(self, sightings: Sequence[Sighting], *, gone: Iterable[LastSighting]) -> None:
        """Raises HistoryError."""
        ...


def scan(
    settings: Settings,
    *,
    read_org: Callable[[str], Inventory],
    store: Callable[[str], Store],
    known: Callable[[str], Sequence[LastSighting]],
    record: Record,
    now: datetime,
    orgs: Sequence[str] | None = None,
) -> Scan:
    """Looks at everything that holds a certificate in the orgs, in all of them unless some are named, and records it.

    `known` tells what was last seen in an org (`rotator.history.sightings.last_sightings`), `record` is called once for
    each org. An org, store or history that cannot be used is a problem in the result, and the rest is looked at.
    """
    scanner = _Scanner(settings, store, known, record, now)
    found = [line for org in (settings.orgs if orgs is None else orgs) for line in scanner.look(org, read_org)]
    return Scan(tuple(found), tuple(scanner.problems))


class _Scanner:
    def __init__(
        self,
        settings: Settings,
        store: Callable[[str], Store],
        known: Callable[[str], Sequence[LastSighting]],
        record: Record,
        now: datetime,
    ) -> None:
        self._settings: Final = settings
        self._store: Final = store
        self._known: Final = known
        self._record: Final = record
        self._now: Final = now
        self.problems: list[Problem] = []

    def look(self, org: str, read_org: Callable[[str], Inventory]) -> list[Found]:
        try:
            inventory = read_org(org)
        except RotatorError as error:
            self.problems.append(Problem(f"org {org}", error, org))
            return [Found(org, None)]
        past, managed = self._past(org), self._managed(org)
        unread = {each.kind: each.error for each in inventory.unread}
        if past.hides_its_apps(inventory):
            unread[Kind.APP] = no_apps(org)
        self.problems += [Problem(f"org {org}", error, org, kind) for kind, error in unread.items()]
        found = [self._found(entry, managed, past) for entry in inventory.entries]
        unseen = list(past.unseen(inventory, unread, managed))
        found += [_unseen(org, last, state, managed) for last, state in unseen]
        found += _never_seen(org, managed, found)
        seen = [sighting_of(entry) for entry in inventory.entries if not entry.unreadable]
        self._note(seen, [last for last, state in unseen if state is State.VANISHED])
        return found

    def _past(self, org: str) -> Past:
        try:
            return Past(self._known(org), self._now)
        except HistoryError as error:
            self._history_away(error)
            return Past((), self._now)

    def _found(self, entry: InventoryEntry, managed: Mapping[Place, ManagedApp], past: Past) -> Found:
        app = managed.get(place(entry.kind, entry.name))
        managed_by = app.credential if app else None
        if entry.unreadable:
            line = Found(entry.org, entry.name, entry.kind, managed_by=managed_by)
            return _as_last_seen(line, past.last(entry.kind, entry.name))
        return Found(
            org=entry.org,
            name=entry.name,
            kind=entry.kind,
            client_id=entry.client_id,
            certificate=entry.certificate,
            not_after=entry.not_after,
            key_bits=entry.key_bits,
            used_by=entry.used_by,
            managed_by=managed_by,
            stage=app.stage(entry.certificate) if app else None,
            is_standby=app.is_standby(entry.certificate) if app else False,
            drift=app is not None and app.is_drift(entry.certificate),
            state=self._state(entry, app),
            last_modified_by=entry.last_modified_by,
            last_modified_at=entry.last_modified_at,
        )

    def _state(self, entry: InventoryEntry, app: ManagedApp | None) -> State:
        if entry.record and not entry.record.is_usable:
            return State.UNUSABLE
        policy = app.settings if app else self._settings.rotation
        return state_until(entry.not_after, self._now, policy.rotate_before)

    def _managed(self, org: str) -> dict[Place, ManagedApp]:
        result: dict[Place, ManagedApp] = {}
        for name, credential in self._settings.credentials.items():
            if credential.org == org:
                stages = self._stages(name, credential)
                result |= {place(Kind.APP, app): ManagedApp(app, name, credential, stages) for app in credential.apps}
        return result

    def _stages(self, name: str, credential: CredentialSettings) -> Stages | None:
        try:
            return self._store(credential.store).stages(name)
        except RotatorError as error:
            self.problems.append(Problem(f"store {credential.store}", error))
            return None

    def _note(self, seen: Sequence[Sighting], gone: Sequence[LastSighting]) -> None:
        try:
            self._record(seen, gone=gone)
        except HistoryError as error:
            self._history_away(error)

    def _history_away(self, error: HistoryError) -> None:
        if all(problem.where != "history" for problem in self.problems):
            self.problems.append(Problem("history", error))


def seen_now(settings: Settings, found: Scan) -> list[ObservedCertificate]:
    """What a scan saw, as alerts need it. Of an org that could not be read there is nothing.

    What has vanished, or waits for an authority, is left out.
    """
    left_out = (State.VANISHED, State.UNUSABLE)
    return [_seen(settings, line, line.name) for line in found.found if line.name and line.state not in left_out]


def _seen(settings: Settings, line: Found, name: str) -> ObservedCertificate:
    held = ObservedCertificate(
        org=line.org,
        kind=line.kind,
        name=name,
        credential=line.managed_by,
        rotate_before=settings.credentials[line.managed_by].rotate_before if line.managed_by else None,
    )
    if line.state is State.UNREADABLE or line.is_standby is None:
        return replace(held, readable=False)
    certificate = line.certificate
    dated = replace(held, not_after=line.not_after, key_bits=line.key_bits, is_standby=line.is_standby)
    if certificate is None:
        return dated
    return replace(
        dated,
        fingerprint=certificate.fingerprint,
        not_before=certificate.not_before,
        key_algorithm=certificate.key_algorithm,
        signature=certificate.signature_algorithm,
        is_throwaway=certificate.is_throwaway,
    )


def sighting_of(entry: InventoryEntry) -> Sighting:
    """What the history keeps of one thing that was read."""
    bare = Sighting(
        org=entry.org,
        app=entry.name,
        app_type=entry.kind,
        app_modified_at=entry.last_modified_at,
        app_modified_by=entry.last_modified_by,
    )
    certificate = entry.certificate
    if certificate is None:
        return replace(bare, not_after=entry.not_after, key_bits=entry.key_bits or 0)
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


def _unseen(org: str, last: LastSighting, state: State, managed: Mapping[Place, ManagedApp]) -> Found:
    app = managed.get(place(last.app_type, last.app))
    line = Found(org, last.app, last.app_type, managed_by=app.credential if app else None, state=state)
    return _as_last_seen(line, last)


def _never_seen(org: str, managed: Mapping[Place, ManagedApp], found: Iterable[Found]) -> list[Found]:
    """What is configured, and was seen neither now nor before."""
    seen = {place(line.kind, line.name) for line in found if line.name}
    return [Found(org, app.app, managed_by=app.credential) for where, app in managed.items() if where not in seen]


def _as_last_seen(line: Found, last: LastSighting | None) -> Found:
    """The line of what could not be seen now, with what is known of it from before."""
    if last is None:
        return line
    return replace(
        line,
        not_after=last.not_after,
        key_bits=last.key_bits or None,
        last_modified_by=last.app_modified_by,
        last_modified_at=last.app_modified_at,
        last=last,
    )
