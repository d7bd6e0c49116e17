"""Of rows of the history that cannot be read people are told once, until they can be read again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from unittest.mock import Mock, call

import pytest
from sqlalchemy import text

from rotator.core.actor import Actor
from rotator.core.attempts import AttemptRecord
from rotator.errors import HistoryError
from rotator.history.engine.damage import UnreadableRow
from rotator.history.standstills import Standstills
from rotator.services.checked import Result
from rotator.services.preflight import checks
from rotator.services.schedule.row_watch import APART, RowWatch, _alerts
from tests.tiers import first_standard, longer
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

pytestmark = longer

LATER = timedelta(minutes=6)


@pytest.fixture
def one(database: Database) -> CycleBench:
    found = cycle_bench(database, is_neglected=True)
    found.bench.use("Billing")
    found.work()
    found.outside.told.clear()
    return found


def damage(one: CycleBench, statement: str) -> None:
    with one.context.database.writing() as connection:
        connection.execute(text(statement))


def titles(one: CycleBench) -> list[str]:
    return [message.title for message in one.outside.told]


def test_a_row_that_was_met_is_told_of_once_and_until_it_can_be_read_again(one: CycleBench) -> None:
    one.context.history.attempts.put(AttemptRecord("look", "elsewhere"))
    damage(one, "UPDATE attempt SET hint = x'ff' WHERE name = 'elsewhere'")
    for _ in range(3):
        one.bench.time += LATER
        one.work()
    [title] = titles(one)
    assert title == "look elsewhere in the table attempt of the history cannot be read"
    assert "look elsewhere (hint)" in one.outside.told[0].text
    damage(one, "UPDATE attempt SET hint = '' WHERE name = 'elsewhere'")
    for _ in range(2):
        # Once, as it was met before it was corrected.
        one.bench.time += LATER
        one.work()
    assert titles(one)[1:] == [f"Settled: {title}"]


def test_what_was_written_anew_before_anybody_could_look_is_told_all_the_same(one: CycleBench) -> None:
    damage(one, "UPDATE attempt SET failures = 'many' WHERE kind = 'look'")
    for later in (20 * LATER, LATER):
        one.bench.time += later
        one.work()
    assert [title for title in titles(one) if "attempt" in title] == [
        "look production in the table attempt of the history cannot be read",
        "Settled: look production in the table attempt of the history cannot be read",
    ]


def test_many_rows_of_a_table_are_one_alert(one: CycleBench) -> None:
    for number in range(APART + 1):
        one.context.history.attempts.put(AttemptRecord("look", f"org{number}"))
    damage(one, "UPDATE attempt SET failures = 'many' WHERE name LIKE 'org%'")
    one.bench.time += timedelta(days=1)
    one.work()
    assert [title for title in titles(one) if "attempt" in title][:1] == [
        f"{APART + 1} rows in the table attempt of the history cannot be read"
    ]


def test_as_many_rows_as_people_can_tell_apart_are_an_alert_each() -> None:
    rows = [UnreadableRow("attempt", f"look org{number}", "hint") for number in range(APART)]
    assert len([*_alerts(rows)]) == APART


def test_who_has_met_one_leaves_it_to_whoever_leads_to_tell(one: CycleBench, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, noted = RowWatch(one.context), one.context.memory.met_damage
    watch.note_met()
    assert noted.changed() == set()
    one.context.database.unreadable.add([UnreadableRow("attempt", "look elsewhere", "hint")])
    watch.note_met()
    assert [noted.latest(name) for name in noted.changed()] == [True]
    put = Mock(wraps=noted.put)
    monkeypatch.setattr(noted, "put", put)
    with one.context.history.transaction() as history:
        watch.tell_met(history, one.bench.time)
        assert put.mock_calls == [call({"row": None}, within=history.database)], "told and forgotten, or neither"


def test_a_check_names_what_cannot_be_read(one: CycleBench) -> None:
    class Adapters:
        settings = one.context.settings
        database = one.context.database

    def of_history() -> str:
        found = next(each for each in checks(Adapters()) if each.name == "history")  # type: ignore[arg-type] # asked first
        if found.result is Result.FAILED:
            raise HistoryError(found.sentence)
        return found.sentence

    assert of_history()
    damage(one, "UPDATE last_observation SET stages = '{'")
    with pytest.raises(HistoryError, match="`stages` of the row billing of the table last_observation"):
        of_history()


@pytest.mark.parametrize("column", first_standard(["why", "since", "scope"]))
def test_a_pause_whose_row_cannot_be_read_holds_up_what_it_held_up(one: CycleBench, column: str) -> None:
    until = one.bench.time + timedelta(days=350)
    pauses = Standstills(one.context.database)
    pauses.pause("all", until=until, reason="audit", actor=Actor("Robin"), now=one.bench.time)
    noted = pauses.all()
    damage(one, f"UPDATE standstill SET {column} = x'ff' WHERE key LIKE 'pause%'")  # noqa: S608 - columns of this test
    assert pauses.all() == noted
    one.bench.time += timedelta(days=340)
    one.work()
    assert one.bench.store.staged.previous is None
    one.bench.time += timedelta(days=11)
    one.work()
    assert one.bench.store.staged.previous is not None
