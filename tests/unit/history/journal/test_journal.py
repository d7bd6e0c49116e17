from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from rotator.core.decision.options import RotationOptions
from rotator.core.secret import Secret
from rotator.errors import HistoryError
from rotator.history.journal import queries
from rotator.history.journal.journal import Journal, rotation_id
from rotator.history.records import NewRotation, Rotation

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

MINUTE = timedelta(minutes=1)
PEM_HEADER = "-----BEGIN PRIVATE KEY-----"


def test_an_id_says_when_in_utc_and_cannot_be_guessed(now: datetime) -> None:
    tokyo = now.astimezone(timezone(timedelta(hours=9)))

    assert rotation_id(tokyo, lambda count: b"\xff" * count) == "20261123-123147-77777777"
    assert rotation_id(now, lambda count: b"\0" * count) < rotation_id(now + MINUTE, lambda count: b"\0" * count)


def test_a_rotation_begins_without_an_outcome(journal: Journal, new_rotation: NewRotation, now: datetime) -> None:
    rotation = journal.begin_rotation(new_rotation, now)

    assert rotation == Rotation(**vars(new_rotation), id=rotation.id, started_at=now)
    assert journal.rotation(rotation.id) == rotation
    assert journal.open_rotation("billing") == rotation
    assert journal.open_rotation("other") is None


def test_a_finished_rotation_has_its_outcome(journal: Journal, new_rotation: NewRotation, now: datetime) -> None:
    begun = journal.begin_rotation(new_rotation, now)

    finished = journal.finish_rotation(
        begun.id,
        outcome="reverted",
        why="never logged in",
        old_fingerprint="a" * 64,
        new_fingerprint="b" * 64,
        gap_seconds=2.5,
        now=now + MINUTE,
    )

    assert finished == dataclasses.replace(
        begun,
        outcome="reverted",
        why="never logged in",
        old_fingerprint="a" * 64,
        new_fingerprint="b" * 64,
        gap_seconds=2.5,
        finished_at=now + MINUTE,
    )
    assert journal.rotation(begun.id) == finished
    assert journal.open_rotation("billing") is None


def test_beginning_and_ending_are_events_too(
    journal: Journal, database: Database, new_rotation: NewRotation, now: datetime
) -> None:
    rotation = journal.begin_rotation(new_rotation, now)
    journal.finish_rotation(rotation.id, outcome="rotated", gap_seconds=0.0, now=now + MINUTE)

    begin, finish = queries.events(database, rotation_id=rotation.id)

    assert (begin.kind, begin.time, begin.credential) == ("begin", now, "billing")
    assert begin.details["reason"] == "yearly"
    assert "keep_key" not in begin.details
    assert (finish.kind, finish.time) == ("finish", now + MINUTE)
    assert finish.details == {"outcome": "rotated", "gap_seconds": 0.0}


def test_what_was_asked_for_is_read_back_and_stands_in_the_event_by_its_name(
    journal: Journal, database: Database, new_rotation: NewRotation, now: datetime
) -> None:
    options = RotationOptions(keep_key=True, replace_unknown=True)
    begun = journal.begin_rotation(dataclasses.replace(new_rotation, options=options), now)

    assert journal.rotation(begun.id).options == options
    [begin] = queries.events(database, rotation_id=begun.id)
    asked = {option.name: begin.details.get(option.name) for option in dataclasses.fields(options)}
    assert asked == {"keep_key": True, "retire_now": None, "replace_unknown": True}


@pytest.mark.parametrize("damaged", ["", "[]", "{"])
def test_of_a_rotation_whose_options_are_not_what_was_written_its_events_tell(
    journal: Journal, database: Database, new_rotation: NewRotation, now: datetime, damaged: str
) -> None:
    begun = journal.begin_rotation(new_rotation, now)
    with database.writing() as connection:
        connection.execute(text("UPDATE rotation SET options = :damaged"), {"damaged": damaged})

    assert journal.rotation(begun.id) == begun
    assert journal.open_rotation("billing") == begun
    assert database.unreadable.take() == [("rotation", begun.id, "options")]


def test_the_newest_of_several_interrupted_rotations_is_the_open_one(
    journal: Journal, new_rotation: NewRotation, now: datetime
) -> None:
    journal.begin_rotation(new_rotation, now + MINUTE)
    newest = journal.begin_rotation(new_rotation, now + 2 * MINUTE)
    journal.begin_rotation(new_rotation, now)

    assert journal.open_rotation("billing") == newest


def test_a_rotation_ends_once(journal: Journal, new_rotation: NewRotation, now: datetime) -> None:
    rotation = journal.begin_rotation(new_rotation, now)
    finished = journal.finish_rotation(rotation.id, outcome="rotated", now=now)

    with pytest.raises(HistoryError, match="has ended already: rotated"):
        journal.finish_rotation(rotation.id, outcome="halted", now=now)
    assert journal.rotation(rotation.id) == finished


def test_a_rotation_that_is_not_there_is_an_error_in_words(journal: Journal, now: datetime) -> None:
    with pytest.raises(HistoryError, match="knows no rotation 20260101-000000-x"):
        journal.rotation("20260101-000000-x")
    with pytest.raises(HistoryError, match="knows no rotation"):
        journal.finish_rotation("20260101-000000-x", outcome="rotated", now=now)
    with pytest.raises(HistoryError, match="refused"):
        journal.record("verify", now=now, rotation_id="20260101-000000-x")


def test_words_that_there_are_not_are_refused(
    journal: Journal, database: Database, new_rotation: NewRotation, now: datetime
) -> None:
    for wrong in (dataclasses.replace(new_rotation, trigger="whim"), dataclasses.replace(new_rotation, goal="whim")):
        with pytest.raises(ValueError, match="whim"):
            journal.begin_rotation(wrong, now)
    assert queries.events(database) == []


def test_an_outcome_that_there_is_not_is_refused(journal: Journal, now: datetime) -> None:
    with pytest.raises(ValueError, match="outcome"):
        journal.finish_rotation("any", outcome="great", now=now)


def test_events_are_numbered_and_each_carries_the_hash_before(journal: Journal, database: Database) -> None:
    berlin = datetime(2026, 7, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))

    first = journal.record("verify", now=berlin, credential="billing", outcome="accepted", tries=[1, 2.5, None])
    second = journal.record("promote", now=berlin)

    assert (first.sequence, second.sequence) == (1, 2)
    assert first.time == berlin
    assert first.time.tzinfo is UTC
    assert first.details == {"outcome": "accepted", "tries": [1, 2.5, None]}
    assert second.previous_hash == first.hash
    assert queries.events(database) == [first, second]


def test_a_time_without_a_zone_is_refused(journal: Journal, database: Database, now: datetime) -> None:
    with pytest.raises(ValueError, match="zone"):
        journal.record("verify", now=now.replace(tzinfo=None))
    assert queries.events(database) == []


def test_the_last_promotion_is_the_newest_that_succeeded(journal: Journal, now: datetime) -> None:
    assert journal.last_promotion("billing") is None

    journal.record("promote", now=now, credential="billing")
    journal.record("promote", now=now + MINUTE, credential="billing", succeeded=True)
    journal.record("promote", now=now + 2 * MINUTE, credential="billing", succeeded=False)
    journal.record("promote", now=now + 3 * MINUTE, credential="other")
    journal.record("upload", now=now + 4 * MINUTE, credential="billing")

    assert journal.last_promotion("billing") == now + MINUTE


def test_the_promoted_version_is_that_of_the_newest_promotion_that_succeeded(journal: Journal, now: datetime) -> None:
    assert journal.promoted_version("billing") is None
    journal.record("promote", now=now, credential="billing", version="a" * 64)
    journal.record("promote", now=now, credential="billing", version="b" * 64)
    journal.record("promote", now=now, credential="billing", version="c" * 64, succeeded=False)
    journal.record("promote", now=now, credential="other", version="d" * 64)

    assert journal.promoted_version("billing") == "b" * 64


def test_a_promotion_that_failed_is_none(journal: Journal, now: datetime) -> None:
    journal.record("promote", now=now, credential="billing", succeeded=False)

    assert journal.last_promotion("billing") is None


@pytest.mark.parametrize("secret", [Secret("s3cret"), f"{PEM_HEADER}\nAA", [{"x": Secret("s3cret")}]])
def test_an_event_never_holds_a_secret(journal: Journal, database: Database, now: datetime, secret: Any) -> None:
    with pytest.raises(HistoryError, match="secret") as caught:
        journal.record("upload", now=now, found=secret)

    assert "s3cret" not in str(caught.value)
    assert queries.events(database) == []


def test_a_key_pasted_as_a_reason_is_not_written(
    journal: Journal, database: Database, new_rotation: NewRotation, now: datetime
) -> None:
    with pytest.raises(HistoryError, match="--reason"):
        journal.begin_rotation(dataclasses.replace(new_rotation, reason=PEM_HEADER), now)
    rotation = journal.begin_rotation(new_rotation, now)
    with pytest.raises(HistoryError, match="secret"):
        journal.finish_rotation(rotation.id, outcome="halted", why=PEM_HEADER, now=now)

    assert [event.kind for event in queries.events(database)] == ["begin"]
    assert queries.rotations(database) == [rotation]


def test_what_json_cannot_hold_is_refused_and_not_written(journal: Journal, database: Database, now: datetime) -> None:
    for value in (object(), b"bytes"):
        with pytest.raises(TypeError):
            journal.record("upload", now=now, found=value)  # type: ignore[arg-type]  # on purpose
    assert queries.events(database) == []
