"""When inventories are due, what is evaluated between them, and what the log says of those that come to nothing."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from rotator.core.attempts import AttemptRecord
from rotator.core.observed import Kind, ObservedCertificate
from rotator.errors import OrgError, OrgUnavailable
from rotator.salesforce.inventory.reading import Unread
from rotator.services.alerting.kinds import STORE
from rotator.services.schedule import inventory_job
from rotator.services.schedule.inventory_job import InventoryJobs
from rotator.services.schedule.jobs import JobKind, Moment
from rotator.services.schedule.standstill_watch import StandstillWatch
from rotator.testing.versions import MOMENT, make_version
from tests.tiers import longer
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.history.engine.database import Database

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
AWAY = OrgUnavailable("The org is away.", rerun="Run it again.")
LOOKED = AttemptRecord(JobKind.INVENTORY, "production").succeeded(MOMENT)


@pytest.fixture
def one(database: Database) -> CycleBench:
    """An org with one credential that has a year left."""
    found = cycle_bench(database)
    found.bench.use("Billing")
    return found


def test_inventories_of_many_orgs_are_spread_over_all_of_the_jitter_and_come_never_early(database: Database) -> None:
    context = cycle_bench(database, daemon=", inventory_every: 2h, jitter: 1h").context
    pauses = set()
    for number in range(60):
        jobs = InventoryJobs(replace(context, random=partial(float, number)), StandstillWatch(context))
        at = jobs._due_from("production", Moment(MOMENT, {"production": {JobKind.INVENTORY: LOOKED}}, {}, ()))
        assert at
        pauses.add(at - MOMENT)
    assert min(pauses) >= 2 * HOUR
    assert max(pauses) <= 3 * HOUR
    assert max(pauses) - min(pauses) > timedelta(minutes=50)


@longer
def test_a_threshold_of_what_was_seen_last_is_told_though_the_org_is_away_by_then(one: CycleBench) -> None:
    """Until when nothing can be crossed is found anew after each inventory, and not by the one before."""
    for _ in range(2):
        one.work()
        one.bench.time += 2 * HOUR
    soon = make_version("Other", now=MOMENT - 304 * DAY).certificate
    one.outside.others = [ObservedCertificate(org="production", app="Other", type="ConnectedApp").holding(soon)]
    one.work()
    assert one.open_kinds() == set()
    one.outside.org_fails = AWAY
    for later in (HOUR, 2 * DAY):
        # Once more while nothing is crossed: it is not forgotten until the next inventory.
        assert one.open_kinds() == set()
        one.bench.time += later
        one.cycle.evaluate()
    one.bench.time += HOUR
    assert "evaluate" in one.due()
    one.cycle.evaluate()
    [alert] = [each for each in one.context.history.alerts.open_alerts() if each.kind == "expiry"]
    assert alert.app == "Other"


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    """What inventories have logged, and about what."""
    mine = [each for each in caplog.records if each.name == "rotator.services.schedule.inventory_job"]
    about = ("org", "app", "again_at", "until")
    return [(each.getMessage(), {name: vars(each)[name] for name in about if name in vars(each)}) for each in mine]


def test_the_log_says_which_org_cannot_be_read_why_and_when_it_is_tried_again(
    one: CycleBench, caplog: pytest.LogCaptureFixture
) -> None:
    one.outside.org_fails = AWAY
    one.cycle.take_inventory("production")
    about = {"org": "production", "again_at": one.inventory.next_at}
    assert lines(caplog) == [("cannot be read: The org is away.", about)]


def test_the_log_says_until_when_an_org_at_its_limits_is_left_alone(
    one: CycleBench, caplog: pytest.LogCaptureFixture
) -> None:
    one.outside.full_until = MOMENT + HOUR
    with caplog.at_level(logging.INFO):
        one.cycle.take_inventory("production")
    about = {"org": "production", "until": MOMENT + HOUR}
    assert lines(caplog) == [("put off: the limits of the org are reached", about)]


def test_of_an_org_that_another_process_has_looked_at_meanwhile_nothing_is_written_down(
    one: CycleBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looked = one.inventory.succeeded(MOMENT + MINUTE)
    read = one.outside.inventory

    def read_while_another_does(org: str, **options: Any) -> Any:
        one.context.history.attempts.put(looked)
        return read(org, **options)

    monkeypatch.setattr(one.outside, "inventory", read_while_another_does)
    one.cycle.take_inventory("production")
    assert one.inventory == looked
    assert one.context.memory.next_dues.get("billing") is None
    assert lines(caplog) == [("another process has looked at the org meanwhile", {"org": "production"})]


def test_the_log_says_of_which_app_the_org_did_not_date_the_change(
    one: CycleBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one.cycle.take_inventory("production")
    read = one.outside.inventory("production")
    other = replace(read.entries[0].holding(make_version().certificate), is_undated=True)
    monkeypatch.setattr(one.outside, "inventory", lambda _org, **_: replace(read, entries=(other,)))
    one.cycle.take_inventory("production")
    about = {"org": "production", "app": "Billing"}
    assert lines(caplog) == [("changed, and the org's date of its last change did not", about)]


def due(one: CycleBench, now: datetime, *, store_failed: bool = False, store_next: datetime | None = None) -> bool:
    """Whether the org is due now, whose last look was at MOMENT, and whose store failed by then."""
    jobs = InventoryJobs(one.context, StandstillWatch(one.context))
    store = AttemptRecord(STORE, "keys", last_at=MOMENT, failures=int(store_failed), next_at=store_next)
    other = AttemptRecord(STORE, "another", last_at=MOMENT, failures=1)
    attempts: dict[str, dict[str, AttemptRecord]] = {
        "production": {JobKind.INVENTORY: LOOKED},
        "keys": {STORE: store},
        "another": {STORE: other},
    }
    return jobs.due(Moment(now, attempts, {}, ())) == ["production"]


def test_a_store_that_failed_is_asked_again_before_the_next_inventory(one: CycleBench) -> None:
    """And one that no credential of the org is kept in is not waited for."""
    soon = MOMENT + 5 * MINUTE
    assert not due(one, soon)
    assert due(one, soon, store_failed=True, store_next=soon)
    assert not due(one, soon - MINUTE, store_failed=True, store_next=soon)


def test_a_store_that_fails_in_between_has_the_org_looked_at_again(one: CycleBench) -> None:
    jobs, soon = InventoryJobs(one.context, StandstillWatch(one.context)), MOMENT + 5 * MINUTE
    before: dict[str, dict[str, AttemptRecord]] = {"production": {JobKind.INVENTORY: LOOKED}}
    failed = AttemptRecord(STORE, "keys", last_at=MOMENT, failures=1, next_at=soon)
    assert jobs.due(Moment(MOMENT, before, {}, ())) == []
    assert jobs.due(Moment(soon, {**before, "keys": {STORE: failed}}, {}, ())) == ["production"]


def test_between_two_looks_at_a_store_that_failed_the_org_is_due_when_it_is_itself(one: CycleBench) -> None:
    every = one.context.settings.daemon.inventory_every + one.context.settings.daemon.jitter
    jobs = InventoryJobs(one.context, StandstillWatch(one.context))
    far = MOMENT + 30 * DAY
    store = AttemptRecord(STORE, "keys", last_at=MOMENT, failures=1, next_at=far)
    attempts: dict[str, dict[str, AttemptRecord]] = {"production": {JobKind.INVENTORY: LOOKED}, "keys": {STORE: store}}
    at = jobs._due_from("production", Moment(MOMENT + MINUTE, attempts, {}, ()))
    assert at
    assert at <= MOMENT + every


def test_an_org_that_was_asked_for_is_due_at_once(one: CycleBench) -> None:
    assert not due(one, MOMENT + MINUTE)
    one.context.memory.asked.put({"production": True})
    assert due(one, MOMENT + MINUTE)


def test_what_is_next_due_is_left_together_with_what_was_seen_or_not_at_all(
    one: CycleBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Mock(wraps=one.context.memory.next_dues.put)
    monkeypatch.setattr(one.context.memory.next_dues, "put", put)
    one.cycle.take_inventory("production")
    [left, _] = put.call_args_list
    assert left.args[0].keys() == {"billing"}
    assert left.kwargs["within"] is not None


def test_an_inventory_keeps_within_the_limits_of_the_org(one: CycleBench) -> None:
    one.cycle.take_inventory("production")
    assert one.outside.limited == [True]


def test_that_an_org_is_away_is_told_at_once_when_it_has_failed_often_enough(one: CycleBench) -> None:
    """Before that it may be a hiccup."""
    one.outside.org_fails = AWAY
    sent = []
    for _ in range(3):
        one.cycle.take_inventory("production")
        alert = one.alert("org:production")
        sent.append(len(one.context.history.outbox.notifications(alert.id)))
    assert sent == [0, 0, 1]


def test_of_a_type_that_an_org_does_not_show_no_alert_of_a_certificate_ends(one: CycleBench) -> None:
    soon = make_version("Other", now=MOMENT - 345 * DAY).certificate
    kind = Kind.IDENTITY_PROVIDER
    one.outside.others = [ObservedCertificate(org="production", app="Other", type=kind).holding(soon)]
    one.cycle.take_inventory("production")
    assert one.open_kinds() == {"expiry"}
    renewed = make_version("Other", now=MOMENT).certificate
    one.outside.unread = (Unread(kind, OrgError("It shows none.")),)
    one.outside.others = []
    one.cycle.take_inventory("production")
    assert "expiry" in one.open_kinds(), "it may be there still"
    one.outside.unread = (Unread(kind, OrgError("This one is damaged."), "Third"),)
    one.outside.others = [ObservedCertificate(org="production", app="Other", type=kind).holding(renewed)]
    one.cycle.take_inventory("production")
    assert "expiry" not in one.open_kinds(), "the others of its type are shown"


def test_of_a_credential_that_is_half_rotated_no_alert_ends_as_its_new_certificate_may_be_taken_back(
    database: Database,
) -> None:
    one = cycle_bench(database, options=", mode: manual")
    one.bench.use("Billing")
    one.bench.time += 350 * DAY
    one.cycle.take_inventory("production")
    assert "expiry" in one.open_kinds()
    one.bench.die_before("promote")
    one.cycle.take_inventory("production")
    assert "expiry" in one.open_kinds()
    one.cycle.evaluate()
    assert "expiry" in one.open_kinds()


def test_an_org_that_keeps_failing_is_known_as_such_among_what_is_due(one: CycleBench) -> None:
    one.outside.org_fails = AWAY
    one.cycle.take_inventory("production")
    one.bench.time += HOUR
    [look] = [job for job in one.cycle.due() if job.kind is JobKind.INVENTORY]
    assert look.has_failed
    one.outside.org_fails = None
    one.cycle.take_inventory("production")
    one.bench.time += DAY
    [look] = [job for job in one.cycle.due() if job.kind is JobKind.INVENTORY]
    assert not look.has_failed


class Let:
    """Whether somebody is let in again who was not, by credential; and of which that was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **news: bool) -> None:
        self.asked: list[str] = []
        self._news = news
        monkeypatch.setattr(inventory_job, "note_who_is_let_in", self._note)

    def _note(self, context: Any, *_: object) -> bool:
        self.asked.append(context.name)
        if context.name not in self._news:
            raise OrgError("It is not shown.")
        return self._news[context.name]


def revoked(name: str, *, may_return: bool = True, rotation: object = None, running: object = None) -> Any:
    known = SimpleNamespace(access_may_return=may_return)
    return SimpleNamespace(credential=name, life=SimpleNamespace(revoked=known, rotation=rotation, running=running))


def test_who_is_let_in_is_asked_of_each_that_was_revoked_by_access_and_is_at_rest(
    one: CycleBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    let = Let(monkeypatch, first=True, last=False)
    adapters: Any = SimpleNamespace(credential_context=lambda name: SimpleNamespace(name=name), access=lambda _: None)
    used = SimpleNamespace(credential="used", life=SimpleNamespace(revoked=None, rotation=None, running=None))
    credentials = [
        used,
        revoked("by key", may_return=False),
        revoked("begun", rotation=object()),
        revoked("at work", running=object()),
        revoked("first"),
        revoked("hidden"),
        revoked("last"),
    ]
    jobs = InventoryJobs(one.context, StandstillWatch(one.context))
    assert jobs._see_who_is_let_in(adapters, credentials)
    assert let.asked == ["first", "hidden", "last"]
    assert not jobs._see_who_is_let_in(adapters, [revoked("last")])


@pytest.mark.parametrize(("is_away", "is_news", "looks"), [(False, True, 2), (False, False, 1), (True, True, 1)])
def test_an_org_is_looked_at_once_more_where_somebody_is_let_in_again(
    one: CycleBench, monkeypatch: pytest.MonkeyPatch, looks: int, *, is_away: bool, is_news: bool
) -> None:
    looked: list[str] = []
    read = one.outside.inventory

    def inventory(org: str, **options: Any) -> Any:
        looked.append(org)
        return read(org, **options)

    monkeypatch.setattr(one.outside, "inventory", inventory)
    monkeypatch.setattr(InventoryJobs, "_see_who_is_let_in", lambda *_: is_news)
    one.outside.org_fails = AWAY if is_away else None
    one.cycle.take_inventory("production")
    assert len(looked) == looks
