"""What the history promises, whatever database it is in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text, update

from rotator.errors import HistoryError
from rotator.history.engine.database import Database, open_database
from rotator.history.engine.tables import EVENT, HEAD, ROTATION
from rotator.history.journal import queries, verification
from rotator.history.journal.journal import Journal
from tests.contract.history.databases import NEW_ROTATION, NOW, together
from tests.end_to_end.processes import start

APPENDING = """
import sys
from datetime import UTC, datetime
from rotator.history.engine.database import open_database
from rotator.history.journal.journal import Journal
journal = Journal(open_database(sys.argv[1]))
while True:
    print(journal.record("verify", now=datetime.now(UTC)).sequence, flush=True)
"""


def count(connection: Connection) -> int:
    return int(connection.scalars(select(HEAD.c.events)).one())


def test_no_update_is_lost_when_many_read_and_then_write(database: Database) -> None:
    def add(_: int) -> None:
        for _ in range(25):
            with database.writing() as connection:
                connection.execute(update(HEAD).values(events=count(connection) + 1))

    together(add)

    with database.reading() as connection:
        assert count(connection) == 8 * 25


def test_no_update_is_lost_between_those_who_opened_it_separately(database_url: str) -> None:
    def add(_: int) -> None:
        with open_database(database_url) as database:
            for _ in range(5):
                with database.writing() as connection:
                    connection.execute(update(HEAD).values(events=count(connection) + 1))

    together(add)

    with open_database(database_url) as database, database.reading() as connection:
        assert count(connection) == 8 * 5


def test_the_chain_holds_when_many_append_at_once(database: Database) -> None:
    journal = Journal(database)

    together(lambda number: [journal.record("verify", now=NOW, number=number) for _ in range(10)])

    found = verification.verify(database)
    assert (found.events, found.intact) == (80, True)


def test_what_was_acknowledged_is_there_after_a_kill(database_url: str) -> None:
    with start("python", "-c", APPENDING, database_url) as process:
        acknowledged = [next(process.stdout) for _ in range(20)]
        process.kill()

    with open_database(database_url) as database:
        found = verification.verify(database)
        assert found.intact
        assert found.events >= int(acknowledged[-1]) == 20
        assert Journal(database).record("verify", now=NOW).sequence == found.events + 1


def test_a_reader_sees_the_database_as_it_was_at_its_first_read(database: Database) -> None:
    with database.reading() as connection:
        assert count(connection) == 0
        Journal(database).record("verify", now=NOW)
        assert count(connection) == 0
    with database.reading() as connection:
        assert count(connection) == 1


def test_an_exception_undoes_the_whole_transaction(database: Database) -> None:
    def write_and_fail() -> None:
        with database.writing() as connection:
            connection.execute(update(HEAD).values(events=7))
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()
    with database.reading() as connection:
        assert count(connection) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET kind = 'promote' WHERE sequence = 1",
        "UPDATE event SET sequence = 9 WHERE sequence = 2",
        "DELETE FROM event WHERE sequence = 2",
        "DELETE FROM event",
    ],
)
def test_the_database_itself_refuses_to_change_or_delete_an_event(database: Database, statement: str) -> None:
    journal = Journal(database)
    written = [journal.record("verify", now=NOW), journal.record("verify", now=NOW)]

    with pytest.raises(HistoryError, match="events are never"), database.writing() as connection:
        connection.execute(text(statement))
    assert queries.events(database) == written


def test_the_database_itself_refuses_an_event_that_is_not_at_the_end(database: Database) -> None:
    journal = Journal(database)
    written = [journal.record("verify", now=NOW), journal.record("verify", now=NOW)]

    for sequence in (0, 1, 2):
        row = {"sequence": sequence, "time": NOW, "kind": "x", "details": "{}", "previous_hash": "", "hash": ""}
        with pytest.raises(HistoryError, match="refused"), database.writing() as connection:
            connection.execute(insert(EVENT).values(row))
    assert queries.events(database) == written


def test_an_event_of_a_rotation_that_is_not_there_is_refused(database: Database) -> None:
    with pytest.raises(HistoryError, match="refused"):
        Journal(database).record("verify", now=NOW, rotation_id="20260101-000000-absent00")
    assert verification.verify(database).events == 0


@pytest.mark.parametrize("hours", [-11, 0, 5.5, 13])
def test_times_come_back_in_utc_to_the_microsecond(database: Database, hours: float) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=hours)))
    rotation = Journal(database).begin_rotation(NEW_ROTATION, elsewhere)

    (found,) = queries.rotations(database)

    assert found == rotation
    assert (found.started_at, found.started_at.tzinfo) == (NOW, UTC)
    assert queries.events(database)[0].time.tzinfo is UTC


def test_times_without_a_zone_are_refused(database: Database) -> None:
    with pytest.raises(HistoryError), database.writing() as connection:
        connection.execute(update(ROTATION).values(started_at=NOW.replace(tzinfo=None)))


def test_a_rotation_is_found_from_beginning_to_end(database: Database) -> None:
    journal = Journal(database)
    begun = journal.begin_rotation(NEW_ROTATION, NOW)
    journal.record("promote", now=NOW + timedelta(seconds=1), credential="billing", rotation_id=begun.id)
    assert journal.open_rotation("billing") == begun

    ended = journal.finish_rotation(begun.id, outcome="rotated", now=NOW + timedelta(seconds=2), gap_seconds=0.25)

    assert queries.rotations(database, "billing") == [journal.rotation(begun.id)] == [ended]
    assert journal.last_promotion("billing") == NOW + timedelta(seconds=1)
    assert [event.kind for event in queries.events(database, rotation_id=begun.id)] == ["begin", "promote", "finish"]


def test_rotations_stand_in_the_order_in_which_they_began_also_where_the_clock_was_set_back(
    database: Database,
) -> None:
    journal = Journal(database)
    first = journal.begin_rotation(NEW_ROTATION, NOW)
    journal.finish_rotation(first.id, outcome="reverted", now=NOW)
    second = journal.begin_rotation(NEW_ROTATION, NOW - timedelta(hours=1))
    assert [each.id for each in queries.rotations(database)] == [second.id, first.id]


def test_who_began_a_rotation_is_kept_in_what_the_system_knew_and_apart_in_what_was_claimed(database: Database) -> None:
    who: dict[str, Any] = {"uid": 2**32 - 2, "login_uid": 1000, "login_name": "ada", "claimed_name": "ceo"}
    begun = Journal(database).begin_rotation(replace(NEW_ROTATION, actor="root@host7", **who), NOW)

    assert queries.rotations(database) == [begun]
    assert str(begun.by) == "root@host7 (logged in as ada, claims to be ceo)"
    [event] = queries.events(database)
    assert {name: event.details[name] for name in ("actor", *who)} == {"actor": "root@host7", **who}


def test_what_no_database_can_hold_does_not_keep_a_rotation_from_being_written_down(database: Database) -> None:
    journal = Journal(database)
    begun = journal.begin_rotation(replace(NEW_ROTATION, reason="typed \udcff", actor="a\0b"), NOW)
    ended = journal.finish_rotation(begun.id, outcome="halted", why="it said \0", now=NOW)

    assert (ended.reason, ended.actor, ended.why) == ("typed ?", "a?b", "it said ?")
    assert verification.verify(database).intact


def test_of_many_who_would_end_a_rotation_one_does(database: Database) -> None:
    journal = Journal(database)
    rotation = journal.begin_rotation(NEW_ROTATION, NOW)
    refused = []

    def finish(_: int) -> None:
        try:
            journal.finish_rotation(rotation.id, outcome="rotated", now=NOW)
        except HistoryError as error:
            refused.append(error)

    together(finish)

    assert len(refused) == 7
    assert [event.kind for event in queries.events(database)] == ["begin", "finish"]
