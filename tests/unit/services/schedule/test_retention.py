"""What an org makes grow has a bound: one that renames its apps before each inventory leaves no more than another."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from rotator.core.actor import Actor
from rotator.core.observed import Kind, ObservedCertificate, place
from rotator.history import retention
from rotator.history.engine.tables import ALERT, METADATA
from rotator.history.journal import queries, verification
from rotator.history.kept.kept_rows import KeptRows
from rotator.history.kept.parts import ALERTS, STANDING
from rotator.history.sightings import last_sightings, sightings_of
from tests.tiers import longer, more_in_thorough, of_tier, thorough
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.core.crypto.certificates import Certificate
    from rotator.history.engine.database import Database

pytestmark = longer

DAY = timedelta(days=1)
APPS, MOST, DAYS = 4, 6, of_tier(17, thorough=30)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bounds, low enough for a short life."""
    monkeypatch.setattr(retention, "MOST_GONE", MOST)
    monkeypatch.setattr(retention, "MOST_ENDED", MOST)


@pytest.fixture
def one(database: Database, few: None) -> CycleBench:  # noqa: ARG001 - a fixture
    bench = cycle_bench(database, is_neglected=True)
    bench.bench.use("Billing")
    return bench


@pytest.fixture
def expiring(one: CycleBench) -> list[Certificate]:
    """Those that a hostile org shows in turn."""
    return [one.bench.version("Other", days=5).certificate for _ in range(4)]


def rows(database: Database) -> dict[str, int]:
    """How many there are in each table."""
    with database.reading() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in METADATA.sorted_tables
        }


@more_in_thorough
def test_an_org_that_renames_its_apps_at_each_inventory_leaves_a_bounded_history(
    one: CycleBench, database: Database, expiring: list[Certificate]
) -> None:
    numbers, before = count(), last_sightings(database)
    assert before == []
    seen: dict[str, list[int]] = {}
    for day in range(DAYS):
        names = [f"Renamed_{next(numbers)}" for _ in range(APPS)]
        one.outside.others = [
            ObservedCertificate(org="production", app=name).holding(expiring[(day + at) % len(expiring)])
            for at, name in enumerate(names)
        ]
        one.cycle.take_inventory("production")
        one.cycle.evaluate()
        one.work()
        one.bench.time += DAY
        for name, number in rows(database).items():
            seen.setdefault(name, []).append(number)

    assert next(numbers) >= DAYS * APPS
    # Of a day what was gone and ended is there, and what is there now.
    assert max(seen["sighting"]) <= MOST + 2 * APPS + 10
    assert max(seen["alert"]) <= MOST + 3 * APPS + 10
    for name, numbers_seen in seen.items():
        early, late = max(numbers_seen[5:10]), max(numbers_seen[15:])
        assert late <= early + APPS, f"{name} grows: {numbers_seen}"
    assert verification.verify(database).intact
    standing = last_sightings(database, "production")
    assert {each.app for each in standing if not each.is_vanished} == {"Billing", *names}
    assert len(KeptRows(database).read(STANDING).of(STANDING)["production"]) == APPS + 1


@thorough
def test_what_is_configured_and_what_people_took_on_is_never_forgotten(
    one: CycleBench, database: Database, expiring: list[Certificate]
) -> None:
    billing = one.bench.current.certificate
    one.outside.others = [ObservedCertificate(org="production", app="Legacy").holding(expiring[0])]
    one.cycle.take_inventory("production")
    (alert,) = [each for each in one.context.history.alerts.open_alerts() if each.app == "Legacy"]
    one.context.history.alerts.acknowledge(alert.id, actor=Actor("ada"), reason="known", now=one.bench.time)
    one.outside.others = []
    one.bench.live.clear()
    one.cycle.take_inventory("production")
    for number in range(3 * MOST):
        one.bench.time += DAY
        one.outside.others = [ObservedCertificate(org="production", app=f"Other_{number}").holding(expiring[1])]
        one.cycle.take_inventory("production")
    one.bench.time += retention.KEPT
    retention.forget(database, one.bench.time, {"production": {place(Kind.APP, "Billing")}})

    assert [each.app for each in sightings_of(database, billing.fingerprint)] == ["Billing"]
    assert one.context.history.alerts.get(alert.id).acknowledged_why == "known"
    assert not [each for each in last_sightings(database) if each.app == "Legacy"]
    assert verification.verify(database).intact
    assert queries.events(database)


def test_what_is_over_is_known_for_a_year(one: CycleBench, database: Database, expiring: list[Certificate]) -> None:
    one.outside.others = [ObservedCertificate(org="production", app="Legacy").holding(expiring[0])]
    one.cycle.take_inventory("production")
    one.outside.others = []
    one.cycle.take_inventory("production")
    one.cycle.evaluate()
    settings = {"production": {place(Kind.APP, "Billing")}}
    assert not any(retention.forget(database, one.bench.time + retention.KEPT, settings).values())

    forgotten = retention.forget(database, one.bench.time + retention.KEPT + 8 * DAY, settings)
    assert forgotten["sightings"] == 1
    assert forgotten["certificates"] == 1
    assert forgotten["alerts"] >= 1
    assert [each.app for each in last_sightings(database)] == ["Billing"]


def test_an_alert_that_is_forgotten_leaves_no_note_of_a_change_and_no_number_comes_twice(
    one: CycleBench, database: Database, expiring: list[Certificate]
) -> None:
    kept = KeptRows(database)
    one.outside.others = [ObservedCertificate(org="production", app="Legacy").holding(expiring[0])]
    one.cycle.take_inventory("production")
    assert kept.read(ALERTS).of(ALERTS)
    one.outside.others = []
    one.cycle.take_inventory("production")
    assert not [each for each in kept.read(ALERTS).of(ALERTS).values() if each.app == "Legacy"]
    with database.reading() as connection:
        highest = connection.exec_driver_sql("SELECT max(number) FROM change").scalar()
    retention.forget(database, one.bench.time + retention.KEPT + 8 * DAY, {})
    with database.reading() as connection:
        ids = set(connection.scalars(select(ALERT.c.id)))
        notes = set(connection.exec_driver_sql("SELECT name FROM change WHERE part = 'alert'").scalars())
        after = connection.exec_driver_sql("SELECT max(number) FROM change").scalar()
    assert notes <= ids
    assert highest is not None
    assert after is not None
    assert after >= highest


def test_of_very_many_that_are_gone_at_once_people_hear_once(
    one: CycleBench, database: Database, expiring: list[Certificate]
) -> None:
    one.outside.others = [
        replace(ObservedCertificate(org="production", app=f"App_{at:02}").holding(expiring[0])) for at in range(30)
    ]
    one.cycle.take_inventory("production")
    one.outside.others = []
    one.cycle.take_inventory("production")
    told = [each for each in one.context.history.alerts.all() if each.kind == "vanished"]
    assert [each.title for each in told] == ["30 things with a certificate are gone from production"]
    assert told[0].facts["The first of them"].startswith("App_00, App_01, ")
    assert database.name
