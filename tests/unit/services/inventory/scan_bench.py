"""What the inventory is tried on: orgs, a store and a history as a test wants them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rotator.core.credentials import KeyVersion
from rotator.core.observed import Kind, ObservedCertificate
from rotator.errors import OrgUnavailable
from rotator.salesforce.inventory.org_inventory import Inventory
from rotator.services.inventory.scan import Scan, scan
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from rotator.config.settings import Settings
    from rotator.core.crypto.certificates import Certificate
    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.salesforce.inventory.reading import Unread
    from rotator.services.inventory.credential_history import CredentialHistory
    from rotator.stores.base import Store
    from rotator.stores.files.store import FilesStore

Stored = Callable[..., KeyVersion]
DAY = timedelta(days=1)


def entry(
    app: str, certificate: Certificate | None = None, *, org: str = "production", kind: Kind = Kind.APP
) -> ObservedCertificate:
    return ObservedCertificate(
        org=org,
        app=app,
        type=kind,
        client_id=f"consumer-key-of-{app}",
        last_modified_by="Ada",
        last_modified_at=MOMENT,
    ).holding(certificate)


def unreadable(app: str, kind: Kind = Kind.APP) -> ObservedCertificate:
    return replace(entry(app, kind=kind), is_readable=False)


def own(name: str, days: float, *, is_usable: bool = True) -> ObservedCertificate:
    """A certificate of Certificate and Key Management."""
    here = entry(name, kind=Kind.CERTIFICATE)
    return replace(here, not_after=MOMENT + days * DAY, key_bits=2048, is_usable=is_usable)


def last(seen: ObservedCertificate, *, gone_at: datetime | None = None) -> ObservedCertificate:
    """How the history tells of what was seen yesterday."""
    return replace(seen, client_id="", first_seen=MOMENT - DAY, last_seen=MOMENT - DAY, gone_at=gone_at)


class World:
    """Orgs as a test wants them, and what the history knows of them."""

    def __init__(self, settings: Settings, store: FilesStore) -> None:
        self.settings = settings
        self.files = store
        self.orgs: dict[str, Sequence[ObservedCertificate] | OrgUnavailable] = {"production": [], "sandbox": []}
        self.unread: tuple[Unread, ...] = ()
        self.known: list[ObservedCertificate] = []
        self.histories: dict[str, CredentialHistory] = {}

    def read_org(self, name: str) -> Inventory:
        entries = self.orgs[name]
        if isinstance(entries, OrgUnavailable):
            raise entries
        return Inventory(tuple(entries), self.unread)

    def store(self, _: str) -> Store:
        return self.files

    def last_seen(self, org: str) -> list[ObservedCertificate]:
        return [each for each in self.known if each.org == org]

    def scan(self, org: str = "production") -> Scan:
        return scan(
            self.settings,
            org,
            read_org=self.read_org,
            store=self.store,
            last_seen=self.last_seen,
            histories=lambda: self.histories,
            now=MOMENT,
        )

    def lives(self) -> dict[str, CertificateLife]:
        return {life.seen.app: life for life in self.scan().certificates}

    def found(self, app: str) -> CertificateLife:
        return self.lives()[app]


def apps_of(lives: Sequence[CertificateLife]) -> set[str]:
    return {life.seen.app for life in lives}
