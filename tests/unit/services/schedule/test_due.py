"""What is due for a credential follows from one observation of it, and so does when something is due next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from rotator.config.loading import parse
from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import HaltReason
from rotator.core.decision.observations import Observation
from rotator.core.decision.policies import Goal, Policy, Wanted
from rotator.core.observed import KnownVersion, ObservedApp
from rotator.core.schedule import ALWAYS, NextDue, Schedule
from rotator.core.windows import Cron
from rotator.services.inventory.schedules import Schedules
from rotator.services.schedule.due import DueAction, circumstances_of, due_now, next_due_after
from tests.unit.services.conftest import CONFIGURATION

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = Policy()
LASTS = timedelta(minutes=45)
WHOLE = parse(CONFIGURATION, Path("/nowhere/config.yaml"))
SETTINGS = WHOLE.credentials["warehouse"]


def version(name: str, app: str = "A", days: float = 365) -> KnownVersion:
    """A stored version with so many days left."""
    return KnownVersion(Fingerprint(name), app, f"key of {name}", NOW + days * DAY)


def seen(
    current: KnownVersion | None, previous: KnownVersion | None = None, *, pending: KnownVersion | None = None
) -> Observation:
    """Two apps that hold current's and previous' certificates, promoted ten days ago."""
    held = {each.app: each.fingerprint for each in (previous, current) if each}
    apps = {name: ObservedApp(name, live=held.get(name)) for name in ("A", "B")}
    return Observation(apps, pending=pending, current=current, previous=previous, promoted_at=NOW - 10 * DAY)


def action(found: Observation, begun: Wanted | None = None) -> DueAction:
    return due_now(found, begun, POLICY, NOW).action


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (seen(None), DueAction.NOTHING),
        (seen(version("current")), DueAction.NOTHING),
        (seen(version("current", days=30.1)), DueAction.NOTHING),
        (seen(version("current", days=30)), DueAction.REPLACE),
        (seen(version("current", days=-1)), DueAction.REPLACE),
        (seen(version("current"), version("previous", "B")), DueAction.RETIRE),
        (seen(version("current", days=5), version("previous", "B")), DueAction.RETIRE),
        (seen(version("current"), pending=version("pending", "B")), DueAction.FINISH),
    ],
)
def test_an_observation_says_what_is_due(found: Observation, expected: DueAction) -> None:
    assert action(found) is expected


def test_while_consumers_may_be_refused_the_login_that_tells_is_due_at_once() -> None:
    assert action(replace(seen(version("current")), gap_is_open=True)) is DueAction.FINISH


@pytest.mark.parametrize(("days", "expected"), [(365, DueAction.NOTHING), (5, DueAction.PERSON)])
def test_a_look_at_what_an_app_does_not_show_is_no_reason_to_begin(days: float, expected: DueAction) -> None:
    found = seen(version("current", days=days))
    assert action(replace(found, apps={name: ObservedApp(name, hidden=True) for name in ("A", "B")})) is expected


def test_what_was_begun_is_finished_even_if_nothing_of_it_was_done() -> None:
    assert action(seen(version("current")), Wanted(Goal.REPLACE, version=Fingerprint("current"))) is DueAction.FINISH
    assert action(seen(version("current")), Wanted(Goal.REPLACE, version=Fingerprint("earlier"))) is DueAction.FINISH


def test_drift_needs_a_person_whether_anything_is_due_or_not() -> None:
    for days in (5, 300):
        found = seen(version("current", days=days))
        apps = {**found.apps, "A": ObservedApp("A", live=Fingerprint("somebody's"))}
        answer = due_now(replace(found, apps=apps), None, POLICY, NOW)
        assert (answer.action, answer.end.halt) == (DueAction.PERSON, HaltReason.DRIFT)


def test_a_standby_app_that_nobody_knows_needs_a_person_once_it_is_due() -> None:
    for days, expected in ((300, DueAction.NOTHING), (5, DueAction.PERSON)):
        found = seen(version("current", days=days))
        apps = {**found.apps, "B": ObservedApp("B", live=Fingerprint("somebody's"))}
        assert action(replace(found, apps=apps)) is expected


@pytest.mark.parametrize("previous_lasts", [19, 365], ids=["as usual", "brought back"])
def test_what_could_only_wait_for_the_grace_to_end_is_not_begun(previous_lasts: float) -> None:
    previous = version("previous", "B", days=previous_lasts)
    found = replace(seen(version("current", days=20), previous), promoted_at=NOW - DAY)
    answer = due_now(found, None, POLICY, NOW)
    assert (answer.action, answer.wait_until) == (DueAction.NOTHING, NOW + 6 * DAY)
    assert next_due_after(found, answer, SETTINGS, NOW).due_at == NOW + 6 * DAY


@pytest.mark.parametrize(
    ("days", "waits"),
    [(20, 6 * DAY), (4, 3 * DAY), (-1, 6 * DAY), (-0.5, 6 * DAY)],
    ids=["for the grace", "not beyond its last day", "had expired", "expired since"],
)
def test_what_a_person_brought_back_is_left_alone_though_it_is_due(days: float, waits: timedelta) -> None:
    older, newer = version("old", days=days), version("new")
    found = replace(seen(older, newer), apps={"A": ObservedApp("A", live=older.fingerprint)}, promoted_at=NOW - DAY)
    answer = due_now(found, None, POLICY, NOW)
    assert (answer.action, answer.wait_until) == (DueAction.NOTHING, NOW + waits)
    assert next_due_after(found, answer, SETTINGS, NOW).due_at == NOW + waits
    assert due_now(found, None, POLICY, NOW + waits).action in {DueAction.REPLACE, DueAction.RETIRE}


def test_it_is_known_when_something_is_due_next() -> None:
    found = replace(seen(version("current"), version("previous", "B")), promoted_at=NOW - DAY)
    next_due = next_due_after(found, due_now(found, None, POLICY, NOW), SETTINGS, NOW)
    assert next_due == NextDue(expires_at=NOW + 365 * DAY, due_at=NOW + 335 * DAY, retires_at=NOW + 6 * DAY)
    assert not next_due.is_due(ALWAYS, NOW)
    assert next_due.is_due(ALWAYS, NOW + 6 * DAY), "the grace has ended"
    assert next_due.is_due(ALWAYS, NOW + 335 * DAY)


def test_a_version_that_is_still_in_use_after_its_grace_is_not_asked_for_again_and_again() -> None:
    found = replace(seen(version("current"), version("previous", "B")), promoted_at=NOW - 10 * DAY)
    answer = replace(due_now(found, None, POLICY, NOW), action=DueAction.NOTHING)
    assert next_due_after(found, answer, SETTINGS, NOW).retires_at is None


def test_what_is_half_done_is_due_whatever_the_window() -> None:
    in_years = Cron("0 0 29 2 *", timedelta(hours=1), ZoneInfo("UTC"))
    assert NextDue(is_half_done=True).is_due(Schedule(windows=[in_years]), NOW)


def test_what_is_due_waits_for_the_window_as_long_as_there_is_time() -> None:
    due = NextDue(expires_at=NOW + 30 * DAY, due_at=NOW, retires_at=NOW)
    waits = Schedule(windows=[Cron("0 12 24 11 *", timedelta(hours=1), ZoneInfo("UTC"))], lasts=LASTS)
    assert not due.is_due(waits, NOW)
    assert due.is_due(waits, NOW + DAY)
    assert NextDue(expires_at=NOW + DAY / 2, due_at=NOW).is_due(waits, NOW), "it would be too late"


def test_of_what_is_not_stored_nothing_is_due() -> None:
    assert next_due_after(seen(None), due_now(seen(None), None, POLICY, NOW), SETTINGS, NOW) == NextDue()
    assert not NextDue().is_due(ALWAYS, NOW)


def test_the_circumstances_are_the_same_until_something_changes_that_an_attempt_depends_on() -> None:
    found = seen(version("current"))
    before = circumstances_of(found, SETTINGS)
    assert before == circumstances_of(replace(found, promoted_at=NOW), SETTINGS)
    assert before != circumstances_of(seen(version("other")), SETTINGS)
    assert before != circumstances_of(replace(found, pending=version("pending")), SETTINGS)
    assert before != circumstances_of(
        replace(found, apps={**found.apps, "B": ObservedApp("B", live=Fingerprint("x"))}), SETTINGS
    )
    assert before != circumstances_of(found, SETTINGS.model_copy(update={"lifetime": DAY}))
    for whom in ("owner", "notify"):
        assert before == circumstances_of(found, SETTINGS.model_copy(update={whom: ["others"]})), "who hears of it"


def test_another_throwaway_certificate_is_no_change() -> None:
    digests = {
        circumstances_of(_with_throwaway(Fingerprint(name)), SETTINGS)
        for name in ("one throwaway", "another throwaway")
    }
    assert len(digests) == 1


def test_a_rotation_may_take_as_long_as_it_tries_and_is_taken_back() -> None:
    assert Schedules(WHOLE).of("warehouse") == Schedule(windows=[], standstills=[], lasts=timedelta(minutes=45))


def _with_throwaway(fingerprint: Fingerprint) -> Observation:
    found = seen(version("current"))
    return replace(found, apps={**found.apps, "B": ObservedApp("B", live=fingerprint, throwaway=True)})
