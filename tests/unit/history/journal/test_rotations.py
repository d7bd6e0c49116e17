"""Rotations are found and counted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.history.journal import rotations
from rotator.history.journal.journal import Journal
from rotator.history.journal.rotations import Count, GapTotal
from rotator.history.records import NewRotation
from tests.unit.web.scene import DAY, NOW, rotate

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


@pytest.fixture
def past(database: Database) -> dict[str, str]:
    """Ids of rotations by what they were."""
    return {
        "first": rotate(database, "billing", at=NOW - 400 * DAY, old=A, new=B, gap=2.0),
        "second": rotate(database, "billing", at=NOW - 30 * DAY, old=B, new=C, gap=4.5),
        "reverted": rotate(database, "billing", at=NOW - DAY, outcome="reverted", old=C, gap=None),
        "other": rotate(database, "warehouse", at=NOW - 2 * DAY, old=A, new=B, gap=0.0),
    }


def test_a_rotation_is_found_by_its_id(database: Database, past: dict[str, str]) -> None:
    found = rotations.rotation(database, past["second"])
    assert found is not None
    assert found.new_fingerprint == C
    assert rotations.rotation(database, "20200101-000000-aaaaaaaa") is None


def test_the_rotations_of_a_version_are_those_that_brought_it_or_took_it_away(
    database: Database, past: dict[str, str]
) -> None:
    assert [each.id for each in rotations.rotations_of(database, B)] == [past["other"], past["second"], past["first"]]
    assert rotations.rotations_of(database, "d" * 64) == []


def test_the_newest_of_each_credential(database: Database, past: dict[str, str]) -> None:
    assert {name: each.id for name, each in rotations.newest(database).items()} == {
        "billing": past["reverted"],
        "warehouse": past["other"],
    }
    assert rotations.newest_gap(database) == {"billing": 4.5, "warehouse": 0.0}


def test_they_are_counted_by_how_they_began_and_ended(database: Database, past: dict[str, str]) -> None:
    assert past
    assert rotations.counts(database) == [
        Count("billing", "schedule", "reverted", 1),
        Count("billing", "schedule", "rotated", 2),
        Count("warehouse", "schedule", "rotated", 1),
    ]
    assert rotations.gaps(database) == [GapTotal("billing", 2, 6.5), GapTotal("warehouse", 1, 0.0)]


def test_one_that_has_not_ended_is_the_newest_and_is_not_counted(database: Database) -> None:
    new = NewRotation(credential="billing", org="production", strategy="in_place", trigger="manual", actor="alex")
    begun = Journal(database).begin_rotation(new, NOW - timedelta(seconds=5))
    assert rotations.newest(database)["billing"].id == begun.id
    assert rotations.counts(database) == []


def test_one_that_has_not_ended_is_the_newest_also_where_the_clock_was_set_back(
    database: Database, past: dict[str, str]
) -> None:
    new = NewRotation(credential="billing", org="production", strategy="in_place", trigger="manual", actor="alex")
    begun = Journal(database).begin_rotation(new, NOW - timedelta(days=3650))
    assert begun.id not in past.values()
    assert rotations.newest(database)["billing"].id == begun.id
    assert rotations.newest(database, ["billing"])["billing"].id == begun.id
    assert rotations.newest_gap(database)["billing"] == 4.5
