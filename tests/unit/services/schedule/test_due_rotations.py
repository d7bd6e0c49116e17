"""Which rotations are due, and in which order they begin where there is no room for all of them at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.actor import Actor
from rotator.core.attempts import AttemptRecord
from rotator.core.decision.actions import HaltReason
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.schedule import AT_ONCE, NextDue, Standstill, Why
from rotator.history.journal.journal import Journal
from rotator.history.journal.queries import rotations
from rotator.history.records import NewRotation
from rotator.services.schedule.context import ServiceContext
from rotator.services.schedule.due_rotations import RotationJobs
from rotator.services.schedule.jobs import JobKind
from rotator.testing.versions import MOMENT
from tests.tiers import longer
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rotator.config.settings import Settings
    from rotator.core.credentials import Version
    from rotator.history.engine.database import Database


HOUR = timedelta(hours=1)


def _no_adapters(*, limited: bool = False) -> AbstractContextManager[Any]:
    raise AssertionError(f"nothing is opened to find what is due (limited: {limited})")


def test_what_was_begun_comes_before_what_was_not(settings: Settings, database: Database) -> None:
    context = ServiceContext(settings, database, _no_adapters, lambda: MOMENT, lambda: 0.5, Actor("rotator on a test"))
    context.memory.next_dues.put(dict.fromkeys(settings.credentials, NextDue(due_at=MOMENT, expires_at=MOMENT)))
    jobs = RotationJobs(context)

    assert jobs.due(context.moment()) == ["billing", "warehouse", "management"]

    for name in ("management", "warehouse"):
        new = NewRotation(credential=name, org="any", strategy="in_place", trigger="schedule", actor="alex")
        begun = Journal(database).begin_rotation(new, MOMENT)
        if name == "warehouse":
            Journal(database).finish_rotation(begun.id, outcome="rotated", now=MOMENT)
    assert jobs.due(context.moment()) == ["management", "billing", "warehouse"]


def begun(database: Database, name: str) -> None:
    """A rotation that nobody has finished."""
    new = NewRotation(credential=name, org="any", strategy="in_place", trigger="schedule", actor="alex")
    Journal(database).begin_rotation(new, MOMENT)


def test_of_two_what_was_begun_comes_first_as_well(settings: Settings, database: Database) -> None:
    context = ServiceContext(settings, database, _no_adapters, lambda: MOMENT, lambda: 0.5, Actor("rotator on a test"))
    is_due = NextDue(due_at=MOMENT, expires_at=MOMENT)
    context.memory.next_dues.put({"billing": is_due, "warehouse": NextDue(), "management": is_due})
    begun(database, "management")
    assert RotationJobs(context).due(context.moment()) == ["management", "billing"]


def test_what_was_looked_at_is_due_once_its_time_has_come(settings: Settings, database: Database) -> None:
    now = [MOMENT]
    context = ServiceContext(settings, database, _no_adapters, lambda: now[0], lambda: 0.5, Actor("rotator on a test"))
    in_an_hour = NextDue(due_at=MOMENT + HOUR, expires_at=MOMENT + 700 * HOUR)
    context.memory.next_dues.put({**dict.fromkeys(settings.credentials, NextDue()), "billing": in_an_hour})
    jobs = RotationJobs(context)
    assert jobs.due(context.moment()) == []
    now[0] += HOUR
    assert jobs.due(context.moment()) == ["billing"]


def test_after_a_start_what_was_left_open_goes_on_before_the_inventory_unless_it_keeps_failing(
    settings: Settings, database: Database
) -> None:
    context = ServiceContext(settings, database, _no_adapters, lambda: MOMENT, lambda: 0.5, Actor("rotator on a test"))
    begun(database, "billing")
    assert RotationJobs(context).due(context.moment(), inventories=settings.orgs) == ["billing"]
    attempt = AttemptRecord(JobKind.ROTATE, "billing")
    for _ in range(AT_ONCE):
        attempt = attempt.failed(MOMENT, context.back_off, problem="The org is away.")
    context.history.attempts.put(attempt)
    assert RotationJobs(context).due(context.moment(), inventories=settings.orgs) == []


@pytest.fixture
def quiet(database: Database) -> CycleBench:
    """A service that knows its credential, of which nothing is due for months."""
    found = cycle_bench(database)
    found.bench.use("Billing")
    found.work()
    assert not found.due()
    return found


@longer
def test_what_a_command_beside_the_service_left_half_done_goes_on_at_the_next_tick(quiet: CycleBench) -> None:
    quiet.bench.die_before("promote")
    assert quiet.due() == {"rotate billing"}, "its consumers are refused: nobody waits for the next inventory"
    quiet.work()
    [rotation] = rotations(quiet.context.database)
    assert rotation.outcome == "rotated"
    assert not quiet.due()


def test_what_another_process_is_at_is_left_to_it(quiet: CycleBench) -> None:
    locks = quiet.bench.database.rotation_locks(quiet.bench.now)
    with locks.hold("billing"):
        quiet.bench.journal.begin_rotation(
            NewRotation(credential="billing", org="production", strategy="in_place", trigger="manual", actor="alex"),
            quiet.bench.time,
        )
        assert not quiet.due()
    assert quiet.due() == {"rotate billing"}


NOT_APPROVED = LoginAnswer(LoginOutcome.CONFIGURATION, "user hasn't approved this consumer", "Approve the user.")


def refuse_the_new_one(found: CycleBench) -> None:
    """What is new is refused once its certificate is there, for what only a person can mend."""
    old = found.bench.store.staged.current

    def refused(version: Version) -> LoginAnswer | None:
        live = found.bench.live["Billing"]
        return NOT_APPROVED if live and live.fingerprint == version.fingerprint != old else None

    found.bench.refuses = refused


def test_where_a_command_stopped_for_a_person_the_service_does_not_get_in_the_way_before_its_next_inventory(
    quiet: CycleBench,
) -> None:
    refuse_the_new_one(quiet)
    assert quiet.bench.handle().outcome == "halted"
    assert "rotate billing" not in quiet.due()
    quiet.cycle.take_inventory("production")
    assert "rotate billing" in quiet.due()


@longer
def test_that_a_command_stopped_while_consumers_are_refused_is_told_though_the_org_is_away(quiet: CycleBench) -> None:
    refuse_the_new_one(quiet)
    quiet.bench.handle()
    quiet.cycle.evaluate()
    quiet.cycle.evaluate()
    [alert] = quiet.context.history.alerts.open_alerts()
    assert (alert.kind, alert.credential, alert.org) == ("refused", "billing", "production")
    assert "user hasn't approved this consumer" in alert.text
    assert "Approve the user." in alert.to_do


def test_that_a_command_stopped_before_anything_was_changed_is_told_as_that(quiet: CycleBench) -> None:
    quiet.bench.refuses = lambda _: NOT_APPROVED
    assert quiet.bench.handle().outcome == "halted"
    quiet.cycle.evaluate()
    [alert] = quiet.context.history.alerts.open_alerts()
    assert (alert.kind, alert.credential, alert.org) == ("halted", "billing", "production")
    assert "user hasn't approved this consumer" in alert.text
    assert alert.meanwhile.startswith("The next one begins when it is due"), "nothing was begun that could go on"


def test_of_what_nobody_stopped_nothing_is_told(quiet: CycleBench) -> None:
    quiet.cycle.evaluate()
    assert quiet.context.history.alerts.open_alerts() == []


def test_what_a_pause_held_up_is_due_once_it_is_over(settings: Settings, database: Database) -> None:
    """Also where nothing else has changed."""
    context = ServiceContext(settings, database, _no_adapters, lambda: MOMENT, lambda: 0.5, Actor("rotator on a test"))
    context.memory.next_dues.put(
        dict.fromkeys(settings.credentials, NextDue(due_at=MOMENT, expires_at=MOMENT + 9 * HOUR))
    )
    jobs, moment = RotationJobs(context), context.moment()
    paused = Standstill(why=Why.PAUSE, since=MOMENT, reason="audit", by="ana", scope="all")
    held = replace(moment, standstills={"all": paused})
    assert jobs.due(held) == []
    assert jobs.due(held) == []
    assert jobs.due(replace(moment, standstills={})) == [*settings.credentials]


@pytest.mark.parametrize("reason", [HaltReason.NOTHING_STORED, HaltReason.LOST, None])
def test_what_stopped_for_a_person_half_way_is_left_to_him_whatever_the_reason(
    settings: Settings, database: Database, reason: HaltReason | None
) -> None:
    context = ServiceContext(settings, database, _no_adapters, lambda: MOMENT, lambda: 0.5, Actor("rotator on a test"))
    context.memory.next_dues.put(
        dict.fromkeys(settings.credentials, NextDue(due_at=MOMENT + HOUR, expires_at=MOMENT + 9 * HOUR))
    )
    begun(database, "billing")
    if reason:
        Journal(database).record(
            "stopped", now=MOMENT, credential="billing", error="It stopped.", halt=reason, needs_person=True
        )
    assert RotationJobs(context).due(context.moment()) == ([] if reason else ["billing"])
