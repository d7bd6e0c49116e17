"""What is due, and that it is done once."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.alerts.base import DeliveryFailed
from rotator.core.credentials import Stages
from rotator.core.observed import ObservedCertificate
from rotator.core.severity import Severity
from rotator.errors import DaemonRunning, LoginRefused, OrgUnavailable, StoreUnavailable
from rotator.history.sightings import last_sightings
from rotator.salesforce.budget import LimitReached
from rotator.services.alerting.delivery import BACK_OFF
from rotator.services.alerting.kinds import STORE
from rotator.services.schedule.jobs import CycleEnd, Job, JobKind
from rotator.testing.versions import MOMENT, make_version
from tests.tiers import longer
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.history.engine.database import Database

pytestmark = longer

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
AWAY = OrgUnavailable("The org is away.", rerun="Run it again.")
REFUSED = LoginRefused("The org refuses the login.", hint="Look at the app.")


@pytest.fixture
def one(database: Database) -> CycleBench:
    """An org with one credential that has a year left."""
    found = cycle_bench(database, is_neglected=True)
    found.bench.use("Billing")
    return found


def test_at_first_everything_is_due_but_what_the_inventory_will_tell(one: CycleBench) -> None:
    assert one.due() == {"inventory production", "evaluate", "audit", "maintenance"}


def test_what_was_done_is_not_due_again_before_its_time(one: CycleBench) -> None:
    one.work()
    assert one.due() == set()
    one.bench.time += HOUR / 2
    assert one.due() == {"evaluate"}
    one.bench.time += HOUR / 2 + timedelta(minutes=2)
    assert one.due() == {"inventory production", "evaluate"}
    one.work()
    assert one.due() == set()


def test_another_process_does_nothing_twice_and_observes_what_it_does_not_know(one: CycleBench) -> None:
    one.work()
    one.restart()
    assert one.due() == {"rotate billing"}
    one.work()
    assert one.bench.writes == {}


@pytest.mark.parametrize("shift", [3 * HOUR, 400 * DAY])
def test_a_clock_that_was_set_back_postpones_nothing(one: CycleBench, shift: timedelta) -> None:
    one.work()
    one.bench.time -= shift
    assert {"inventory production", "evaluate", "maintenance"} <= one.due()
    one.work()
    assert one.due() == set()


def test_inventories_are_spread_and_stay_where_they_are(one: CycleBench) -> None:
    one.work()
    one.bench.time += HOUR
    answers = [one.due() for _ in range(3)]
    one.bench.time += timedelta(minutes=2)
    assert len({frozenset(answer) for answer in answers}) == 1
    assert "inventory production" in one.due()


def test_a_job_is_named_by_what_it_does_and_to_what() -> None:
    job = Job(JobKind.INVENTORY, "production", lambda: None)
    assert (str(job), job.key) == ("inventory production", (JobKind.INVENTORY, "production"))
    assert job == Job(JobKind.INVENTORY, "production", print)


def test_what_is_due_can_be_done_by_whoever_is_told_its_kind_and_name(one: CycleBench) -> None:
    """Another machine finds it due, and says no more of it than that."""
    due = one.cycle.due()
    assert due
    for job in due:
        same = one.cycle.job(job.kind, job.name)
        assert same == job
    for job in due:
        same = one.cycle.job(job.kind, job.name)
        assert same
        same.run()
    assert not {job.key for job in due} & {job.key for job in one.cycle.due()}
    for kind in (JobKind.INVENTORY, JobKind.ROTATE, JobKind.DELIVER, JobKind.HOOK):
        assert one.cycle.job(kind, "of another configuration") is None


def test_what_an_org_holds_is_recorded_together_with_the_success(one: CycleBench) -> None:
    one.work()
    assert [each.app for each in last_sightings(one.context.database)] == ["Billing"]
    assert one.inventory.last_good_at == MOMENT
    assert one.context.history.attempts.get(STORE, "keys").last_good_at == MOMENT


def test_every_adapter_that_was_opened_is_closed(one: CycleBench) -> None:
    one.outside.org_fails = AWAY
    one.work()
    one.outside.org_fails = None
    one.bench.time += DAY
    one.work()
    assert one.outside.opened == 0


def test_an_org_that_is_away_is_left_alone_for_longer_and_longer(one: CycleBench) -> None:
    one.outside.org_fails = AWAY
    pauses = []
    for _ in range(9):
        one.cycle.take_inventory("production")
        assert one.inventory.next_at
        pauses.append(one.inventory.next_at - one.bench.time)
        one.bench.time = one.inventory.next_at
    assert pauses[0] == timedelta(minutes=5) * 0.875
    assert pauses[1] == 2 * pauses[0]
    assert pauses[-1] == pauses[-2] == timedelta(hours=6) * 0.875
    assert not one.inventory.needs_attention, "time may mend it"


def test_an_org_that_refuses_the_login_needs_attention_after_a_while(one: CycleBench) -> None:
    one.outside.org_fails = REFUSED
    for _ in range(5):
        one.cycle.take_inventory("production")
    assert one.inventory.needs_attention
    assert one.inventory.hint == REFUSED.hint


def test_a_hiccup_of_an_org_is_no_news_and_its_outage_is_told_from_beginning_to_end(one: CycleBench) -> None:
    one.outside.org_fails = AWAY
    one.work()
    assert one.outside.told == []
    for _ in range(3):
        one.bench.time += HOUR
        one.work()
    assert [message.title for message in one.outside.told] == ["The org production cannot be read"]
    one.outside.org_fails = None
    one.bench.time += DAY
    one.work()
    assert "again" in one.outside.told[-1].text
    assert one.open_kinds() == set()


def test_thresholds_of_an_org_that_is_away_are_told_by_what_was_last_seen(one: CycleBench) -> None:
    expires = make_version(now=MOMENT - DAY, lifetime=62 * DAY).certificate
    one.outside.others.append(ObservedCertificate(org="production", app="Legacy").holding(expires))
    one.work()
    assert one.outside.told == []
    one.outside.org_fails = AWAY
    one.bench.time += 2 * DAY
    one.work()
    assert "The certificate of Legacy in production expires" in one.outside.told[0].title


def test_what_vanished_is_told_once(one: CycleBench) -> None:
    one.outside.others.append(ObservedCertificate(org="production", app="Legacy").holding(make_version().certificate))
    one.work()
    one.outside.others.clear()
    for _ in range(3):
        one.bench.time += 2 * HOUR
        one.work()
    assert [message.title for message in one.outside.told] == ["Legacy is gone from production"]


def test_a_store_that_cannot_be_read_is_told_when_it_stays_away_and_when_it_is_back(one: CycleBench) -> None:
    one.outside.store_fails = StoreUnavailable("The store is away.", hint="Wait.")
    one.work()
    one.bench.time += 2 * HOUR
    one.work()
    assert one.context.history.attempts.get(STORE, "keys").failures == 2
    assert one.open_kinds() == {"store"}
    one.outside.store_fails = None
    one.bench.time += 2 * HOUR
    one.work()
    assert one.open_kinds() == set()
    assert [message.title.partition(":")[0] for message in one.outside.told] == [
        "The store keys cannot be read",
        "Settled",
    ]


def test_a_store_that_was_away_for_a_moment_is_no_news(one: CycleBench) -> None:
    one.outside.store_fails = StoreUnavailable("The store is away.", hint="Wait.")
    one.work()
    one.outside.store_fails = None
    one.bench.time += timedelta(minutes=7)
    assert "inventory production" in one.due(), "long before the hour is over"
    one.work()
    one.bench.time += HOUR / 2
    one.work()
    assert (one.open_kinds(), one.outside.told) == (set(), [])


def test_a_credential_that_is_not_stored_is_told_once_and_not_rotated(database: Database) -> None:
    found = cycle_bench(database, is_neglected=True)
    found.bench.live["Billing"] = make_version().certificate
    found.work()
    found.bench.time += 2 * HOUR
    found.work()
    assert [message.title for message in found.outside.told] == ["billing is configured and not in its store"]
    assert found.bench.writes == {}


def test_drift_is_told_until_it_is_over(one: CycleBench) -> None:
    held = one.bench.live["Billing"]
    one.bench.live["Billing"] = make_version().certificate
    one.work()
    assert one.open_kinds() == {"drift"}
    one.bench.live["Billing"] = held
    one.bench.time += 2 * HOUR
    one.work()
    assert one.open_kinds() == set()
    assert len(one.outside.told) == 2


def test_of_an_app_that_holds_the_certificate_of_the_version_before_that_is_said(one: CycleBench) -> None:
    before = one.bench.current
    one.bench.time += 340 * DAY
    one.work()
    assert one.bench.current != before
    one.bench.live["Billing"] = before.certificate
    one.bench.time += 2 * HOUR
    one.work()
    [alert] = [each for each in one.context.history.alerts.open_alerts() if each.kind == "drift"]
    assert alert.fingerprint == before.fingerprint
    assert "that of the previous version" in alert.text


def test_a_store_that_has_lost_a_credential_is_told_and_settles_nothing(one: CycleBench) -> None:
    one.bench.handle()
    one.bench.live["Billing"] = make_version().certificate
    one.work()
    kept, one.bench.store.staged = one.bench.store.staged, Stages()
    one.bench.time += 2 * HOUR
    one.work()
    one.cycle.rotate("billing")
    assert one.open_kinds() == {"drift", "unstored"}, "nobody knows whether the certificate is a known one"
    lost = one.alert("unstored:billing")
    assert (lost.title, lost.severity) == ("billing is gone from the store keys", Severity.CRITICAL)
    one.bench.store.staged = kept
    one.bench.time += 2 * HOUR
    one.work()
    assert one.open_kinds() == {"drift"}


def test_an_org_that_only_a_person_can_open_again_is_told_as_that(one: CycleBench) -> None:
    one.outside.org_fails = REFUSED
    for _ in range(6):
        one.work()
        one.bench.time += 8 * HOUR
    assert one.rotation.needs_attention, "the credential, too, which is told with its org"
    titles = [message.title for message in one.outside.told]
    assert titles == [
        "The org production cannot be read",
        "The org production could not be read 5 times in a row and needs a person",
    ]
    one.outside.org_fails = None
    one.work()
    assert one.open_kinds() == set()


def test_an_org_at_its_limits_is_put_off_and_has_not_failed(one: CycleBench) -> None:
    one.outside.full_until = MOMENT + HOUR
    one.work()
    assert (one.inventory.failures, one.inventory.next_at, one.inventory.last_good_at) == (0, MOMENT + HOUR, None)
    assert last_sightings(one.context.database) == []
    one.bench.time += HOUR
    one.work()
    assert one.inventory.last_good_at == one.bench.time


def test_an_inventory_that_reaches_the_limits_on_its_way_is_put_off_too(one: CycleBench) -> None:
    one.outside.org_fails = LimitReached("The limit is reached.", hint="Wait.")
    one.work()
    assert one.inventory.failures == 0
    assert True in one.outside.limited


def test_a_heartbeat_follows_each_full_cycle_and_no_other(one: CycleBench) -> None:
    one.work()
    assert len(one.outside.beats) == 1
    one.bench.time += HOUR / 2
    one.work()
    assert len(one.outside.beats) == 1
    one.bench.time += HOUR
    one.work()
    assert len(one.outside.beats) == 2


def test_a_heartbeat_waits_for_what_is_due_and_was_not_tried(one: CycleBench) -> None:
    one.work()
    one.bench.time += 400 * DAY
    jobs = {job.kind: job for job in one.cycle.due()}
    jobs[JobKind.INVENTORY].run()
    assert JobKind.HEARTBEAT not in {job.kind for job in one.cycle.due()}
    jobs[JobKind.ROTATE].run()
    assert JobKind.HEARTBEAT in {job.kind for job in one.cycle.due()}


def test_an_org_that_is_known_to_fail_does_not_silence_the_heartbeat(one: CycleBench) -> None:
    one.outside.org_fails = AWAY
    for _ in range(12):
        one.bench.time += HOUR / 2
        one.work()
    assert len(one.outside.beats) == 6


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_chance_spreads_the_attempts_at_a_channel_that_failed_for_many(database: Database, chance: float) -> None:
    one = cycle_bench(database, is_neglected=True, random=lambda: chance)
    one.bench.use("Billing")
    one.bench.time += 340 * DAY
    one.outside.channel_fails = DeliveryFailed("Slack is away.", hint="Wait.")
    one.work()
    failed = one.context.history.attempts.get(JobKind.DELIVER, "slack")
    assert failed.failures == 1
    assert failed.next_at == one.bench.time + BACK_OFF.pause(1, chance)


def test_a_monitor_that_is_away_is_no_alert(one: CycleBench, caplog: pytest.LogCaptureFixture) -> None:
    one.outside.monitor_fails = True
    one.work()
    assert "heartbeat failed" in caplog.text
    assert one.due() == set()
    assert one.open_kinds() == set()


def test_one_cycle_takes_the_inventory_of_every_org_and_says_what_is_failing(one: CycleBench) -> None:
    assert one.cycle.once().end is CycleEnd.WELL
    assert one.outside.beats == [MOMENT]
    one.outside.org_fails = AWAY
    result = one.cycle.once()
    assert (result.end, [attempt.name for attempt in result.failing]) == (CycleEnd.AWAY, ["production"])
    one.outside.org_fails = REFUSED
    assert one.cycle.once().end is CycleEnd.ATTENTION


def test_one_cycle_may_be_run_in_threads_of_the_callers(one: CycleBench) -> None:
    waves: list[list[str]] = []

    def run_all(jobs: Sequence[Job]) -> None:
        waves.append([str(job) for job in jobs])
        for job in jobs:
            job.run()

    one.bench.time += 340 * DAY
    one.cycle.once(run_all)
    assert waves == [["inventory production"], ["rotate billing"], ["deliver slack"]]
    assert one.bench.writes == {"Billing": 1}


def test_one_daemon_works_at_a_time(one: CycleBench) -> None:
    locks = one.context.database.rotation_locks(one.bench.now)
    with one.cycle.lead(locks) as hold:
        assert hold.still_held()
        told = pytest.raises(DaemonRunning, match=r"works on this database: process \d+ on")
        with told as other, one.cycle.lead(locks):
            pytest.fail("both work")
        assert other.value.transient
        assert other.value.holder
        assert other.value.holder.pid == os.getpid()
    with one.cycle.lead(locks):
        pass
