from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.history.journal import queries, verification
from rotator.history.journal.chain import GENESIS

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.history.engine.database import Database
    from rotator.history.journal.journal import Journal
    from rotator.history.records import NewRotation

MINUTE = timedelta(minutes=1)
EVENTS = 5


@pytest.fixture
def heads(journal: Journal, now: datetime) -> list[str]:
    """Hashes of five events, the first of which follows none."""
    return [GENESIS, *(journal.record("verify", now=now, try_=number).hash for number in range(EVENTS))]


def tamper(file: Path, statement: str, *values: Any) -> None:
    """Does to the database what its triggers would refuse."""
    with closing(sqlite3.connect(file)) as connection, connection:
        for trigger in ("event_goes_at_the_end", "event_is_not_changed", "event_is_not_deleted"):
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        connection.execute(statement, values)


def test_rotations_come_newest_first(
    journal: Journal, database: Database, new_rotation: NewRotation, now: datetime
) -> None:
    others = dataclasses.replace(new_rotation, credential="other")
    first = journal.begin_rotation(new_rotation, now)
    other = journal.begin_rotation(others, now + MINUTE)
    last = journal.begin_rotation(new_rotation, now + 2 * MINUTE)

    assert queries.rotations(database) == [last, other, first]
    assert queries.rotations(database, "billing") == [last, first]
    assert queries.rotations(database, limit=1) == [last]
    assert queries.rotations(database, "nobody") == []


def test_events_can_be_asked_for_by_credential_and_by_rotation(
    journal: Journal, database: Database, new_rotation: NewRotation, now: datetime
) -> None:
    rotation = journal.begin_rotation(new_rotation, now)
    upload = journal.record("upload", now=now, credential="billing", rotation_id=rotation.id)
    other = journal.record("verify", now=now, credential="other")

    assert queries.events(database)[1:] == [upload, other]
    assert queries.events(database, credential="other") == [other]
    assert queries.events(database, rotation_id=rotation.id)[1:] == [upload]
    assert queries.events(database, credential="other", rotation_id=rotation.id) == []


def test_a_new_history_is_intact(database: Database) -> None:
    found = verification.verify(database)

    assert (found.events, found.intact, found.first_bad, found.why, found.head) == (0, True, None, "", GENESIS)


def test_an_untouched_history_is_intact_and_names_its_head(database: Database, heads: list[str]) -> None:
    found = verification.verify(database)

    assert (found.events, found.intact, found.why, found.head) == (EVENTS, True, "", heads[-1])


def test_a_long_history_is_read_in_batches(
    journal: Journal, database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "_BATCH", 2)
    for _ in range(EVENTS):
        journal.record("verify", now=now)

    assert verification.verify(database).events == EVENTS


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("time", "2026-11-23T12:31:47.123457Z"),
        ("time", "2026-11-23 12:31:47.123456"),
        ("time", 7),
        ("kind", "promote"),
        ("kind", b"verify"),
        ("credential", "billing"),
        ("credential", ""),
        ("rotation_id", "20261123-123147-aaaaaaaa"),
        ("details", '{"try_": 2}'),
        ("details", b"\xff"),
        ("previous_hash", GENESIS),
        ("previous_hash", 0),
        ("hash", "f" * 64),
        ("hash", b""),
    ],
)
def test_a_changed_value_is_found(database: Database, file: Path, heads: list[str], column: str, value: Any) -> None:
    tamper(file, f"UPDATE event SET {column} = ? WHERE sequence = 3", value)  # noqa: S608 - columns named above

    found = verification.verify(database)

    assert (found.intact, found.first_bad, found.events, found.head) == (False, 3, 2, heads[2])
    assert "Event 3" in found.why


@pytest.mark.usefixtures("heads")
@pytest.mark.parametrize("number", [3.5, "x", 77, -1])
def test_a_changed_number_is_found(database: Database, file: Path, number: Any) -> None:
    tamper(file, "UPDATE event SET sequence = ? WHERE sequence = 3", number)

    found = verification.verify(database)

    assert not found.intact
    assert found.first_bad == (1 if number == -1 else 3)
    assert "missing" in found.why


@pytest.mark.usefixtures("heads")
def test_an_event_taken_out_is_found(database: Database, file: Path) -> None:
    tamper(file, "DELETE FROM event WHERE sequence = 2")

    found = verification.verify(database)

    assert (found.intact, found.first_bad, found.why) == (False, 2, "Event 2 is missing.")


@pytest.mark.usefixtures("heads")
def test_an_end_cut_off_is_found(database: Database, file: Path) -> None:
    tamper(file, "DELETE FROM event WHERE sequence > 3")

    found = verification.verify(database)

    assert (found.intact, found.first_bad, found.events) == (False, None, 3)
    assert found.why == "The last events are missing: 5 were written, 3 are there."


@pytest.mark.usefixtures("heads")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE head SET events = 4",
        "UPDATE head SET events = 'x'",
        "UPDATE head SET hash = 'x'",
        "DELETE FROM head",
    ],
)
def test_a_changed_record_of_the_last_event_is_found(database: Database, file: Path, statement: str) -> None:
    tamper(file, statement)

    found = verification.verify(database)

    assert (found.intact, found.first_bad, found.events) == (False, None, EVENTS)
    assert "record of the last event" in found.why


@pytest.mark.usefixtures("heads")
@pytest.mark.parametrize("value", ["'{'", "CAST(x'ff' AS TEXT)", "x'00'", "'[]'"])
def test_beside_a_damaged_event_the_others_are_read(database: Database, file: Path, value: str) -> None:
    tamper(file, f"UPDATE event SET details = {value} WHERE sequence = 2")  # noqa: S608 - values of this test

    assert [event.sequence for event in queries.events(database)] == [
        each for each in range(1, EVENTS + 1) if each != 2
    ]
    assert database.unreadable.take() == [("event", "2", "details")]
    assert (verification.verify(database).intact, verification.verify(database).first_bad) == (False, 2)


def test_a_rotation_taken_out_is_found(
    journal: Journal, database: Database, file: Path, new_rotation: NewRotation, now: datetime
) -> None:
    rotation = journal.begin_rotation(new_rotation, now)
    tamper(file, "DELETE FROM rotation")

    assert verification.verify(database).why == f"The rotation {rotation.id} is missing, which events tell of."
