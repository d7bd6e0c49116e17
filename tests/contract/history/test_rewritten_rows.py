"""Rows that people are shown are what the events say, in every database: whoever rewrites one is found out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import delete, insert, select, text, update

from rotator.core.actor import Actor
from rotator.core.decision.options import RotationOptions
from rotator.core.schedule import Standstill, Why
from rotator.errors import HistoryError
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.engine.tables import ALERT, CREDENTIAL_RECORD, EVENT, ROTATION, STANDSTILL
from rotator.history.journal import queries, verification
from rotator.history.journal.journal import Journal
from rotator.history.journal.rebuilding import rebuild
from rotator.history.standstills import Standstills
from tests.contract.history.databases import NEW_ALERT, NEW_ROTATION, NOW, SQLITE_FIRST

if TYPE_CHECKING:
    from rotator.history.engine.database import Database
    from tests.contract.history.databases import Kind

pytestmark = SQLITE_FIRST

DAY: Final = timedelta(days=1)


@pytest.fixture
def written(database: Database) -> str:
    """A history of one rotation that ended well, and one that goes on; the id of the first."""
    journal = Journal(database)
    asked = replace(NEW_ROTATION, uid=0, login_uid=1000, login_name="ada", options=RotationOptions(keep_key=True))
    first = journal.begin_rotation(asked, NOW)
    journal.record("promote", now=NOW, credential="billing", rotation_id=first.id, version="b" * 64)
    journal.finish_rotation(first.id, outcome="rotated", now=NOW + DAY, new_fingerprint="b" * 64, gap_seconds=1.25)
    alert, _ = AlertRecords(database).open(NEW_ALERT, NOW)
    AlertRecords(database).acknowledge(alert.id, actor=Actor("root@host7", 0, 1000, "ada"), reason="known", now=NOW)
    AlertRecords(database).snooze(alert.id, until=NOW + DAY, actor=Actor("ada@host7"), reason="later", now=NOW)
    journal.begin_rotation(replace(NEW_ROTATION, goal="back", brings_back="c" * 64), NOW + 2 * DAY)
    assert verification.verify(database).intact
    return first.id


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "ceo@host7"),
        ("uid", 4),
        ("login_uid", None),
        ("login_name", "ceo"),
        ("claimed_name", "ceo"),
        ("credential", "payroll"),
        ("trigger", "schedule"),
        ("reason", "He asked for it."),
        ("goal", "restore"),
        ("replaces", "d" * 64),
        ("brings_back", "d" * 64),
        ("options", RotationOptions()),
        ("started_at", NOW - DAY),
        ("finished_at", None),
        ("outcome", "halted"),
        ("why", "It failed."),
        ("old_fingerprint", "d" * 64),
        ("new_fingerprint", "d" * 64),
        ("gap_seconds", 0.0),
    ],
)
def test_a_rotation_that_was_rewritten_is_found(database: Database, written: str, column: str, value: Any) -> None:
    with database.writing() as connection:
        connection.execute(update(ROTATION).where(ROTATION.c.id == written).values({column: value}))

    found = verification.verify(database)

    assert (found.intact, found.first_bad) == (False, None)
    assert f"The rotation {written} of" in found.why
    assert f" says {column} " in found.why


@pytest.mark.usefixtures("written")
def test_a_rotation_that_was_put_in_is_found(database: Database) -> None:
    with database.writing() as connection:
        row = connection.execute(select(ROTATION)).first()
        assert row
        connection.execute(insert(ROTATION).values(row._asdict() | {"id": "20260101-000000-aaaaaaaa"}))

    found = verification.verify(database)
    assert (found.intact, "20260101-000000-aaaaaaaa of billing was put in" in found.why) == (False, True)


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("tried_outcome", "mismatch"),
        ("refused_since", NOW),
        ("accepted_at", None),
        ("halted_why", "x"),
        ("tried_by", "x"),
    ],
)
def test_what_is_held_of_a_credential_is_compared(database: Database, column: str, value: Any) -> None:
    with database.writing() as connection:
        connection.execute(update(CREDENTIAL_RECORD).values({column: value}))

    found = verification.verify(database)
    assert (found.intact, f"the credential billing says {column}" in found.why) == (False, True)


@pytest.mark.usefixtures("written")
def test_what_is_held_of_a_credential_cannot_be_taken_out_or_put_in(database: Database) -> None:
    with database.writing() as connection:
        row = connection.execute(select(CREDENTIAL_RECORD)).one()._asdict()
        connection.execute(delete(CREDENTIAL_RECORD))
    assert verification.verify(database).why == "What the history holds of the credential billing is missing."

    with database.writing() as connection:
        connection.execute(insert(CREDENTIAL_RECORD).values([row, row | {"credential": "payroll"}]))
    assert "payroll was put in" in verification.verify(database).why


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("acknowledged_by", "ceo@host7"),
        ("acknowledged_why", "It is fine."),
        ("acknowledged_at", None),
        ("snoozed_by", "ceo@host7"),
        ("snoozed_until", NOW + 900 * DAY),
    ],
)
def test_who_silenced_an_alert_is_compared(database: Database, column: str, value: Any) -> None:
    with database.writing() as connection:
        connection.execute(update(ALERT).values({column: value}))

    found = verification.verify(database)
    assert (found.intact, f" says {column} " in found.why) == (False, True)


def held_up(database: Database) -> Standstills:
    """A pause that was prolonged, one of a credential that was ended, a freeze, and the first start."""
    kept = Standstills(database)
    kept.pause("all", until=None, reason="audit", actor=Actor("root@host7", 0, 1000, "ada"), now=NOW)
    kept.pause("all", until=NOW + DAY, reason="audit", actor=Actor("root@host7", 0, 1000, "ada"), now=NOW)
    kept.pause("credential billing", until=None, reason="move", actor=Actor("ada@host7"), now=NOW)
    kept.resume("credential billing", reason="moved", actor=Actor("ada@host7"), now=NOW)
    freeze = Standstill(why=Why.FREEZE, since=NOW + DAY, until=NOW + 2 * DAY, reason="year-end")
    kept.note_freezes({freeze: ["billing"]}, Actor("rotator on host7"), NOW)
    kept.first_start(Actor("rotator on host7"), NOW)
    assert verification.verify(database).intact
    return kept


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("until", NOW + 900 * DAY),
        ("since", NOW - DAY),
        ("reason", "He asked for it."),
        ("by", "ceo@host7"),
        ("scope", "org sandbox"),
        ("why", "first start"),
    ],
)
def test_what_holds_rotations_up_is_compared(database: Database, column: str, value: Any) -> None:
    held_up(database)
    with database.writing() as connection:
        connection.execute(update(STANDSTILL).where(STANDSTILL.c.key == "pause all").values({column: value}))

    found = verification.verify(database)
    assert (found.intact, f"What holds rotations up (pause all) says {column} " in found.why) == (False, True)


def test_a_pause_cannot_be_taken_out_or_put_in(database: Database) -> None:
    held_up(database)
    with database.writing() as connection:
        row = connection.execute(select(STANDSTILL).where(STANDSTILL.c.key == "pause all")).one()._asdict()
        connection.execute(delete(STANDSTILL).where(STANDSTILL.c.key == "pause all"))
    assert "(pause all) is missing, which events tell of" in verification.verify(database).why

    with database.writing() as connection:
        connection.execute(insert(STANDSTILL).values([row, row | {"key": "pause org production"}]))
    assert "(pause org production) was put in" in verification.verify(database).why


ACTOR: Final = Actor("ada@host7", 1000)


def test_what_was_rewritten_is_made_anew_and_that_is_an_event(database: Database, written: str) -> None:
    kept = held_up(database)
    before, record = kept.all(), Journal(database).credential_record("billing")
    rotations = queries.rotations(database)
    with database.writing() as connection:
        extra = connection.execute(select(ROTATION)).first()
        assert extra
        connection.execute(insert(ROTATION).values(extra._asdict() | {"id": "20260101-000000-aaaaaaaa"}))
        changed = {"actor": "ceo", "gap_seconds": 0.0, "options": RotationOptions()}
        connection.execute(update(ROTATION).where(ROTATION.c.id == written).values(changed))
        connection.execute(delete(CREDENTIAL_RECORD))
        connection.execute(update(ALERT).values(acknowledged_at=None, snoozed_until=NOW + 900 * DAY))
        connection.execute(delete(STANDSTILL).where(STANDSTILL.c.key == "pause all"))
        connection.execute(update(STANDSTILL).values(reason="x"))

    told = rebuild(database, ACTOR, NOW + 3 * DAY)

    assert verification.verify(database).intact
    assert (kept.all(), Journal(database).credential_record("billing")) == (before, record)
    assert queries.rotations(database) == rotations
    assert len(told) == 7
    last = queries.events(database)[-1]
    assert (last.kind, last.details["rows"], last.details["actor"]) == ("rebuild", 7, "ada@host7")
    assert last.details["was"] == told
    assert rebuild(database, ACTOR, NOW + 3 * DAY) == [], "and nothing was written the second time"
    assert queries.events(database)[-1] == last


@pytest.mark.usefixtures("written")
def test_nothing_is_made_from_events_that_were_changed(database: Database, database_kind: Kind) -> None:
    with database.writing() as connection:
        for statement in database_kind.without_guards:
            connection.execute(text(statement))
        connection.execute(update(EVENT).where(EVENT.c.sequence == 2).values(kind="finish"))
        connection.execute(update(ROTATION).values(actor="ceo"))

    with pytest.raises(HistoryError, match="Event 2 is not what was written") as refused:
        rebuild(database, ACTOR, NOW)
    assert refused.value.effect == "No row was changed."
    assert {each.actor for each in queries.rotations(database)} == {"ceo"}


def test_an_alert_that_nobody_silenced_cannot_be_silent(database: Database) -> None:
    AlertRecords(database).open(NEW_ALERT, NOW)
    with database.writing() as connection:
        connection.execute(update(ALERT).values(acknowledged_at=NOW, acknowledged_by="ada", acknowledged_why=""))

    assert "its events say None" in verification.verify(database).why


@pytest.mark.usefixtures("written")
def test_an_interrupted_rotation_goes_on_as_its_events_say_whatever_its_row_says(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(update(ROTATION).values(brings_back="d" * 64, options=RotationOptions(retire_now=True)))

    found = Journal(database).open_rotation("billing")
    assert found
    assert (found.brings_back, found.options) == ("c" * 64, RotationOptions())


def test_a_rotation_that_has_ended_is_not_opened_again_by_its_row(database: Database) -> None:
    journal = Journal(database)
    ended = journal.begin_rotation(NEW_ROTATION, NOW)
    journal.finish_rotation(ended.id, outcome="rotated", now=NOW)
    with database.writing() as connection:
        connection.execute(update(ROTATION).values(outcome=None))

    assert journal.open_rotation("billing") is None


def test_an_event_that_rotator_never_writes_is_found_also_with_the_right_hash(database: Database) -> None:
    journal = Journal(database)
    rotation = journal.begin_rotation(NEW_ROTATION, NOW)
    journal.record("taken_over", now=NOW, rotation_id=rotation.id, table="rotation", row={"id": 7})

    assert verification.verify(database).why == "Event 2 is none that rotator writes."
    assert len(queries.events(database)) == 2
    with database.reading() as connection:
        assert len(connection.execute(select(EVENT)).all()) == 2
