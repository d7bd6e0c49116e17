"""What was seen in the orgs is kept in the same way by every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rotator.history.journal.queries import certificates
from rotator.history.records import Sighting
from rotator.history.sightings import last_sightings, record_sightings
from tests.contract.history.databases import NOW

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

DAY = timedelta(days=1)
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

HELD = Sighting(
    org="production",
    app="Billing",
    app_type="ConnectedApp",
    certificate_fingerprint="a" * 64,
    subject="CN=billing",
    issuer="CN=billing",
    not_before=NOW,
    not_after=NEVER,
    key_algorithm="RSA",
    key_bits=2048,
    signature_algorithm="sha256",
    serial=2**159 + 1,
    app_modified_at=NOW,
    app_modified_by="Alex Admin",
)
DATED = Sighting(org="production", app="Imported", app_type="Certificate", not_after=NEVER, key_bits=4096)
EMPTY = Sighting(org="production", app="Empty", app_type="ConnectedApp")


def test_what_was_seen_last_is_told_from_what_was_there_before_and_what_is_gone(database: Database) -> None:
    early = [HELD, Sighting(**vars(DATED) | {"not_after": NOW + DAY}), EMPTY]
    record_sightings(database, early, NOW)
    record_sightings(database, [HELD, DATED], NOW + DAY)
    [empty] = [last for last in last_sightings(database, "production") if last.app == "Empty"]
    record_sightings(database, [HELD, DATED], NOW + 2 * DAY, gone=[empty])

    found = {last.app: last for last in last_sightings(database, "production")}

    fields = tuple(vars(HELD))
    for sighting in (HELD, DATED, EMPTY):
        assert {name: getattr(found[sighting.app], name) for name in fields} == vars(sighting)
    seen = {app: (last.first_seen, last.last_seen, last.gone_at) for app, last in found.items()}
    assert seen == {
        "Billing": (NOW, NOW + 2 * DAY, None),
        "Imported": (NOW + DAY, NOW + 2 * DAY, None),
        "Empty": (NOW, NOW, NOW + 2 * DAY),
    }
    [certificate] = certificates(database)
    [place] = certificate.places
    assert place.gone_at is None
    assert (certificate.not_after, certificate.serial, certificate.last_seen) == (NEVER, HELD.serial, NOW + 2 * DAY)


def test_the_certificate_that_replaced_another_is_the_last_even_if_the_clock_was_set_back(database: Database) -> None:
    new = Sighting(**vars(HELD) | {"certificate_fingerprint": "b" * 64})
    record_sightings(database, [HELD], NOW)
    record_sightings(database, [new], NOW - DAY)
    [last] = last_sightings(database)
    assert (last.certificate_fingerprint, last.last_seen) == ("b" * 64, NOW - DAY)
    record_sightings(database, [new], NOW + DAY)
    gone = {each.fingerprint[0]: each.places[0].gone_at for each in certificates(database)}
    assert gone == {"a": NOW - DAY, "b": None}

    record_sightings(database, [HELD], NOW - DAY)
    [last] = last_sightings(database)
    assert (last.certificate_fingerprint, last.first_seen, last.last_seen) == ("a" * 64, NOW, NOW)


def test_an_app_whose_name_is_written_in_another_case_is_the_same(database: Database) -> None:
    record_sightings(database, [HELD], NOW)
    record_sightings(database, [Sighting(**vars(HELD) | {"app": "BILLING"})], NOW + DAY)
    assert [last.app for last in last_sightings(database)] == ["BILLING"]


def test_a_look_at_thousands_of_apps_fits_into_one_transaction(database: Database) -> None:
    many = [
        Sighting(**vars(HELD) | {"app": f"App_{number}", "certificate_fingerprint": f"{number:064x}"})
        for number in range(1200)
    ]
    for days in range(2):
        record_sightings(database, many, NOW + days * DAY)
    last = last_sightings(database, "production")
    assert len(last) == 1200
    assert {each.last_seen for each in last} == {NOW + DAY}
    record_sightings(database, [], NOW + 2 * DAY, gone=last)
    assert {each.gone_at for each in last_sightings(database, "production")} == {NOW + 2 * DAY}
