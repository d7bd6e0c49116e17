"""Pauses, freezes, manual credentials and the first start: what the service begins, what it leaves, what it tells."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rotator.core.actor import Actor
from rotator.core.severity import Severity
from rotator.errors import OrgUnavailable
from rotator.history.journal.queries import events, rotations
from rotator.history.standstills import Standstills
from rotator.services.rotation.requests import Request
from rotator.testing.versions import MOMENT
from tests.tiers import longer, of_tier, standard_first
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.history.engine.database import Database

pytestmark = longer

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DUE = 336 * DAY
"""After which a year's certificate has less than 30 days left."""
ANA = Actor("ana@crm")
MANUAL = ", mode: manual"


def used(database: Database, options: str = "", first_rotations_after: str = "0s") -> CycleBench:
    """One app in use, with a year left, seen by the service."""
    found = cycle_bench(database, options=options, first_rotations_after=first_rotations_after)
    found.bench.use("Billing")
    return found


def frozen(since: datetime, until: datetime) -> str:
    return f", freezes: [{{from: '{since:%Y-%m-%dT%H:%M}', until: '{until:%Y-%m-%dT%H:%M}', reason: year-end}}]"


def pause(one: CycleBench, scope: str = "credential billing", *, until: datetime | None = None) -> None:
    Standstills(one.context.database).pause(scope, until=until, reason="audit", actor=ANA, now=one.bench.time)


def resume(one: CycleBench, scope: str = "credential billing") -> None:
    assert Standstills(one.context.database).resume(scope, reason="", actor=ANA, now=one.bench.time)


def outcomes(one: CycleBench) -> list[str | None]:
    return [each.outcome for each in rotations(one.context.database)]


def work_on(one: CycleBench, *days: float) -> None:
    """The service works on these days after the first."""
    for day in days:
        one.bench.time = MOMENT + day * DAY
        one.work()


def pass_days(one: CycleBench, *days: float) -> None:
    """It works after so many days, and after so many more."""
    for more in days:
        one.bench.time += more * DAY
        one.work()


def told(one: CycleBench, word: str) -> list[str]:
    return [message.title for message in one.outside.told if word in message.title]


@pytest.mark.parametrize("scope", standard_first(["credential billing", "org production", "all"], ["org production"]))
def test_what_is_paused_is_not_rotated_and_is_when_it_is_resumed(database: Database, scope: str) -> None:
    one = used(database)
    one.work()
    pause(one, scope)
    one.bench.time += DUE
    pass_days(one, 0, 1)
    assert outcomes(one) == []
    assert one.rotation.failures == 0
    resume(one, scope)
    one.work()
    assert outcomes(one) == ["rotated"]


@pytest.mark.parametrize("scope", ["credential other", "org other"])
def test_what_something_else_is_paused_for_is_rotated(database: Database, scope: str) -> None:
    one = used(database)
    one.work()
    pause(one, scope)
    one.bench.time += DUE
    one.work()
    assert outcomes(one) == ["rotated"]


def test_a_pause_that_ends_by_itself_needs_nobody(database: Database) -> None:
    one = used(database)
    one.work()
    one.bench.time += DUE
    pause(one, until=one.bench.time + 3 * DAY)
    pass_days(one, 2)
    assert outcomes(one) == []
    pass_days(one, 1)
    assert outcomes(one) == ["rotated"]
    assert told(one, "paused") == [], "it would have expired long after"


def test_a_pause_outlives_the_process(database: Database) -> None:
    one = used(database)
    one.work()
    pause(one)
    one.bench.time += DUE
    one.restart()
    pass_days(one, 0, 1)
    assert outcomes(one) == []


@pytest.mark.parametrize("event", standard_first(["upload_begins", "promote"], ["upload_begins"]))
@pytest.mark.parametrize("options", ["", MANUAL, frozen(MOMENT - DAY, MOMENT + 30 * DAY)])
def test_what_is_half_done_goes_on(database: Database, options: str, event: str) -> None:
    one = used(database, options=options)
    one.bench.die_before(event, lambda service: service.handle(Request("replace", Actor("somebody"))))
    pause(one)
    one.work()
    [rotation] = rotations(database)
    assert (rotation.outcome, rotation.actor) == ("rotated", "somebody")


def test_a_pause_that_comes_while_a_rotation_is_about_to_begin_is_kept(database: Database) -> None:
    one = used(database)
    one.work()
    one.bench.time += DUE
    sweep = one.bench.store.sweep

    def paused_meanwhile(name: str) -> int:
        pause(one)
        return sweep(name)

    one.bench.store.sweep = paused_meanwhile  # type: ignore[method-assign,assignment]
    one.work()
    assert (outcomes(one), one.rotation.failures) == ([], 0)
    one.bench.store.sweep = sweep  # type: ignore[method-assign]
    resume(one)
    one.bench.time += timedelta(minutes=1)
    one.work()
    assert outcomes(one) == ["rotated"]


def test_after_the_grace_the_previous_version_waits_for_the_end_of_a_pause(database: Database) -> None:
    one = used(database)
    one.work()
    one.bench.time += DUE
    one.work()
    pause(one, "all")
    pass_days(one, 9)
    assert one.bench.store.staged.previous
    resume(one, "all")
    one.work()
    assert one.bench.store.staged.previous is None


def test_in_mode_manual_people_are_told_at_every_threshold_and_begin_it(database: Database) -> None:
    one = used(database, options=MANUAL)
    work_on(one, 0, 304, 306)
    [alert] = one.context.history.alerts.open_alerts(kind="expiry")
    assert "which people rotate (`mode: manual`)" in alert.text
    assert "`rotate now billing`" in alert.to_do
    work_on(one, 336, 352)
    assert outcomes(one) == []
    assert len([message for message in one.outside.told if message.key.startswith(alert.id)]) == 3, "60, 30, 14 days"
    assert one.bench.handle().outcome == "rotated"
    pass_days(one, 1, 8)
    assert one.open_kinds() == set()
    assert one.bench.store.staged.previous is None, "what a person began is ended"


def test_a_certificate_that_a_pause_would_let_expire_is_told_once_and_loudly_when_it_is_due(database: Database) -> None:
    one = used(database)
    one.work()
    pause(one)
    work_on(one, 330, 334)
    assert told(one, "paused") == []
    work_on(one, 336, 337, 338)
    assert told(one, "paused") == ["billing in production expires on 2027-01-15, and its rotation is paused"]
    alert = one.alert("held:billing")
    assert (alert.severity, alert.fingerprint) == (Severity.CRITICAL, one.bench.current.fingerprint)
    assert "paused by ana@crm until somebody resumes it: audit" in alert.text
    assert alert.meanwhile == "By schedule its rotation does not begin, and nothing overrides that."
    assert "`rotate now billing` rotates it all the same; `rotator resume billing`" in alert.to_do
    resume(one)
    pass_days(one, 1)
    assert outcomes(one) == ["rotated"]
    assert "held" not in one.open_kinds()


def test_a_freeze_that_would_let_one_expire_is_told_a_week_before_the_last_moment(database: Database) -> None:
    ends = MOMENT + 365 * DAY
    options = f", rotate_before: 5d{frozen(ends - 20 * DAY, ends + DAY)}"
    one = used(database, options=options)
    work_on(one, 0, 337)
    assert told(one, "frozen") == []
    work_on(one, 338, 339)
    assert told(one, "frozen") == ["billing in production expires on 2027-01-15, and its rotation is frozen"]
    assert "The last moment to begin is 2026-12-26 11:59 UTC" in one.alert("held:billing").to_do
    work_on(one, 350)
    assert "The last moment to begin was 2026-12-26 11:59 UTC" in one.alert("held:billing").to_do
    assert one.bench.handle().outcome == "rotated"
    pass_days(one, 1)
    assert "held" not in one.open_kinds()


def test_freezes_are_in_the_journal_as_soon_as_the_service_has_them(database: Database) -> None:
    one = used(database, options=frozen(MOMENT + DAY, MOMENT + 3 * DAY))
    work_on(one, 0, 2, 4)
    [noted] = [event for event in events(database) if event.kind == "freeze"]
    assert (noted.details["reason"], noted.details["actor"]) == ("year-end", "rotator on a test")


class TestTheFirstStart:
    def test_begins_nothing_for_a_day_and_tells_at_once_what_it_will_do(
        self, database: Database, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "rotator.services.schedule.standstill_watch")
        one = used(database, first_rotations_after="24h")
        one.bench.time += DUE
        one.work()
        assert outcomes(one) == []
        [title] = told(one, "for the first time")
        assert title == "rotator is at work here for the first time, and rotates from 2026-12-18 12:00 UTC on"
        [line] = [each for each in caplog.records if each.name.endswith("standstill_watch")]
        assert line.__dict__["until"] == one.bench.time + DAY
        [alert] = [each for each in one.context.history.alerts.all() if each.kind == "first-start"]
        assert alert.severity is Severity.INFO
        assert "Then begins the rotation of billing (2026-12-18 12:00 UTC)." in alert.meanwhile
        one.bench.time += 23 * HOUR
        one.restart()
        one.work()
        assert outcomes(one) == []
        one.bench.time += HOUR
        one.work()
        assert outcomes(one) == ["rotated"]
        assert len(told(one, "for the first time")) == 1

    def test_says_also_what_is_not_due_and_what_people_begin(self, database: Database) -> None:
        one = used(database, first_rotations_after="24h", options=MANUAL)
        one.work()
        [alert] = [each for each in one.context.history.alerts.all() if each.kind == "first-start"]
        assert "People rotate billing (`mode: manual`)." in alert.meanwhile

    def test_is_told_though_an_org_cannot_be_read(self, database: Database) -> None:
        one = used(database, first_rotations_after="24h")
        one.outside.org_fails = OrgUnavailable("Away.", hint="Wait.")
        one.work()
        one.bench.time += HOUR
        one.work()
        [alert] = [each for each in one.context.history.alerts.all() if each.kind == "first-start"]
        assert "Nothing is known yet of billing" in alert.meanwhile

    def test_a_database_that_has_rotated_is_not_held_up(self, database: Database) -> None:
        one = used(database, first_rotations_after="24h")
        one.bench.handle()
        one.bench.time += DUE
        one.work()
        assert outcomes(one) == ["rotated", "rotated"]
        assert told(one, "for the first time") == []

    def test_what_a_person_rotates_meanwhile_lets_nothing_else_begin(self, database: Database) -> None:
        one = used(database, first_rotations_after="24h")
        one.work()
        one.bench.handle()
        assert Standstills(database).first_start(ANA, one.bench.time).until is None

    def test_a_certificate_that_ends_before_that_is_told_loudly(self, database: Database) -> None:
        one = used(database, first_rotations_after="72h")
        one.bench.time += 363 * DAY
        one.work()
        assert told(one, "not begun yet") == [
            "billing in production expires on 2027-01-15, and its rotation is not begun yet"
        ]


DEEDS = st.lists(
    st.sampled_from(["pause", "resume", "pause all", "resume all", "a day", "a month", "rotate", "crash", "restart"]),
    max_size=12,
)


@settings(
    max_examples=of_tier(3, thorough=12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deeds=DEEDS, is_manual=st.booleans())
def test_whatever_people_do_nothing_that_is_paused_or_manual_is_begun_by_schedule(
    empty_history: Callable[[], Database], deeds: list[str], is_manual: bool
) -> None:
    database = empty_history()
    one = used(database, options=MANUAL if is_manual else "")
    kept = Standstills(database)
    for deed in deeds:
        scope = "all" if deed.endswith("all") else "credential billing"
        match deed.split()[0]:
            case "pause":
                pause(one, scope)
            case "resume":
                kept.resume(scope, reason="", actor=ANA, now=one.bench.time)
            case "a":
                one.bench.time += DAY if "day" in deed else 31 * DAY
            case "rotate":
                one.bench.handle()
            case "crash":
                one.bench.die_before("promote", lambda service: service.handle(Request("replace", ANA)))
                one.restart()
            case _:
                one.restart()
        begun = len(rotations(database))
        is_held = is_manual or any(each.covers(one.bench.time) for each in kept.all() if each.scope)
        one.work()
        assert not (is_held and len(rotations(database)) > begun), "the schedule began something"
        assert one.context.history.journal.open_rotation("billing") is None, "what is half done goes on"
    for scope in ("all", "credential billing"):
        kept.resume(scope, reason="", actor=ANA, now=one.bench.time)
    begun = len(rotations(database))
    one.bench.time += 400 * DAY
    one.work()
    assert (len(rotations(database)) > begun) != is_manual
