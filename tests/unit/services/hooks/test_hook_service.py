"""Hooks beside rotations: each is called once after what it wants, in order, and fails without touching anything."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.hook import Calls, HookEvent
from rotator.errors import ConfigurationError
from rotator.history.hooks import HookCalls, calling
from rotator.hooks.base import HookFailed
from rotator.services.hooks.hook_alerts import TOLD_FOR
from rotator.services.hooks.hook_service import GIVEN_UP_AFTER, LEFT_OUT, HookService, presentable
from rotator.services.hooks.hook_states import hook_states
from rotator.testing.versions import make_version
from tests.tiers import longer
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database
    from rotator.history.records import Event

pytestmark = longer

HOOK = "hooks: {after_rotation: {reload: {type: command, command: [/bin/true]}}}"
EVERYTHING = (
    "hooks: {after_rotation: {tell: {type: command, command: [/bin/true],"
    " on: [rotated, restored, reverted, halted, drift]}}}"
)
SECRET = "all was well\npassword=hunter2hunter2"
FAILURE = HookFailed("Hook reload: it ended with status 1.", hint="Look.", output="no such consumer")


def rotated(database: Database, more: str = HOOK) -> CycleBench:
    """A service whose first inventory was taken, and whose credential was rotated then."""
    made = cycle_bench(database, more=more)
    made.bench.use("Billing")
    made.work()
    made.bench.handle()
    return made


def hook_events(made: CycleBench) -> list[Event]:
    return [event for event in made.bench.events() if event.kind == "hook"]


def test_without_hooks_the_history_is_not_asked(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    made = cycle_bench(database)
    monkeypatch.setattr(HookService, "note", lambda _: pytest.fail("asked"))
    assert made.context.hooks.due() == []


def test_it_is_called_once_after_a_rotation(database: Database) -> None:
    made = rotated(database)
    assert "hook reload billing" in made.due()
    made.work()
    made.restart()
    made.work()
    [call] = made.outside.calls
    assert (call.event, call.credential, call.org) == (HookEvent.ROTATED, "billing", "production")
    assert call.new_fingerprint == made.bench.store.stages("billing").current
    assert call.rotation_id


def test_what_it_did_is_in_the_history(database: Database) -> None:
    made = rotated(database)
    made.work()
    [event] = hook_events(made)
    assert event.credential == "billing"
    assert {**event.details, "seconds": 0.0} == {
        "hook": "reload",
        "after": event.details["after"],
        "event": "rotated",
        "result": "done",
        "output": "done",
        "seconds": 0.0,
    }


def test_one_that_fails_is_an_alert_is_tried_again_and_the_rotation_stands(database: Database) -> None:
    made = rotated(database)
    made.outside.hook_fails = FAILURE
    made.work()
    assert "hook" in made.open_kinds()
    alert = made.alert("hook:reload billing")
    assert alert.text == f"{FAILURE.message} It said: no such consumer"
    assert made.rotation.failures == 0
    assert "hook reload billing" not in made.due()
    made.bench.time += timedelta(minutes=2)
    assert "hook reload billing" in made.due()
    made.outside.hook_fails = None
    made.work()
    assert [call.id for call in made.outside.calls] == [made.outside.calls[0].id] * 2
    assert "hook" not in made.open_kinds()
    results = [event.details["result"] for event in hook_events(made)]
    assert results == ["failed", "done"]
    assert hook_events(made)[0].details["output"] == "no such consumer"


def test_one_that_fails_for_a_day_is_given_up(database: Database) -> None:
    made = given_up(database)
    assert [event.details["result"] for event in hook_events(made)] == ["failed", "given up"]
    assert not any(name.startswith("hook") for name in made.due())
    assert made.alert("hook:reload billing").again_at is None


def test_a_try_that_is_overdue_is_not_said_to_be_made_in_the_past(database: Database) -> None:
    made = rotated(database)
    made.outside.hook_fails = FAILURE
    made.work()
    [state] = hook_states(made.context.settings, database)
    [waiting] = state.pending
    assert waiting.next_try(made.bench.time) == "It is tried again in 52 seconds."
    assert waiting.next_try(made.bench.time + timedelta(hours=2)) == "It is tried again at the next run."


def test_a_hook_that_cannot_be_used_fails_alone(database: Database) -> None:
    made = rotated(database)
    made.outside.hook_fails = ConfigurationError("There is no secret.", hint="Put it there.")
    made.work()
    assert made.alert("hook:reload billing").text == "Hook reload cannot be used: There is no secret."


def test_a_fault_of_ours_is_that_calls_failure(database: Database) -> None:
    made = rotated(database)
    [calls] = made.context.hooks.due()
    [end] = made.context.hooks.make(calls, lambda _: (_ for _ in ()).throw(ValueError("secret text")))
    assert end.problem is not None
    assert "rotator has a fault (ValueError)" in end.problem.message
    assert "secret text" not in str(end.problem)


def test_what_another_process_is_calling_is_left_to_it(database: Database) -> None:
    made = rotated(database)
    [calls] = made.context.hooks.due()
    assert calls == Calls("reload", "billing")
    with database.rotation_locks(made.bench.now).hold(calling(*calls)):
        assert made.context.hooks.make(calls, made.outside.hook) == []
    assert len(made.context.hooks.make(calls, made.outside.hook)) == 1
    assert made.context.hooks.make(calls, made.outside.hook) == []


def test_an_app_that_was_changed_by_hand_is_an_event_once(database: Database) -> None:
    made = rotated(database, EVERYTHING)
    made.work()
    made.bench.time += timedelta(days=1)
    made.bench.live["Billing"] = make_version().certificate
    made.work()
    made.bench.time += timedelta(days=1)
    made.work()
    assert [str(call.event) for call in made.outside.calls] == ["rotated", "drift"]
    assert made.outside.calls[1].org == "production"


def test_a_hook_is_not_called_for_other_credentials(database: Database) -> None:
    made = rotated(database, HOOK.replace("[/bin/true]", "[/bin/true], on: [halted]"))
    made.work()
    assert made.outside.calls == []


def test_a_secret_that_a_hook_says_is_shown_to_nobody(database: Database) -> None:
    made = rotated(database)
    made.outside.hook_fails = HookFailed("Hook reload: it ended with status 1.", hint="Look.", output=SECRET)
    made.work()
    alert = made.alert("hook:reload billing")
    attempt = made.context.history.attempts.get("hook", "reload billing")
    for shown in (*vars(alert).values(), *vars(attempt).values(), *(event.details for event in hook_events(made))):
        assert "hunter2" not in str(shown)
    assert LEFT_OUT in alert.text


def test_what_is_not_configured_any_more_is_forgotten_by_the_daily_maintenance(database: Database) -> None:
    made = rotated(database)
    made.outside.hook_fails = FAILURE
    made.work()
    assert HookCalls(database).due()
    other = cycle_bench(database)
    other.bench.time = made.bench.time + timedelta(days=1)
    other.cycle.maintain()
    assert HookCalls(database).due() == []
    assert "hook" not in {each.kind for each in other.context.history.attempts.all()}


def given_up(database: Database) -> CycleBench:
    made = rotated(database)
    made.outside.hook_fails = FAILURE
    made.work()
    made.bench.time += GIVEN_UP_AFTER
    made.work()
    assert made.alert("hook:reload billing").is_open
    return made


@pytest.mark.parametrize(
    ("credential", "hooks"), [("billing", ""), ("billing", HOOK.replace("reload", "renew")), ("other", HOOK)]
)
def test_the_alert_of_one_that_is_not_called_for_it_any_more_ends(
    database: Database, credential: str, hooks: str
) -> None:
    made = rotated(database)
    made.outside.hook_fails = FAILURE
    made.work()
    other = cycle_bench(database, credential, more=hooks)
    other.bench.time = made.bench.time + timedelta(hours=1)
    other.outside.hook_fails = FAILURE
    assert not any(name.startswith("hook") for name in other.due())
    other.cycle.evaluate()
    assert other.alert("hook:reload billing").closed_why == "It is not configured any more."
    other.cycle.maintain()
    assert HookCalls(database).due() == []


def test_what_was_given_up_is_told_of_for_a_week(database: Database) -> None:
    made = given_up(database)
    alert = made.alert("hook:reload billing")
    assert alert.meanwhile.endswith("It is not tried again; people are told of that for 7 days.")
    assert alert.to_do.endswith("tries it at once, and ends this where it does its work.")
    made.bench.time += TOLD_FOR - timedelta(minutes=1)
    made.cycle.maintain()
    assert made.alert("hook:reload billing").is_open
    made.bench.time += timedelta(minutes=1)
    made.cycle.maintain()
    ended = made.alert("hook:reload billing")
    assert ended.closed_why == "It was given up 7 days ago: what it was to be told is long over."


def test_what_was_given_up_is_over_once_the_hook_does_its_work_by_hand(database: Database) -> None:
    made = given_up(database)
    made.context.hooks.tried(Calls("other", "billing"))
    assert made.alert("hook:reload billing").is_open
    made.context.hooks.tried(Calls("reload", "billing"))
    assert made.alert("hook:reload billing").closed_why == "The hook did its work when it was tried by hand."


def test_what_is_tried_again_by_itself_is_not_over_by_a_try_by_hand(database: Database) -> None:
    made = rotated(database)
    made.outside.hook_fails = FAILURE
    made.work()
    made.context.hooks.tried(Calls("reload", "billing"))
    made.bench.time += timedelta(minutes=2)
    assert made.alert("hook:reload billing").is_open
    assert "hook reload billing" in made.due()


def test_a_later_call_that_fails_is_not_over_with_one_that_was_given_up(database: Database) -> None:
    made = given_up(database)
    made.bench.time += TOLD_FOR - timedelta(hours=1)
    made.bench.handle()
    made.work()
    made.bench.time += timedelta(hours=2)
    made.cycle.maintain()
    assert made.alert("hook:reload billing").is_open


def test_what_looks_like_a_secret_is_not_kept() -> None:
    assert presentable("all is well") == "all is well"
    assert presentable("token=abcdefgh") == LEFT_OUT
    assert presentable("-----BEGIN PRIVATE " + "KEY-----") == LEFT_OUT
