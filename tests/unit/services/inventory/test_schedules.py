"""When rotations may begin by themselves: what the configuration says, what people paused, and the first start."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.config.loading import parse
from rotator.core.actor import Actor
from rotator.core.schedule import Mode, Schedule, Standstill, Why
from rotator.history.journal.journal import Journal
from rotator.history.standstills import Standstills
from rotator.services.inventory.schedules import HeldUp, Schedules, held_up, schedules, standstill_events
from tests.unit.services.conftest import CONFIGURATION
from tests.unit.services.usage.promoted import DAY, HOUR, NOW, PROMOTED, seen, status, version

if TYPE_CHECKING:
    from rotator.config.settings import Settings
    from rotator.history.engine.database import Database

FREEZE: Final = "{from: 2026-01-01, until: 2026-02-01, reason: closing of the books}"
FIRST: Final = Standstill(why=Why.FIRST_START, since=PROMOTED)


def pause(scope: str) -> Standstill:
    return Standstill(why=Why.PAUSE, since=PROMOTED, scope=scope, by="alex", reason="audit")


def read(options: str = "") -> Settings:
    text = CONFIGURATION.replace("apps: [Billing]", f"apps: [Billing]{options}")
    return parse(f"{text}\ndaemon: {{first_rotations_after: 3h}}\n", Path("/nowhere/config.yaml"))


def of(*noted: Standstill, options: str = "", name: str = "billing") -> Schedule:
    return Schedules(read(options), noted).of(name)


@pytest.mark.parametrize("scope", ["all", "org production", "credential billing"])
def test_a_pause_holds_up_what_it_is_of(scope: str) -> None:
    others = pause("org sandbox"), pause("credential warehouse")
    assert of(pause(scope), *others).standstills == [pause(scope)]


def test_a_freeze_and_windows_of_the_configuration_count() -> None:
    options = f", mode: manual, windows: [{{cron: '0 2 * * *', lasts: 2h}}], freezes: [{FREEZE}]"
    schedule = of(options=options)
    assert (schedule.mode, len(schedule.windows)) == (Mode.MANUAL, 1)
    assert [each.reason for each in schedule.in_force(NOW)] == ["closing of the books"]
    assert (of().mode, of().windows, of().standstills) == (Mode.AUTOMATIC, [], [])


def test_a_rotation_may_take_three_times_as_long_as_a_key_is_tried() -> None:
    assert of(options=", verification: {timeout: 20m}").lasts == timedelta(hours=1)


def test_nothing_begins_for_a_while_after_the_first_start_unless_a_person_has_ended_that() -> None:
    [held] = of(FIRST).standstills
    assert (held.why, held.until) == (Why.FIRST_START, PROMOTED + 3 * HOUR)
    assert of(replace(FIRST, until=NOW)).standstills == []
    assert Schedules(read(), [pause("all")]).first_start is None


def test_what_holds_credentials_up_now_or_later_is_shown_once_with_their_names() -> None:
    paused = replace(pause("all"), until=NOW + HOUR)
    later = Standstill(why=Why.FREEZE, since=NOW + 9 * DAY, until=NOW + 12 * DAY, reason="audit")
    short = seen(current=replace(version("new"), not_after=NOW + 40 * DAY), previous=None)
    first = status(observed=short, schedule=Schedule(standstills=[paused, later]))
    second = replace(status(schedule=Schedule(standstills=[paused])), credential="crm")
    begins = first.life.begins
    assert begins
    assert begins.held_by == (later,)
    assert held_up([first, second], NOW) == [
        HeldUp(paused, ("billing", "crm")),
        HeldUp(later, ("billing",)),
    ]


@pytest.fixture
def told(database: Database) -> Database:
    """A pause of each kind, and a freeze that began for two credentials."""
    pauses = Standstills(database)
    for scope in ("all", "org production", "org sandbox"):
        pauses.pause(scope, until=None, reason="audit", actor=Actor("alex"), now=NOW)
    details: dict[str, Any] = {"credentials": ["billing", "management"]}
    Journal(database).record("freeze", now=NOW, credential=None, **details)
    return database


def test_the_pauses_as_they_are_now_count(told: Database) -> None:
    assert [each.scope for each in schedules(read(), told).of("billing").in_force(NOW)] == ["all", "org production"]


@pytest.mark.parametrize(
    ("name", "scopes"),
    [
        (None, ["all", "org production", "org sandbox", None]),
        ("billing", ["all", "org production", None]),
        ("warehouse", ["all", "org production"]),
        ("management", ["all", "org sandbox", None]),
        ("gone", ["all"]),
    ],
)
def test_the_history_shows_of_a_credential_what_it_had_part_in(
    told: Database, name: str | None, scopes: list[str | None]
) -> None:
    assert [each.details.get("scope") for each in standstill_events(read(), told, name)] == scopes
