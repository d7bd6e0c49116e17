"""What a hook is told, which calls are made together, and what is kept and shown of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.config.loading import parse
from rotator.core.hook import Calls, HookCall, HookEvent
from rotator.errors import ConfigurationError
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.attempt_records import AttemptRecords
from rotator.history.hooks import HookCalls
from rotator.history.journal.journal import Journal
from rotator.history.journal.queries import events
from rotator.hooks.base import HookFailed
from rotator.services.hooks.hook_alerts import hook_failed
from rotator.services.hooks.hook_service import GIVEN_UP_AFTER, HookService, Made, as_failure
from rotator.services.hooks.hook_states import hook_states
from rotator.testing.versions import MOMENT
from tests.unit.services.conftest import CONFIGURATION

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.core.alert import Alert
    from rotator.history.engine.database import Database
    from rotator.history.records import Event

HOOKS = """
hooks:
  after_rotation:
    reload: {type: command, command: [/bin/true], on: [rotated, halted, revoked, drift]}
    tell: {type: command, command: [/bin/true], on: [rotated], credentials: [warehouse, billing]}
"""
BILLING, WAREHOUSE = Calls("reload", "billing"), Calls("reload", "warehouse")
FAILURE = HookFailed("It ended with status 1.", hint="Look.", output="line one\nno such consumer")


@dataclass
class World:
    """A service with two hooks whose history is known, and a clock."""

    database: Database
    folder: Path
    time: datetime = MOMENT
    takes: timedelta = timedelta()
    fails: Exception | None = None
    called: list[HookCall] = field(default_factory=list)
    says: str = "done"
    name = "hook"

    def __post_init__(self) -> None:
        self.settings = parse(CONFIGURATION + HOOKS, self.folder / "config.yaml")
        self.hooks = HookService.of(self.settings, self.database, now=lambda: self.time, random=lambda: 0.0)
        self.hooks.note()

    def happens(self, credential: str = "billing", kind: str = "finish", **details: Any) -> None:
        told = details or {"outcome": "rotated"}
        Journal(self.database).record(kind, now=self.time, credential=credential, **told)
        self.hooks.note()

    def call(self, call: HookCall) -> str:
        self.called.append(call)
        self.time += self.takes
        if self.fails:
            raise self.fails
        return self.says

    def make(self, these: Calls = BILLING) -> list[Made]:
        return self.hooks.make(these, lambda _: self)

    def check(self) -> str:
        return ""

    @property
    def events(self) -> list[Event]:
        return [each for each in events(self.database) if each.kind == "hook"]

    @property
    def alert(self) -> Alert:
        [alert] = AlertRecords(self.database).open_alerts()
        return alert


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path)


def test_a_hook_is_told_what_has_happened_and_why(world: World) -> None:
    world.happens(outcome="rotated", old_fingerprint="a" * 64, new_fingerprint="b" * 64, why="it was due")
    world.happens(kind="stopped", needs_person=True, error="Somebody changed it.")
    world.happens(kind="revoke_begins", steps=["access"], reason="It was stolen.", actor="alex@laptop")
    world.happens(kind="drift")
    world.make()
    rotated, halted, revoked, drift = world.called
    assert (rotated.event, rotated.old_fingerprint, rotated.new_fingerprint) == ("rotated", "a" * 64, "b" * 64)
    assert (rotated.why, halted.why) == ("it was due", "Somebody changed it.")
    assert (revoked.why, drift.why) == ("It was stolen.", "")
    assert (drift.old_fingerprint, drift.new_fingerprint, drift.rotation_id) == ("", "", "")
    assert len({each.id for each in world.called}) == 4


def test_the_calls_of_one_hook_for_one_credential_are_made_and_no_others(world: World) -> None:
    world.happens("warehouse")
    world.happens()
    world.happens("warehouse")
    assert world.hooks.due(["billing"]) == [BILLING, Calls("tell", "billing")]
    tell = Calls("tell", "warehouse")
    assert [(each.hook, each.call.credential) for each in world.make(tell)] == [("tell", "warehouse")] * 2
    assert [each.call.credential for each in world.make()] == ["billing"]
    assert [each.call.credential for each in world.make(WAREHOUSE)] == ["warehouse"] * 2
    assert world.hooks.due() == [Calls("tell", "billing")]


def test_a_call_that_has_ended_meanwhile_is_passed_over(world: World) -> None:
    calls = HookCalls(world.database)
    for _ in range(3):
        world.happens()
    second = [each for each in calls.due() if each.hook == "reload"][1]

    class Ends(World):
        """The first call takes so long that another process ends the second."""

        def call(self, call: HookCall) -> str:
            if not self.called:
                calls.ended(second, self.time, result="done")
            return super().call(call)

    assert len(Ends(world.database, world.folder).make()) == 2
    assert [each.hook for each in calls.due()] == ["tell"] * 3


def test_without_news_the_history_is_not_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HookCalls, "note", lambda *_, **__: pytest.fail("written"))
    assert world.hooks.due() == []


@pytest.mark.parametrize(("took", "seconds"), [(1.23456, 1.235), (-5.0, 0.0)])
def test_what_it_said_and_how_long_it_took_is_kept_and_shown(world: World, took: float, seconds: float) -> None:
    world.happens()
    world.takes = timedelta(seconds=took)
    [made] = world.make()
    assert (made.output, made.problem, made.again_at) == ("done", None, None)
    assert world.events[0].details["seconds"] == seconds
    reload, tell = hook_states(world.settings, world.database)
    assert reload.last
    assert (reload.last.seconds, reload.last.credential, reload.last.at) == (seconds, "billing", world.time)
    assert (reload.last.event, reload.last.result, reload.last.output) == ("rotated", "done", "done")
    assert reload.last.sentence(world.time + timedelta(hours=3)) == "done 3 hours ago, billing rotated"
    assert (reload.last.problem, reload.pending, reload.credentials) == ("", (), None)
    assert (tell.last, tell.credentials) == (None, ("warehouse", "billing"))
    assert [each.credential for each in tell.pending] == ["billing"]


def test_people_hear_of_one_that_failed_when_it_is_tried_again(world: World) -> None:
    world.happens()
    world.fails = FAILURE
    [made] = world.make()
    attempt = AttemptRecords(world.database).get("hook", BILLING.name)
    assert (attempt.problem, attempt.hint) == (FAILURE.message, FAILURE.hint)
    assert attempt.next_at == made.again_at == world.alert.again_at == world.time + timedelta(minutes=1)
    assert (made.output, made.problem) == (FAILURE.output, FAILURE)
    assert (world.alert.org, world.alert.credential) == ("production", "billing")
    facts = {"Hook": "reload", "Credential": "billing", "Org": "production", "Event": "rotated"}
    assert world.alert.facts == facts
    assert world.alert.title == "The hook reload failed after billing was rotated"
    assert world.alert.meanwhile.endswith("It is tried again by itself.")
    assert world.alert.to_do == "Look. `rotator hooks test reload --credential billing` tries it at once."
    [state, _] = hook_states(world.settings, world.database)
    assert state.last
    assert (state.last.result, state.last.event, state.last.problem) == ("failed", "rotated", FAILURE.message)
    assert state.last.seconds is None


def test_of_a_hook_that_said_nothing_no_output_is_kept(world: World) -> None:
    world.happens()
    world.happens()
    world.says = ""
    world.make()
    assert [each.details.keys() & {"output"} for each in world.events] == [set(), set()]
    world.happens()
    world.fails = HookFailed("It ended with status 1.", hint="Look.")
    world.make()
    assert "output" not in world.events[-1].details
    assert world.alert.text == "It ended with status 1."


@pytest.mark.parametrize("mends_itself", [True, False])
def test_a_person_is_needed_where_time_does_not_mend_it(world: World, mends_itself: bool) -> None:
    world.happens()
    world.fails = HookFailed("There is no such program.", hint="Install it.", transient=mends_itself)
    for _ in range(3):
        world.make()
    assert AttemptRecords(world.database).get("hook", BILLING.name).needs_attention is not mends_itself


def test_what_was_given_up_is_kept_with_why_and_what_it_said(world: World) -> None:
    world.happens()
    world.fails = FAILURE
    world.time += GIVEN_UP_AFTER
    [made] = world.make()
    assert made.again_at is None
    given_up = world.events[0].details
    assert (given_up["result"], given_up["problem"], given_up["output"]) == (
        "given up",
        FAILURE.message,
        FAILURE.output,
    )


@pytest.mark.parametrize(
    ("event", "word"),
    [
        (HookEvent.DRIFT, "changed by hand"),
        (HookEvent.FAILED, "half rotated"),
        (HookEvent.REVOKED, "revoked"),
    ],
)
def test_it_is_told_in_words_of_what_has_happened(event: HookEvent, word: str) -> None:
    call = HookCall(id="1", event=event, credential="billing", org="", at=MOMENT)
    alert = hook_failed("reload", call, FAILURE, again_at=None)
    assert alert.title == f"The hook reload failed after billing was {word}"
    assert alert.org is None
    assert "Org" not in alert.facts


def test_a_hook_whose_settings_are_wrong_is_mended_by_no_time() -> None:
    def opens() -> str:
        raise ConfigurationError("There is no secret.", hint="Put it there.")

    with pytest.raises(HookFailed) as raised:
        as_failure("reload", opens)
    assert not raised.value.transient
    assert raised.value.hint == "Put it there."
