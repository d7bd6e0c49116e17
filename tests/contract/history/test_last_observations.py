"""How a credential was last seen is kept in the same way by every database."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

from rotator.core.credentials import Fingerprint
from rotator.core.observed import KnownVersion, ObservedApp, ObservedCertificate, ObservedCredential
from rotator.history.last_observations import LastObservation, LastObservations, note_observation
from rotator.history.retention import forget_unconfigured
from rotator.history.sightings import last_sightings
from tests.contract.history.databases import NOW

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

HOUR = timedelta(hours=1)
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
CURRENT, PREVIOUS, PENDING = (
    KnownVersion(Fingerprint(letter * 64), app, f"key {letter}", ends)
    for letter, app, ends in (("a", "Warehouse_B", NEVER), ("b", "Warehouse_A", NOW), ("c", "Warehouse_A", NEVER))
)
PAIR = ObservedCredential(
    {
        "Warehouse_B": ObservedApp("Warehouse_B", live=CURRENT.fingerprint),
        "Warehouse_A": ObservedApp("Warehouse_A", live=Fingerprint("d" * 64), throwaway=True),
    },
    pending=PENDING,
    current=CURRENT,
    previous=PREVIOUS,
    promoted_at=NOW,
)
SINGLE = ObservedCredential({"Billing": ObservedApp("Billing", readable=False)})


def test_all_that_was_seen_comes_back_as_it_was(database: Database) -> None:
    kept = LastObservations(database)
    kept.put("warehouse", PAIR, NOW, NOW)
    kept.put("billing", SINGLE, NOW, NOW)
    found = kept.all()
    assert found == {"warehouse": LastObservation(PAIR), "billing": LastObservation(SINGLE)}
    apps = found["warehouse"].seen.apps if found["warehouse"].seen else {}
    assert list(apps) == ["Warehouse_B", "Warehouse_A"], "in the order of the configuration"


def test_that_an_app_has_another_consumer_key_than_is_stored_comes_back(database: Database) -> None:
    old = (CURRENT.fingerprint, PREVIOUS.fingerprint)
    seen = replace(PAIR, apps={**PAIR.apps, "Warehouse_B": replace(PAIR.apps["Warehouse_B"], with_old_client_id=old)})
    LastObservations(database).put("warehouse", seen, NOW, NOW)
    found = LastObservations(database).get("warehouse").seen
    assert found == seen
    assert found.has_old_client_id(CURRENT)


def test_the_release_before_meets_no_field_that_it_does_not_know_where_nothing_is_said_by_it(
    database: Database,
) -> None:
    """It works beside this one on the same database while machines are upgraded, and refuses such a row."""
    LastObservations(database).put("warehouse", PAIR, NOW, NOW)
    with database.reading() as connection:
        apps = json.loads(connection.scalar(text("SELECT apps FROM last_observation")))
    assert apps == [
        {"name": "Warehouse_B", "live": CURRENT.fingerprint},
        {"name": "Warehouse_A", "live": "d" * 64, "throwaway": True},
    ]


def test_what_a_later_release_says_more_of_an_app_is_passed_over(database: Database) -> None:
    kept = LastObservations(database)
    kept.put("billing", SINGLE, NOW, NOW)
    with database.writing() as connection:
        later = json.dumps([{"name": "Billing", "readable": False, "quantum": True}])
        connection.execute(text("UPDATE last_observation SET apps = :later"), {"later": later})
    assert kept.all() == {"billing": LastObservation(SINGLE)}


def test_a_look_that_began_earlier_does_not_undo_a_later_one(database: Database) -> None:
    kept = LastObservations(database)
    later = replace(PAIR, pending=None)
    kept.put("warehouse", later, NOW, NOW)
    kept.put("warehouse", PAIR, NOW - HOUR, NOW + HOUR)
    assert kept.all()["warehouse"].seen == later
    kept.put("warehouse", PAIR, NOW + HOUR, NOW + HOUR)
    assert kept.all()["warehouse"].seen == PAIR


def test_a_look_in_the_future_counts_for_nothing_once_the_clock_is_set_back(database: Database) -> None:
    kept = LastObservations(database)
    kept.put("warehouse", PAIR, NOW + HOUR, NOW + HOUR)
    kept.put("warehouse", SINGLE, NOW, NOW)
    assert kept.all()["warehouse"].seen == SINGLE


def test_why_it_cannot_be_seen_leaves_what_was_seen_and_goes_with_the_next_look(database: Database) -> None:
    kept = LastObservations(database)
    kept.put_problem("warehouse", "The store is away.\x00")
    assert kept.all()["warehouse"].seen is None
    kept.put("warehouse", PAIR, NOW, NOW)
    kept.put_problem("warehouse", "The store is away.")
    assert kept.all() == {"warehouse": LastObservation(PAIR, "The store is away.")}
    kept.put("warehouse", PAIR, NOW + HOUR, NOW + HOUR)
    assert kept.all() == {"warehouse": LastObservation(PAIR)}


def test_what_is_not_configured_any_more_is_forgotten(database: Database) -> None:
    kept = LastObservations(database)
    kept.put("warehouse", PAIR, NOW, NOW)
    kept.put("billing", SINGLE, NOW, NOW)
    forget_unconfigured(database, ["billing"])
    assert list(kept.all()) == ["billing"]
    forget_unconfigured(database, [])
    assert kept.all() == {}


def test_a_credential_and_what_its_apps_held_are_noted_together(database: Database) -> None:
    held = ObservedCertificate(
        org="production", app="Warehouse_B", fingerprint=CURRENT.fingerprint, subject="CN=warehouse",
        issuer="CN=warehouse", serial_number=1, not_before=NOW, not_after=NEVER, key_algorithm="RSA", key_bits=2048,
        signature_algorithm="sha256",
    )  # fmt: skip
    note_observation(database, "warehouse", PAIR, [held], NOW)
    assert LastObservations(database).all()["warehouse"].seen == PAIR
    assert [each.fingerprint for each in last_sightings(database)] == [CURRENT.fingerprint]
