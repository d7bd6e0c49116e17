"""Several machines over one history: whoever leads finds what others have left, and knows what the one before knew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import func, text

from rotator.core.actor import Actor
from rotator.core.attempts import AttemptRecord
from rotator.core.observed import Kind, ObservedCertificate
from rotator.core.schedule import NextDue
from rotator.errors import OrgUnavailable
from rotator.history.engine.database import open_database
from rotator.history.sightings import last_sightings
from rotator.history.standstills import Standstills
from rotator.queue.queue_tables import MACHINE, REMEMBERED
from rotator.queue.remembered import Remembered
from rotator.services.alerting.kinds import EXPIRY, UNREADABLE
from rotator.services.inventory.schedules import of_credential
from rotator.services.schedule.cycle import Cycle
from rotator.services.schedule.jobs import JobKind
from tests.contract.history.databases import EMPTY
from tests.contract.queue.memories import memory_of
from tests.contract.servers.postgres import execute
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database
    from rotator.queue.jobs_database import JobsDatabase
    from rotator.salesforce.inventory.org_inventory import Inventory

ORG, NAME = "production", "billing"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST_THRESHOLD = 60 * DAY
MACHINE_ROW: Final[dict[str, Any]] = {
    "pid": 1,
    "role": "both",
    "release": "1",
    "started_at": func.now(),
    "seen_at": func.now(),
    "leads": False,
    "concurrency": {},
}


@pytest.fixture
def bench(history: Database, jobs: JobsDatabase, jobs_url: str) -> CycleBench:
    """One org with one credential, not looked at yet."""
    jobs.open()
    execute(jobs_url, EMPTY)
    bench = cycle_bench(history)
    bench.bench.use("Billing")
    return bench


def machine(bench: CycleBench) -> Cycle:
    """Another process over the same history."""
    memory = memory_of(Remembered(bench.context.database), bench.context.settings)
    return Cycle(replace(bench.context, memory=memory))


def on_a_machine_of_its_own(bench: CycleBench, history: Database) -> Cycle:
    """With connections of its own, and what it meets over them."""
    memory = memory_of(Remembered(history), bench.context.settings)
    return Cycle(replace(bench.context, database=history, memory=memory))


def due(cycle: Cycle) -> set[str]:
    return {str(job) for job in cycle.due()} - {"evaluate", "audit", "maintenance", "heartbeat", "deliver slack"}


def test_what_one_machine_has_observed_the_leader_need_not(bench: CycleBench) -> None:
    leader, worker = machine(bench), machine(bench)
    assert due(leader) == {f"inventory {ORG}"}
    worker.take_inventory(ORG)
    assert due(leader) == set()
    assert due(machine(bench)) == set(), "whoever leads next knows it, too"
    bench.bench.time += HOUR / 2
    assert due(machine(bench)) == set()


@pytest.mark.parametrize("ahead", [timedelta(seconds=3), timedelta(minutes=10), -timedelta(minutes=10)])
def test_what_a_machine_with_another_clock_has_looked_at_is_not_due_at_once(
    bench: CycleBench, ahead: timedelta
) -> None:
    leader, worker = machine(bench), machine(bench)
    bench.bench.time += ahead
    worker.take_inventory(ORG)
    bench.bench.time -= ahead
    assert due(leader) == due(machine(bench)) == set()
    bench.bench.time += 2 * HOUR
    assert due(leader) == {f"inventory {ORG}"}


def test_a_rotation_on_one_machine_has_the_org_looked_at_once_whoever_leads(bench: CycleBench) -> None:
    leader, worker, another = machine(bench), machine(bench), machine(bench)
    worker.take_inventory(ORG)
    bench.bench.time += 400 * DAY
    assert f"rotate {NAME}" in due(leader)
    worker.take_inventory(ORG)
    assert due(leader) == {f"rotate {NAME}"}
    assert worker.rotate(NAME)
    for each in (leader, another):
        assert due(each) == {f"inventory {ORG}"}
    another.take_inventory(ORG)
    for each in (leader, worker, another, machine(bench)):
        assert due(each) == set()


def test_a_machine_that_dies_in_a_rotation_leaves_it_due_for_whoever_leads(bench: CycleBench) -> None:
    leader, worker = machine(bench), machine(bench)
    worker.take_inventory(ORG)
    assert due(leader) == set()

    def dies(*_: object, **__: object) -> object:
        raise KeyboardInterrupt

    bench.outside.rotation_service = dies  # type: ignore[method-assign, assignment]
    bench.bench.time += 400 * DAY
    worker.take_inventory(ORG)
    with pytest.raises(KeyboardInterrupt):
        worker.rotate(NAME)
    bench.bench.time += HOUR / 2
    assert due(leader) == due(machine(bench)) == {f"rotate {NAME}"}


def test_a_threshold_that_another_machines_look_has_brought_is_told_in_time(bench: CycleBench) -> None:
    leader, worker = machine(bench), machine(bench)
    worker.take_inventory(ORG)
    leader.due()
    leader.evaluate()
    now = bench.bench.time
    expiring = ObservedCertificate(
        org=ORG,
        app="Partner",
        type=Kind.CERTIFICATE,
        fingerprint="b" * 64,
        not_before=now - DAY,
        not_after=now + FIRST_THRESHOLD + timedelta(minutes=10),
    )
    bench.outside.others.append(expiring)
    worker.take_inventory(ORG)
    told = bench.context.history.alerts.open_alerts
    assert told(kind=EXPIRY) == []
    bench.bench.time += timedelta(minutes=20)
    leader.due()
    leader.evaluate()
    assert [alert.app for alert in told(kind=EXPIRY)] == ["Partner"]


def test_a_look_that_comes_late_from_a_machine_that_was_taken_for_gone_changes_nothing(bench: CycleBench) -> None:
    leader, zombie, worker = machine(bench), machine(bench), machine(bench)
    real = bench.outside.inventory
    seen_by_zombie: list[Inventory] = []

    def slept(org: str, *, last_seen: object = None) -> Inventory:
        if not seen_by_zombie:
            seen_by_zombie.append(real(org, last_seen=last_seen))
            bench.bench.time += HOUR / 10
            bench.outside.others.append(ObservedCertificate(org=ORG, app="New", type=Kind.APP))
            worker.take_inventory(ORG)
            worker._context.memory.next_dues.put({NAME: NextDue(is_half_done=True)})
            return seen_by_zombie[0]
        return real(org, last_seen=last_seen)

    bench.outside.inventory = slept  # type: ignore[method-assign]
    zombie.take_inventory(ORG)

    sightings = last_sightings(bench.context.database, ORG)
    assert {(each.app, each.is_vanished) for each in sightings} == {("Billing", False), ("New", False)}
    assert bench.context.history.attempts.get(JobKind.INVENTORY, ORG).last_at == bench.bench.time
    leader.due()
    assert leader._context.memory.next_dues.get(NAME) == NextDue(is_half_done=True)


def test_a_look_that_has_failed_on_one_machine_is_said_to_have(bench: CycleBench) -> None:
    leader, worker = machine(bench), machine(bench)
    bench.outside.org_fails = OrgUnavailable("away")
    worker.take_inventory(ORG)
    bench.bench.time += HOUR
    assert [job.has_failed for job in leader.due() if job.kind is JobKind.INVENTORY] == [True]
    bench.outside.org_fails = None
    worker.take_inventory(ORG)
    bench.bench.time += 2 * HOUR
    assert [job.has_failed for job in leader.due() if job.kind is JobKind.INVENTORY] == [False]


@pytest.mark.parametrize("fails", ["org", "limits"])
def test_what_it_tells_late_of_an_org_that_was_away_is_not_told(bench: CycleBench, fails: str) -> None:
    zombie, worker = machine(bench), machine(bench)
    room_at = bench.outside.room_at

    def slept(org: str) -> object:
        bench.outside.room_at = room_at  # type: ignore[method-assign]
        worker.take_inventory(org)
        if fails == "limits":
            return bench.bench.time + HOUR
        bench.outside.org_fails = None
        return None

    bench.outside.room_at = slept  # type: ignore[method-assign, assignment]
    zombie.take_inventory(ORG)
    found = bench.context.history.attempts.get(JobKind.INVENTORY, ORG)
    assert found == AttemptRecord(JobKind.INVENTORY, ORG).succeeded(bench.bench.time)


def test_a_row_that_a_worker_could_not_read_is_told_by_whoever_leads(bench: CycleBench, jobs_url: str) -> None:
    leader, told = machine(bench), bench.context.history.alerts.open_alerts
    leader.take_inventory(ORG)
    bench.context.history.attempts.put(AttemptRecord(JobKind.HOOK, "backup billing"))
    execute(jobs_url, "UPDATE attempt SET last_at = 'infinity' WHERE name = 'backup billing'")
    leader.evaluate()
    assert told(kind=UNREADABLE) == [], "the leader has not met it"
    with open_database(jobs_url) as elsewhere:
        worker = on_a_machine_of_its_own(bench, elsewhere)
        worker._context.history.attempts.all()
        worker.take_inventory(ORG)
    bench.bench.time += HOUR / 6
    leader.evaluate()
    assert len(told(kind=UNREADABLE)) == 1
    execute(jobs_url, "UPDATE attempt SET last_at = NULL WHERE name = 'backup billing'")
    bench.bench.time += HOUR / 6
    leader.evaluate()
    assert told(kind=UNREADABLE) == []


def test_who_takes_the_lead_goes_by_what_is_there_and_not_by_what_it_read_when_it_led_before(
    bench: CycleBench, jobs: JobsDatabase
) -> None:
    leader, worker = machine(bench), machine(bench)
    worker.take_inventory(ORG)
    assert due(leader) == set()
    with jobs.transaction() as connection:
        connection.execute(REMEMBERED.delete())
        connection.execute(text("ALTER SEQUENCE remembered_number RESTART WITH 1"))
    assert due(leader) == set(), "it does not know yet that it was lost"
    with leader.lead(bench.context.database.rotation_locks(bench.bench.now)):
        assert due(leader) == {f"rotate {NAME}"}, "what nobody knows is observed"


def test_maintenance_forgets_nothing_that_another_machine_may_know(bench: CycleBench, jobs: JobsDatabase) -> None:
    """People have paused what is new in config.yaml; a machine that has not read it yet does the daily maintenance."""
    here, history = bench.context.settings, bench.context.history
    newer = here.model_copy(update={"credentials": {**here.credentials, "invoices": here.credentials[NAME]}})
    remembered, standstills = Remembered(bench.context.database), Standstills(bench.context.database)
    old = memory_of(remembered, here, host="crm-1")
    new = memory_of(remembered, newer, host="crm-2")
    maintenance = Cycle(replace(bench.context, memory=old)).maintain

    def set_by_people() -> tuple[bool, bool]:
        scopes = {each.scope for each in standstills.all()}
        return of_credential("invoices") in scopes, history.attempts.get(JobKind.ROTATE, "invoices").last_at is not None

    standstills.pause(of_credential("invoices"), until=None, reason="a fair", actor=Actor("alex"), now=bench.bench.time)
    history.attempts.put(AttemptRecord(JobKind.ROTATE, "invoices").succeeded(bench.bench.time))
    for host in ("crm-1", "crm-2"):
        with jobs.transaction() as connection:
            connection.execute(MACHINE.insert().values(id=host, host=host, **MACHINE_ROW))
        maintenance()
        assert set_by_people() == (True, True), "a machine has not said yet what it knows"
    old.note_configuration()
    new.note_configuration()
    maintenance()
    assert set_by_people() == (True, True)
    memory_of(remembered, here, host="crm-2").note_configuration()
    maintenance()
    assert set_by_people() == (False, False), "it is in no configuration any more"
    assert remembered.get("configuration", "1 crm-1")
    with jobs.transaction() as connection:
        connection.execute(MACHINE.delete().where(MACHINE.c.host == "crm-2"))
    maintenance()
    assert remembered.get("configuration", "1 crm-2") is None
