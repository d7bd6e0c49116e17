"""Pauses, freezes and the first start are kept in the same way by every database, and each is in the journal."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.actor import Actor
from rotator.core.schedule import Standstill, Why
from rotator.errors import HistoryError
from rotator.history.journal.journal import Journal
from rotator.history.journal.queries import events
from rotator.history.journal.verification import verify
from rotator.history.standstills import Standstills
from rotator.testing.versions import spare_key
from tests.contract.history.databases import NEW_ROTATION, NOW

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

DAY = timedelta(days=1)
ANA, BEN = Actor("ana@crm", uid=1000), Actor("ben@crm")
YEAR_END = Standstill(why=Why.FREEZE, since=NOW + 20 * DAY, until=NOW + 40 * DAY, reason="year-end")


def told(database: Database) -> list[tuple[str, str | None, object]]:
    """Kind, credential and reason of each event; the chain is whole."""
    assert verify(database).intact
    return [(each.kind, each.credential, each.details.get("reason")) for each in events(database)]


def test_a_pause_lasts_until_somebody_ends_it_and_both_are_written_down(database: Database) -> None:
    kept = Standstills(database)
    new, before = kept.pause("credential billing", until=None, reason="audit", actor=ANA, now=NOW)
    assert (new.reason, new.by, before) == ("audit", "ana@crm", None)
    assert kept.all() == [new]
    assert kept.resume("credential billing", reason="it is over", actor=BEN, now=NOW + DAY) == new
    assert kept.all() == []
    assert told(database) == [("pause", "billing", "audit"), ("resume", "billing", "it is over")]
    assert [each.details["actor"] for each in events(database)] == ["ana@crm", "ben@crm"]
    assert events(database)[0].details["uid"] == 1000


def test_there_is_one_pause_of_each_and_a_later_one_takes_its_place(database: Database) -> None:
    kept = Standstills(database)
    first, _ = kept.pause("org production", until=NOW + DAY, reason="audit", actor=ANA, now=NOW)
    kept.pause("all", until=None, reason="fire", actor=ANA, now=NOW)
    second, before = kept.pause("org production", until=NOW + 9 * DAY, reason="longer", actor=BEN, now=NOW)
    assert before == first
    assert {each.scope: each for each in kept.all()}["org production"] == second
    assert len(kept.all()) == 2
    assert told(database) == [("pause", None, "audit"), ("pause", None, "fire"), ("pause", None, "longer")]


def test_what_is_not_paused_cannot_be_resumed_and_that_is_no_event(database: Database) -> None:
    kept = Standstills(database)
    kept.pause("all", until=NOW + DAY, reason="audit", actor=ANA, now=NOW)
    assert kept.resume("credential billing", reason="", actor=ANA, now=NOW) is None
    assert kept.resume("all", reason="", actor=ANA, now=NOW + DAY) is None, "its time had come"
    assert len(told(database)) == 1


def test_a_pause_that_is_over_is_none_that_another_takes_the_place_of(database: Database) -> None:
    kept = Standstills(database)
    kept.pause("all", until=NOW + DAY, reason="audit", actor=ANA, now=NOW)
    assert kept.pause("all", until=None, reason="again", actor=ANA, now=NOW + DAY)[1] is None


def test_no_key_and_no_time_that_has_passed_is_taken(database: Database) -> None:
    kept = Standstills(database)
    key = spare_key(0).pem().reveal()
    with pytest.raises(HistoryError, match="private key"):
        kept.pause("all", until=None, reason=key, actor=ANA, now=NOW)
    with pytest.raises(ValueError, match="has passed"):
        kept.pause("all", until=NOW, reason="audit", actor=ANA, now=NOW)
    assert (kept.all(), told(database)) == ([], [])


def test_a_freeze_is_written_down_once_and_again_when_it_is_taken_out_of_the_configuration(database: Database) -> None:
    kept = Standstills(database)
    for _ in range(2):
        kept.note_freezes({YEAR_END: ["warehouse", "billing"]}, BEN, NOW)
    kept.note_freezes({}, BEN, NOW + DAY)
    assert told(database) == [("freeze", None, "year-end"), ("unfreeze", None, "year-end")]
    begun = events(database)[0].details
    assert begun["credentials"] == ["billing", "warehouse"]
    assert (begun["since"], begun["until"]) == ("2026-12-13T12:31:47.123456Z", "2027-01-02T12:31:47.123456Z")


def test_a_freeze_that_has_ended_by_itself_is_forgotten_and_nobody_is_said_to_have_ended_it(database: Database) -> None:
    kept = Standstills(database)
    kept.note_freezes({YEAR_END: ["billing"]}, BEN, NOW)
    kept.note_freezes({}, BEN, NOW + 40 * DAY)
    assert (kept.all(), told(database)) == ([], [("freeze", None, "year-end"), ("standstill_forgotten", None, None)])


def test_the_first_start_is_noted_once(database: Database) -> None:
    kept = Standstills(database)
    first = kept.first_start(BEN, NOW)
    assert (first.since, first.until) == (NOW, None)
    assert kept.first_start(BEN, NOW + DAY) == first
    assert told(database) == [("first_start", None, None)]


@pytest.mark.parametrize(("outcome", "holds"), [("rotated", False), ("reverted", True), ("halted", True)])
def test_a_database_that_has_rotated_is_not_held_up(database: Database, outcome: str, holds: bool) -> None:
    rotation = Journal(database).begin_rotation(NEW_ROTATION, NOW)
    Journal(database).finish_rotation(rotation.id, outcome=outcome, now=NOW)
    assert (Standstills(database).first_start(BEN, NOW + DAY).until is None) == holds


def test_what_is_over_or_not_configured_any_more_is_forgotten(database: Database) -> None:
    kept = Standstills(database)
    for scope, until in (("all", NOW + DAY), ("org production", None), ("credential gone", None)):
        kept.pause(scope, until=until, reason="audit", actor=ANA, now=NOW)
    first = kept.first_start(BEN, NOW)
    kept.keep_only({"all", "org production"}, BEN, NOW + DAY)
    assert {each.scope for each in kept.all()} == {"org production", ""}
    assert first in kept.all()
    assert [each.details["key"] for each in events(database) if each.kind == "standstill_forgotten"] == [
        "pause all",
        "pause credential gone",
    ]
    assert verify(database).intact
