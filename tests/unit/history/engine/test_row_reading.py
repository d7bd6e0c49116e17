"""Rows are read many at a time, and one that cannot be read is left out of them, wherever it stands."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest
from sqlalchemy import insert, text

from rotator.core.attempts import AttemptRecord
from rotator.history.attempt_records import AttemptRecords
from rotator.history.engine.row_reading import _TOGETHER
from rotator.history.engine.tables import ATTEMPT

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAMES: Final = [f"org{number:04}" for number in range(_TOGETHER + 10)]


@pytest.fixture
def many(database: Database) -> AttemptRecords:
    rows = [asdict(AttemptRecord("look", name, last_at=NOW, failures=3)) for name in NAMES]
    with database.writing() as connection:
        connection.execute(insert(ATTEMPT), rows)
    return AttemptRecords(database)


def test_many_rows_are_read_in_their_order(many: AttemptRecords) -> None:
    assert many.all() == [AttemptRecord("look", name, last_at=NOW, failures=3) for name in NAMES]


@pytest.mark.parametrize("number", [0, 7, _TOGETHER - 1, _TOGETHER])
def test_what_cannot_be_read_of_one_stands_for_nothing_and_the_others_are_read(
    database: Database, many: AttemptRecords, number: int
) -> None:
    with database.writing() as connection:
        damage = text("UPDATE attempt SET failures = 'x' WHERE name = :name")
        connection.execute(damage, {"name": NAMES[number]})
    found = many.all()
    assert [each.name for each in found] == NAMES
    assert [each.name for each in found if each.failures != 3] == [NAMES[number]]
    assert [each.key for each in database.unreadable.take()] == [f"look {NAMES[number]}"]
