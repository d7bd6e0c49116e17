"""What the history tells of a certificate is what the look said that it was written down after."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.config.settings import Settings
from rotator.core.attempts import INVENTORY, ROTATE, AttemptRecord
from rotator.core.crypto.certificates import throwaway
from rotator.core.lifecycle.certificate_life import CertificateLife
from rotator.core.lifecycle.states import CertificateState
from rotator.core.observed import Kind, ObservedCertificate
from rotator.history.attempt_records import AttemptRecords
from rotator.history.engine.database import Database
from rotator.history.sightings import last_sightings, record_sightings
from rotator.salesforce.inventory.org_inventory import Inventory
from rotator.services.inventory.credential_history import histories
from rotator.services.inventory.ownership import last_known
from rotator.services.inventory.scan import Scan, scan, write_down
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import MOMENT, make_version

DAY = timedelta(days=1)
PAIR = "warehouse"


@pytest.fixture
def entries(store: FilesStore) -> list[ObservedCertificate]:
    """One of everything; the pair's second app is in use, and the first ends an old key."""
    current = make_version(PAIR, "Warehouse_B", now=MOMENT)
    store.put_pending(current)
    store.promote(PAIR, current.fingerprint, replaces=None)
    certificate = make_version().certificate

    def at(app: str, kind: Kind = Kind.APP) -> ObservedCertificate:
        return ObservedCertificate(org="production", app=app, type=kind)

    return [
        at("BILLING").holding(certificate),
        at("Warehouse_A").holding(throwaway(now=MOMENT)),
        at("Warehouse_B").holding(current.certificate),
        at("Legacy").holding(certificate),
        at("Empty"),
        at("Billing", Kind.IDENTITY_PROVIDER).holding(certificate),
        replace(at("Signing", Kind.CERTIFICATE), not_after=MOMENT + DAY, key_bits=2048),
    ]


@pytest.fixture
def looked(settings: Settings, store: FilesStore, database: Database, entries: list[ObservedCertificate]) -> Scan:
    """A look at the org, written down."""
    found = scan(
        settings,
        "production",
        read_org=lambda _: Inventory(tuple(entries)),
        store=lambda _: store,
        last_seen=lambda org: last_sightings(database, org),
        histories=lambda: histories(database, []),
        now=MOMENT,
    )
    write_down(database, found, MOMENT)
    AttemptRecords(database).put(AttemptRecord(INVENTORY, "production").succeeded(MOMENT))
    return found


def by_place(lives: list[CertificateLife]) -> dict[tuple[str, str], CertificateLife]:
    return {(life.seen.type, life.seen.app): life for life in lives}


def test_what_is_known_is_what_was_seen(settings: Settings, database: Database, looked: Scan) -> None:
    known = by_place(last_known(settings, database, MOMENT))
    seen = by_place(list(looked.certificates))
    assert {where: (life.state, life.urgency, life.due_at) for where, life in known.items()} == {
        where: (life.state, life.urgency, life.due_at) for where, life in seen.items()
    }
    assert known["ConnectedApp", "Warehouse_A"].state is CertificateState.RESTING
    assert known["ConnectedApp", "BILLING"].seen.credential == "billing"


def test_which_app_of_a_pair_is_in_use_is_not_guessed(
    settings: Settings, database: Database, entries: list[ObservedCertificate]
) -> None:
    record_sightings(database, entries, MOMENT)
    known = by_place(last_known(settings, database, MOMENT))
    for app in ("Warehouse_A", "Warehouse_B"):
        assert known["ConnectedApp", app].state is CertificateState.UNREADABLE
        assert not known["ConnectedApp", app].is_anybodys_business


def test_what_is_gone_since_is_left_out(settings: Settings, database: Database, looked: Scan) -> None:
    legacy = [last for last in last_sightings(database) if last.app == "Legacy"]
    record_sightings(database, [], MOMENT + DAY, gone=legacy)
    known = by_place(last_known(settings, database, MOMENT + DAY))
    assert set(by_place(list(looked.certificates))) - set(known) == {("ConnectedApp", "Legacy")}


def test_what_the_last_look_did_not_show_and_did_not_miss_could_not_be_read(
    settings: Settings, database: Database, looked: Scan
) -> None:
    record_sightings(database, [each for each in looked.seen if each.is_app], MOMENT + DAY)
    AttemptRecords(database).put(AttemptRecord(INVENTORY, "production").succeeded(MOMENT + DAY))
    known = by_place(last_known(settings, database, MOMENT + DAY))
    unreadable = {where for where, life in known.items() if life.state is CertificateState.UNREADABLE}
    assert unreadable == {("SamlSsoConfig", "Billing"), ("Certificate", "Signing")}


@pytest.mark.usefixtures("looked")
def test_what_else_has_the_name_of_an_org_says_nothing_of_when_it_was_looked_at(
    settings: Settings, database: Database
) -> None:
    before = last_known(settings, database, MOMENT)
    AttemptRecords(database).put(AttemptRecord(ROTATE, "production").succeeded(MOMENT + DAY))
    assert last_known(settings, database, MOMENT) == before
