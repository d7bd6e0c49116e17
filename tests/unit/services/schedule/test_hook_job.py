"""The job that calls a hook: which calls it makes, and what the log says of each. Another machine may find it due."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from rotator.hooks.base import HookFailed
from rotator.services.schedule.jobs import JobKind, label_of
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

DOES_NOTHING = "{type: command, command: [/bin/true]}"
HOOKS = f"hooks: {{after_rotation: {{reload: {DOES_NOTHING}, tell: {DOES_NOTHING}}}}}"
RELOAD = "reload billing"
TELL = "tell billing"


@pytest.fixture
def rotated(database: Database) -> CycleBench:
    """Two hooks, and a rotation that neither was called after yet."""
    made = cycle_bench(database, more=HOOKS)
    made.bench.use("Billing")
    made.cycle.take_inventory("production")
    made.context.hooks.note()
    made.bench.handle()
    made.context.hooks.note()
    return made


def called(found: CycleBench) -> list[str]:
    return [call.id.partition("-")[0] for call in found.outside.calls]


@pytest.mark.parametrize("name", [RELOAD, TELL])
def test_of_several_hooks_the_one_is_called_that_the_job_names(rotated: CycleBench, name: str) -> None:
    job = rotated.cycle.job(JobKind.HOOK, name)
    assert job
    assert job.name == name
    job.run()
    assert called(rotated) == [name.partition(" ")[0]]


@pytest.mark.parametrize(
    ("fails", "message", "level"),
    [
        (None, "called a hook", logging.INFO),
        (HookFailed("Hook reload: status 1.", hint="Look."), "a hook failed: Hook reload: status 1.", logging.WARNING),
    ],
    ids=["it does its work", "it fails"],
)
def test_the_log_says_of_each_call_which_hook_after_what_and_why_not(
    rotated: CycleBench, caplog: pytest.LogCaptureFixture, fails: HookFailed | None, message: str, level: int
) -> None:
    rotated.outside.hook_fails = fails
    job = rotated.cycle.job(JobKind.HOOK, RELOAD)
    assert job
    with caplog.at_level(logging.INFO, "rotator.services.schedule.cycle"):
        job.run()
    [line] = [each for each in caplog.records if each.name == "rotator.services.schedule.cycle"]
    assert (line.getMessage(), line.levelno) == (message, level)
    told = {name: vars(line)[name] for name in ("hook", "credential", "hook_event")}
    assert told == {"hook": "reload", "credential": "billing", "hook_event": "rotated"}


@pytest.mark.parametrize(
    ("kind", "label"), [(JobKind.INVENTORY, "inventory"), (JobKind.MAINTENANCE, "maintenance"), ("store", "store")]
)
def test_what_is_tried_has_a_name_for_people_be_it_a_job_or_not(kind: str, label: str) -> None:
    assert label_of(kind) == label
