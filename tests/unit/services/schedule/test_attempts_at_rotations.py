"""What one attempt at a rotation leaves behind: its record, what is next due, and the line of the log."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.actor import Actor
from rotator.core.attempts import AttemptRecord
from rotator.core.credentials import Stages
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.schedule import NextDue
from rotator.errors import OrgError
from rotator.history.journal.queries import rotations
from rotator.services.alerting.kinds import rotation_trouble
from rotator.services.rotation.gap import MeasuredGap
from rotator.services.rotation.report import Outcome
from rotator.services.rotation.requests import Request
from rotator.services.schedule.jobs import JobKind
from rotator.testing.versions import MOMENT, make_version
from tests.contract.history.databases import NEW_ALERT
from tests.unit.services.bench import Died
from tests.unit.services.cycle_bench import CycleBench, cycle_bench
from tests.unit.services.rotation_attempts import DAY, DUE, HOUR, attempted, ends, made_due, note, report

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

CEILING = 6 * HOUR
MISMATCH = LoginAnswer(LoginOutcome.MISMATCH, "no match")
TROUBLE = rotation_trouble("billing")
LOGGER = "rotator.services.schedule.rotation_job"


@pytest.fixture
def one(database: Database) -> CycleBench:
    """One app, whose certificate is due."""
    return made_due(cycle_bench(database))


def test_a_run_that_has_to_wait_has_not_failed_and_goes_on_at_its_time(one: CycleBench) -> None:
    again_at = one.bench.time + 40 * HOUR
    ends(one, report(Outcome.WAITING, again_at=again_at))
    attempted(one)
    assert (one.rotation.failures, one.rotation.next_at, one.rotation.problem) == (0, again_at, "")


def test_the_log_says_how_a_run_ended_and_where_the_credential_stands(
    one: CycleBench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    ends(one, report(Outcome.NOTHING, gap=MeasuredGap(MOMENT, MOMENT, timedelta(seconds=1, microseconds=234567))))
    attempted(one)
    [line] = [vars(each) | {"text": each.getMessage()} for each in caplog.records]
    assert (line["text"], line["credential"], line["why"]) == ("the run ended: nothing", "billing", "So it went.")
    assert line["gap_seconds"] == 1.235
    assert line["state"]


@pytest.mark.parametrize("has_run", [False, True])
def test_the_log_says_why_nothing_was_rotated_and_after_a_run_where_that_left_it(
    one: CycleBench, caplog: pytest.LogCaptureFixture, *, has_run: bool
) -> None:
    error = OrgError("The org refuses.")
    if has_run:
        ends(one, error)
    else:
        one.outside.org_fails = error
    attempted(one)
    [line] = [vars(each) | {"text": each.getMessage()} for each in caplog.records]
    assert (line["text"], line["credential"]) == ("not rotated: The org refuses.", "billing")
    assert line["again_at"]
    assert ("state" in line) == has_run


def test_what_needs_a_person_before_anything_is_begun_left_nothing_behind(
    one: CycleBench, caplog: pytest.LogCaptureFixture
) -> None:
    one.bench.live["Billing"] = make_version().certificate
    attempted(one)
    assert "state" not in vars(caplog.records[-1])
    assert rotations(one.context.database) == []


def test_an_attempt_that_fails_keeps_in_what_circumstances_and_is_told_by_when_it_goes_on(one: CycleBench) -> None:
    ends(one, OrgError("The org refuses.", hint="Look."))
    job = attempted(one)
    assert one.rotation.circumstances
    assert one.alert(TROUBLE).again_at == one.rotation.next_at
    note(one, JobKind.ROTATE, "billing", 0)
    one.outside.org_fails = OrgError("The org refuses.")
    assert job.next_due is None


def test_after_a_run_that_failed_what_is_next_due_is_known_of_both_versions(database: Database) -> None:
    found = cycle_bench(database, "billing", apps="Billing, Standby")
    made_due(found)
    attempted(found)
    ended_at = found.bench.time
    assert found.bench.store.staged.previous
    found.bench.time += DUE
    ends(found, OrgError("The org refuses."))
    job = attempted(found)
    assert job.next_due
    assert job.next_due.retires_at
    assert ended_at < job.next_due.retires_at < ended_at + 8 * DAY
    assert job.next_due.due_at


def test_a_version_that_is_due_and_waits_for_its_window_is_looked_at_then(database: Database) -> None:
    found = made_due(cycle_bench(database, options=", windows: [{days: [sat], since: '22:00', until: '23:00'}]"))
    while found.bench.time.weekday() != 0:
        found.bench.time += DAY
    job = attempted(found)
    assert rotations(database) == []
    assert job.next_due
    assert job.next_due.due_at
    assert job.next_due.due_at <= found.bench.time
    assert (found.rotation.last_at, found.rotation.next_at) == (found.bench.time, None)


def test_where_nothing_is_stored_and_nothing_to_be_done_what_was_wrong_before_stays_so(one: CycleBench) -> None:
    one.bench.store.staged = Stages()
    one.bench.live["Billing"] = None
    note(one, JobKind.ROTATE, "billing", 2)
    job = attempted(one)
    assert rotations(one.context.database) == []
    assert (one.rotation.failures, one.rotation.last_at) == (2, one.bench.time)
    assert job.next_due == NextDue()


@pytest.mark.parametrize(("failures", "is_open"), [(0, True), (1, False)])
def test_what_is_not_due_ends_an_alert_where_the_attempt_before_had_failed(
    database: Database, failures: int, *, is_open: bool
) -> None:
    found = cycle_bench(database)
    found.bench.use("Billing")
    note(found, JobKind.ROTATE, "billing", failures)
    new = replace(NEW_ALERT, kind="drift", key="drift:billing", credential="billing")
    found.context.history.alerting.problem(new, found.bench.time)
    job = attempted(found)
    assert job.next_due
    assert (found.open_kinds() == {"drift"}) == is_open


def refuse_new_keys(found: CycleBench) -> None:
    known = found.bench.store.staged.current
    found.bench.refuses = lambda version: None if version.fingerprint == known else MISMATCH


def test_a_persons_run_that_was_taken_back_is_heeded_with_its_words_and_not_repeated(one: CycleBench) -> None:
    refuse_new_keys(one)
    assert one.bench.handle().outcome is Outcome.REVERTED
    attempted(one)
    assert [each.outcome for each in rotations(one.context.database)] == ["reverted"]
    record = one.context.history.journal.credential_record("billing")
    kept = one.rotation
    assert (kept.needs_attention, kept.failures, kept.lasting) == (True, 1, 1)
    assert kept.problem
    assert (kept.problem, kept.hint) == (record.halted_why, record.halted_hint)
    assert (kept.last_at, kept.next_at) == (one.bench.time, one.bench.time + CEILING)
    one.bench.time += DAY
    attempted(one)
    assert (one.rotation.last_at, one.rotation.next_at) == (one.bench.time, one.bench.time + CEILING)
    assert len(rotations(one.context.database)) == 1


def test_in_other_circumstances_it_is_counted_anew_and_stays_a_persons(one: CycleBench) -> None:
    history = one.context.history
    before = AttemptRecord(
        JobKind.ROTATE,
        "billing",
        last_at=one.bench.time - HOUR,
        failures=7,
        lasting=5,
        next_at=one.bench.time - HOUR,
        needs_attention=True,
        circumstances="others",
    )
    history.attempts.put(before)
    ends(one, report(Outcome.INTERRUPTED))
    attempted(one)
    kept = one.rotation
    assert (kept.failures, kept.lasting, kept.next_at, kept.needs_attention) == (0, 0, None, True)


def test_what_is_taken_back_with_an_app_of_one_is_left_with_what_to_do(one: CycleBench) -> None:
    gap = MeasuredGap(MOMENT, MOMENT, timedelta(minutes=3))
    ends(one, report(Outcome.REVERTED, hint="Look at the login history.", gap=gap))
    attempted(one)
    assert (one.rotation.hint, one.rotation.needs_attention) == ("Look at the login history.", True)


def test_where_nobody_was_refused_it_is_tried_again_after_the_longest_pause(
    one: CycleBench, caplog: pytest.LogCaptureFixture
) -> None:
    ends(one, report(Outcome.REVERTED))
    attempted(one)
    assert (one.rotation.needs_attention, one.rotation.next_at) == (False, one.bench.time + CEILING)
    assert one.rotation.circumstances
    assert vars(caplog.records[-1])["state"]


def test_a_rotation_that_was_begun_is_ended_as_it_was_asked_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`rotate back` that died before it wrote anything of itself goes on, where nothing would be begun."""
    found = cycle_bench(database, "billing", apps="Billing, Standby")
    made_due(found)
    attempted(found)
    before = found.bench.store.staged

    def die(*_: object) -> None:
        raise Died

    monkeypatch.setattr(found.bench.store, "recall", die)
    with pytest.raises(Died):
        found.bench.handle(Request("back", Actor("ada")))
    assert found.bench.store.staged == before
    assert found.context.history.journal.open_rotation("billing")
    asked = ends(found, report(Outcome.NOTHING))
    attempted(found)
    [request] = asked
    assert (request.goal, request.trigger) == ("", "schedule")
