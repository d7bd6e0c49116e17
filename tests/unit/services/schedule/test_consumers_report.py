"""What consumers say ends a grace sooner, or keeps a previous version, as the configuration has it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.usage.told_reports import ToldReport
from rotator.errors import OrgUnavailable
from rotator.history.usage.consumer_reports import MOST_CONSUMERS, ConsumerReports
from rotator.salesforce.access.login_history import LoginsHidden
from rotator.services.alerting.kinds import UNMOVED
from rotator.testing.versions import MOMENT
from tests.tiers import longer, thorough
from tests.unit.services.bench import NOW
from tests.unit.services.cycle_bench import CycleBench, cycle_bench
from tests.unit.services.schedule.test_left_behind_told import MINUTE, crowded, logged_in, look

if TYPE_CHECKING:
    from collections.abc import Collection

    from rotator.core.credentials import Fingerprint
    from rotator.history.engine.database import Database

pytestmark = longer


def with_consumers(database: Database, more: str = "") -> CycleBench:
    made = cycle_bench(database, options=f", consumers: [batch, web]{more}")
    made.bench.use("Billing")
    made.work()
    made.bench.rotation_service().handle(NOW)
    return made


def says(bench: CycleBench, consumer: str, fingerprint: Fingerprint) -> None:
    now = bench.bench.time
    ConsumerReports(bench.context.database).note(
        "billing", consumer, fingerprint, logged_in_at=now, via="post", now=now
    )


def kept(bench: CycleBench) -> bool:
    """Whether the previous version is kept."""
    return bench.bench.store.staged.previous is not None


def test_a_consumer_that_reports_is_counted_and_the_last_one_ends_the_grace(database: Database) -> None:
    made = with_consumers(database, ", retire: when_confirmed")
    stages = made.bench.store.staged
    assert stages.current
    assert stages.previous
    says(made, "batch", stages.current)
    says(made, "web", stages.previous)
    look(made)
    made.work()
    assert made.bench.store.staged.previous == stages.previous
    says(made, "web", stages.current)
    look(made)
    made.work()
    assert made.bench.store.staged.previous is None


def test_a_grace_is_not_ended_sooner_while_somebody_is_refused(database: Database) -> None:
    made = with_consumers(database, ", retire: when_confirmed")
    current = made.bench.store.staged.current
    assert current
    for name in ("batch", "web"):
        says(made, name, current)
    logged_in(made, made.bench.time + 20 * MINUTE)
    look(made)
    look(made)
    made.work()
    assert made.bench.store.staged.previous is not None
    look(made, timedelta(days=7))
    made.work()
    assert made.bench.store.staged.previous is None


@pytest.mark.parametrize("was_seen", [False, True])
def test_a_grace_is_not_ended_sooner_while_too_many_logins_hide_who_uses_the_old_key(
    database: Database, *, was_seen: bool
) -> None:
    made = with_consumers(database, ", retire: when_confirmed")
    current = made.bench.store.staged.current
    assert current
    if was_seen:
        look(made)
        made.bench.time += MINUTE
    for name in ("batch", "web"):
        says(made, name, current)
    crowded(made)
    for _ in range(2):
        look(made)
        made.work()
    assert kept(made)
    look(made, timedelta(days=7))
    made.work()
    assert not kept(made)


def test_who_was_seen_on_the_old_key_counts_while_the_org_hides_who_logs_in(database: Database) -> None:
    made = with_consumers(database, ", retire: when_confirmed")
    current = made.bench.store.staged.current
    assert current
    logged_in(made, made.bench.time + 20 * MINUTE)
    look(made)
    for name in ("batch", "web"):
        says(made, name, current)
    made.outside.logins.fails = OrgUnavailable("The org is away.")
    for _ in range(2):
        look(made)
        made.work()
    assert kept(made)


def test_where_nobody_can_be_seen_what_consumers_say_is_enough(database: Database) -> None:
    made = with_consumers(database, ", retire: when_confirmed")
    current = made.bench.store.staged.current
    assert current
    made.outside.logins.fails = LoginsHidden("The org does not show who logs in.")
    for name in ("batch", "web"):
        says(made, name, current)
    for _ in range(2):
        look(made)
        made.work()
    assert not kept(made)


def test_what_consumers_leave_in_the_store_is_read_in_the_grace(database: Database) -> None:
    made = with_consumers(database)
    current = made.bench.store.staged.current
    assert current
    asked = list[str]()

    def reports(credential: str, consumers: Collection[str]) -> list[ToldReport]:
        asked.append(credential)
        return [ToldReport(name, current, made.bench.time) for name in consumers]

    vars(made.bench.store)["reports"] = reports
    look(made)
    assert [each.consumer for each in ConsumerReports(database).all()["billing"]] == ["batch", "web"]
    look(made, timedelta(days=7))
    made.work()
    asked.clear()
    look(made)
    assert asked == []


def test_who_has_not_said_so_is_told_before_the_end_and_waited_for_only_where_that_is_required(
    database: Database,
) -> None:
    made = with_consumers(database, ", require_confirmation: true")
    current = made.bench.store.staged.current
    assert current
    says(made, "batch", current)
    look(made, timedelta(days=5, hours=1))
    told = made.alert("unmoved:billing")
    assert "web has not said so." in told.text
    assert "It is kept until each of its consumers has said" in told.meanwhile
    assert told.title == "The previous version of billing in production is kept, and not all consumers have moved"
    look(made, timedelta(days=30))
    made.work()
    assert kept(made)
    later = made.alert("unmoved:billing")
    assert (later.title, later.is_open) == (told.title, True)
    assert "Ends" not in later.facts
    assert "grace" not in later.to_do
    says(made, "web", current)
    look(made)
    made.work()
    assert not kept(made)
    look(made)
    assert UNMOVED not in made.open_kinds()


@thorough
def test_of_more_consumers_than_are_kept_the_one_that_was_silent_for_longest_goes(database: Database) -> None:
    reports = ConsumerReports(database)
    for number in range(MOST_CONSUMERS + 1):
        at = MOMENT + number * MINUTE
        assert reports.note("billing", f"batch{number}", "ab" * 32, logged_in_at=at, via="post", now=at)
    reports.note("warehouse", "web", "ab" * 32, logged_in_at=MOMENT, via="post", now=MOMENT)
    kept = reports.all()
    assert len(kept["billing"]) == MOST_CONSUMERS
    assert "batch0" not in {each.consumer for each in kept["billing"]}
    assert len(kept["warehouse"]) == 1


def test_a_grace_that_is_over_is_not_said_to_end_while_a_pause_holds_up_the_end_of_its_version(
    database: Database,
) -> None:
    made = with_consumers(database, ", require_confirmation: true")
    current = made.bench.store.staged.current
    assert current
    logged_in(made, made.bench.time - timedelta(hours=1), "Success")
    look(made, timedelta(days=5, hours=1))
    assert UNMOVED in made.open_kinds()
    for name in ("batch", "web"):
        says(made, name, current)
    look(made)
    alert = made.alert("unmoved:billing")
    assert "ends on 2026-01-22" in alert.title
    made.bench.time += timedelta(days=3)
    made.cycle.take_inventory("production")
    assert kept(made)
    assert made.alert("unmoved:billing").closed_why == "The grace of its previous version is over."
