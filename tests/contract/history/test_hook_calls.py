"""The calls of hooks, in every database: each event becomes one call, once, and none of them is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.history.hooks import DueCall, HookCalls
from rotator.history.journal.journal import Journal
from rotator.history.journal.queries import events
from tests.contract.history.databases import NEW_ROTATION, NOW

if TYPE_CHECKING:
    from rotator.history.engine.database import Database
    from rotator.history.records import Event

DAY = timedelta(days=1)


@pytest.fixture
def calls(database: Database) -> HookCalls:
    return HookCalls(database)


def note(calls: HookCalls, *names: str) -> None:
    """As the service does, with hooks that want every event."""
    calls.note(dict.fromkeys(names, _everything), since=NOW - DAY)


def _everything(_event: Event) -> bool:
    return True


def rotate(database: Database, outcome: str = "rotated") -> int:
    """A rotation from beginning to end; the number of its last event."""
    journal = Journal(database)
    rotation = journal.begin_rotation(NEW_ROTATION, NOW)
    journal.finish_rotation(rotation.id, outcome=outcome, now=NOW)
    return HookCalls(database).newest()


def test_a_new_hook_is_not_told_of_what_was_before(database: Database, calls: HookCalls) -> None:
    rotate(database)
    note(calls, "reload")
    assert calls.due() == []


def test_each_event_that_it_wants_becomes_a_call_once(database: Database, calls: HookCalls) -> None:
    note(calls, "reload", "tell")
    first, second = rotate(database), rotate(database)
    note(calls, "reload", "tell")
    note(calls, "reload", "tell")
    name = NEW_ROTATION.credential
    assert calls.due() == [DueCall(hook, sequence, name) for sequence in (first, second) for hook in ("reload", "tell")]
    assert calls.due([name]) == calls.due()
    assert calls.due(["another"]) == []


def test_what_it_does_not_want_is_none(database: Database, calls: HookCalls) -> None:
    note(calls, "reload")
    rotate(database)
    calls.note({"reload": lambda _: False}, since=NOW - DAY)
    assert calls.due() == []


def test_what_was_long_ago_is_no_news(database: Database, calls: HookCalls) -> None:
    note(calls, "reload")
    rotate(database)
    calls.note({"reload": _everything}, since=NOW + DAY)
    assert calls.due() == []


def test_what_another_installation_has_hooks_for_is_left_alone(database: Database, calls: HookCalls) -> None:
    note(calls, "theirs")
    rotate(database)
    note(calls, "ours")
    note(calls, "theirs")
    assert [due.hook for due in calls.due()] == ["theirs"]


def test_a_rotation_that_stops_where_it_stopped_before_is_one_call(database: Database, calls: HookCalls) -> None:
    note(calls, "reload")
    journal = Journal(database)
    for _ in range(2):
        rotation = journal.begin_rotation(NEW_ROTATION, NOW)
        for needs_person in (False, False, True, False, True):
            about = {"credential": rotation.credential, "rotation_id": rotation.id}
            journal.record("stopped", now=NOW, error="It is away.", needs_person=needs_person, **about)
            note(calls, "reload")
        journal.finish_rotation(rotation.id, outcome="abandoned", now=NOW)
    found = [calls.event(due) for due in calls.due()]
    assert [each.details["needs_person"] for each in found if each and each.kind == "stopped"] == [False, True] * 2


def test_a_hook_that_was_taken_out_begins_anew(database: Database, calls: HookCalls) -> None:
    note(calls, "reload")
    rotate(database)
    note(calls, "reload")
    calls.keep_only([], [])
    rotate(database)
    note(calls, "reload")
    assert calls.due() == []


def test_a_call_that_was_made_is_an_event_and_is_due_no_more(database: Database, calls: HookCalls) -> None:
    note(calls, "reload")
    sequence = rotate(database)
    note(calls, "reload")
    [due] = calls.due()
    found = calls.event(due)
    assert found is not None
    assert found.sequence == sequence
    calls.ended(due, NOW, event="rotated", result="done")
    calls.ended(due, NOW, event="rotated", result="done")
    assert calls.due() == []
    assert calls.event(due) is None
    told = [event for event in events(database) if event.kind == "hook"]
    assert [event.details for event in told] == [
        {"hook": "reload", "after": sequence, "event": "rotated", "result": "done"}
    ]
    assert calls.newest_of(["reload", "tell"]) == {"reload": told[0]}


def test_a_call_that_failed_is_an_event_and_stays_due(database: Database, calls: HookCalls) -> None:
    note(calls, "reload")
    rotate(database)
    note(calls, "reload")
    [due] = calls.due()
    calls.failed(due, NOW, event="rotated", result="failed")
    assert calls.due() == [due]
    assert calls.newest_of(["reload"])["reload"].details["result"] == "failed"
