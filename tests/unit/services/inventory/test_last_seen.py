"""What the history remembers says the same to alerts as the look that it was written down after."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.config.settings import Settings
from rotator.core.crypto.certificates import throwaway
from rotator.core.kinds import Kind
from rotator.history.engine.database import Database
from rotator.history.sightings import last_sightings, record_sightings
from rotator.salesforce.inventory import Inventory, InventoryEntry
from rotator.salesforce.key_management import CertificateRecord
from rotator.services.inventory.last_seen import remembered
from rotator.services.inventory.scan import scan, seen_now
from rotator.services.inventory.seen import ObservedCertificate
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import MOMENT, make_version

DAY = timedelta(days=1)
PAIR = "warehouse"


@pytest.fixture
def entries(store: FilesStore) -> list[InventoryEntry]:
    """One of everything; the pair's second app is in use, and the first ends an old key."""
    current = make_version(PAIR, "Warehouse_B", now=MOMENT)
    store.put_pending(current)
    store.promote(PAIR, current.fingerprint, replaces=None)
    record = CertificateRecord("0P1", "Signing", MOMENT + DAY, 2048, is_usable=True)
    certificate = make_version().certificate
    return [
        InventoryEntry("production", "BILLING", Kind.APP, certificate=certificate),
        InventoryEntry("production", "Warehouse_A", Kind.APP, certificate=throwaway(now=MOMENT)),
        InventoryEntry("production", "Warehouse_B", Kind.APP, certificate=current.certificate),
        InventoryEntry("production", "Legacy", Kind.APP, certificate=certificate),
        InventoryEntry("production", "Empty", Kind.APP),
        InventoryEntry("production", "Billing", Kind.IDENTITY_PROVIDER, certificate=certificate),
        InventoryEntry("production", "Signing", Kind.CERTIFICATE, record=record),
    ]


@pytest.fixture
def looked(
    settings: Settings, store: FilesStore, database: Database, entries: list[InventoryEntry]
) -> list[ObservedCertificate]:
    """What alerts were given when the org was looked at."""
    found = scan(
        settings,
        read_org=lambda _: Inventory(tuple(entries)),
        store=lambda _: store,
        known=lambda org: last_sightings(database, org),
        record=lambda sightings, gone: record_sightings(database, sightings, MOMENT, gone=gone),
        now=MOMENT,
        orgs=["production"],
    )
    return seen_now(settings, found)


def by_place(seen: list[ObservedCertificate]) -> dict[tuple[str, str], ObservedCertificate]:
    return {(each.kind, each.name): each for each in seen}


def test_what_is_remembered_is_what_was_seen(
    settings: Settings, store: FilesStore, database: Database, looked: list[ObservedCertificate]
) -> None:
    current = store.stages(PAIR).current
    again = remembered(settings, last_sightings(database), lambda name: current if name == PAIR else None)
    assert by_place(again) == by_place(looked)
    assert by_place(looked)["ConnectedApp", "Warehouse_A"].is_throwaway
    assert by_place(looked)["ConnectedApp", "BILLING"].credential == "billing"


def test_which_app_of_a_pair_is_in_use_is_not_guessed(
    settings: Settings, database: Database, looked: list[ObservedCertificate]
) -> None:
    again = by_place(remembered(settings, last_sightings(database), lambda _: None))
    for app in ("Warehouse_A", "Warehouse_B"):
        assert again["ConnectedApp", app] == replace(
            by_place(looked)["ConnectedApp", app], readable=False, is_standby=False
        )


def test_what_is_gone_since_is_left_out(
    settings: Settings, database: Database, looked: list[ObservedCertificate]
) -> None:
    legacy = [last for last in last_sightings(database) if last.app == "Legacy"]
    record_sightings(database, [], MOMENT + DAY, gone=legacy)
    again = remembered(settings, last_sightings(database), lambda _: None)
    assert set(by_place(looked)) - set(by_place(again)) == {("ConnectedApp", "Legacy")}
