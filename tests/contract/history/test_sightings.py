"""What was seen in the orgs is kept in the same way by every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.observed import ObservedCertificate
from rotator.history.sightings import last_sightings, record_sightings, sightings_of
from tests.contract.history.databases import NOW
from tests.statements import statements

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

DAY = timedelta(days=1)
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

HELD = ObservedCertificate(
    org="production",
    app="Billing",
    type="ConnectedApp",
    fingerprint="a" * 64,
    subject="CN=billing",
    issuer="CN=billing",
    not_before=NOW,
    not_after=NEVER,
    key_algorithm="RSA",
    key_bits=2048,
    signature_algorithm="sha256",
    serial_number=2**159 + 1,
    last_modified_at=NOW,
    last_modified_by="Alex Admin",
)
DATED = ObservedCertificate(org="production", app="Imported", type="Certificate", not_after=NEVER, key_bits=4096)
EMPTY = ObservedCertificate(org="production", app="Empty", type="ConnectedApp")


def test_what_was_seen_last_is_told_from_what_was_there_before_and_what_is_gone(database: Database) -> None:
    early = [HELD, replace(DATED, not_after=NOW + DAY), EMPTY]
    record_sightings(database, early, NOW)
    record_sightings(database, [HELD, DATED], NOW + DAY)
    [empty] = [last for last in last_sightings(database, "production") if last.app == "Empty"]
    record_sightings(database, [HELD, DATED], NOW + 2 * DAY, gone=[empty])

    found = {last.app: last for last in last_sightings(database, "production")}

    for sighting in (HELD, DATED, EMPTY):
        assert replace(found[sighting.app], first_seen=None, last_seen=None, gone_at=None) == sighting
    seen = {app: (last.first_seen, last.last_seen, last.gone_at) for app, last in found.items()}
    assert seen == {
        "Billing": (NOW, NOW + 2 * DAY, None),
        "Imported": (NOW + DAY, NOW + 2 * DAY, None),
        "Empty": (NOW, NOW, NOW + 2 * DAY),
    }
    assert sightings_of(database, HELD.fingerprint) == [found["Billing"]]


def test_the_certificate_that_replaced_another_is_the_last_even_if_the_clock_was_set_back(database: Database) -> None:
    new = replace(HELD, fingerprint="b" * 64)
    record_sightings(database, [HELD], NOW)
    record_sightings(database, [new], NOW - DAY)
    [last] = last_sightings(database)
    assert (last.fingerprint, last.last_seen) == ("b" * 64, NOW - DAY)
    record_sightings(database, [new], NOW + DAY)
    gone = {each: sightings_of(database, each * 64)[0].gone_at for each in "ab"}
    assert gone == {"a": NOW - DAY, "b": None}

    record_sightings(database, [HELD], NOW - DAY)
    [last] = last_sightings(database)
    assert (last.fingerprint, last.first_seen, last.last_seen) == ("a" * 64, NOW, NOW)


def test_an_app_whose_name_is_written_in_another_case_is_the_same(database: Database) -> None:
    record_sightings(database, [HELD], NOW)
    record_sightings(database, [replace(HELD, app="BILLING")], NOW + DAY)
    assert [last.app for last in last_sightings(database)] == ["BILLING"]


def test_a_look_at_thousands_of_apps_fits_into_one_transaction(database: Database) -> None:
    many = [
        ObservedCertificate(**vars(HELD) | {"app": f"App_{number}", "fingerprint": f"{number:064x}"})
        for number in range(1200)
    ]
    for days in range(2):
        record_sightings(database, many, NOW + days * DAY)
    last = last_sightings(database, "production")
    assert len(last) == 1200
    assert {each.last_seen for each in last} == {NOW + DAY}
    record_sightings(database, [], NOW + 2 * DAY, gone=last)
    assert {each.gone_at for each in last_sightings(database, "production")} == {NOW + 2 * DAY}


def test_what_is_seen_for_the_first_time_is_written_down_by_few_statements(database: Database) -> None:
    many = [replace(HELD, app=f"Größe {number} 'x'", fingerprint=f"{number:064x}") for number in range(1200)]
    with statements(database) as made:
        record_sightings(database, [*many, DATED, EMPTY], NOW)
    assert sum(each.startswith("INSERT") for each in made) <= 6
    found = {last.app: last for last in last_sightings(database)}
    assert len(found) == 1202
    assert found[many[7].app] == replace(many[7], first_seen=NOW, last_seen=NOW)
    assert found["Imported"] == replace(DATED, first_seen=NOW, last_seen=NOW)


def test_a_time_without_a_zone_is_not_written_down(database: Database) -> None:
    with pytest.raises(ValueError, match="without a zone"):
        record_sightings(database, [replace(HELD, not_before=NOW.replace(tzinfo=None))], NOW)
    assert last_sightings(database) == []
