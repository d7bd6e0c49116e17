"""An org is looked at by the machine that looked at it before, where that has time; by any other in a moment."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest
from sqlalchemy import text

from rotator.core.machines.fleet import HEARTBEAT, Role
from rotator.queue import first_call
from rotator.queue.asked_jobs import AskedJobs
from rotator.queue.first_call import Working, offer, own_queue, queue_of
from rotator.queue.machines import ThisMachine
from rotator.queue.queue_worker import POLL
from rotator.services.schedule.jobs import JobKind
from tests.contract.queue.dispatchers import Carried, come, keys, machine, now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.queue.jobs_database import JobsDatabase
    from tests.contract.queue.dispatchers import Machine

pytestmark = pytest.mark.usefixtures("_asks_at_once")

ORGS: Final = [f"org{number:03}" for number in range(300)]
FLEET: Final = [Working(f"id{number}", f"crm-{number}") for number in range(5)]
LOOK: Final = str(JobKind.INVENTORY)
LOOKS: Final = keys(JobKind.INVENTORY, 12)


def test_where_a_machine_goes_its_orgs_alone_are_anothers() -> None:
    before = {org: queue_of(LOOK, org, FLEET) for org in ORGS}
    after = {org: queue_of(LOOK, org, FLEET[1:]) for org in ORGS}
    assert {before[org] for org in ORGS if before[org] != after[org]} == {own_queue(LOOK, "id0")}
    shares = [sum(queue == own_queue(LOOK, each.id) for queue in before.values()) for each in FLEET]
    assert sum(shares) == len(ORGS)
    assert min(shares) > len(ORGS) / len(FLEET) / 2


def test_a_process_that_is_started_anew_has_the_orgs_that_its_host_had() -> None:
    anew = [Working("another", FLEET[0].host), *FLEET[1:]]
    for org in ORGS:
        assert queue_of(LOOK, org, anew).replace("another", "id0") == queue_of(LOOK, org, FLEET)


def test_of_two_processes_on_one_host_each_has_some() -> None:
    twins = [Working("one", "crm-1"), Working("other", "crm-1")]
    assert len({queue_of(LOOK, org, twins) for org in ORGS}) == 2


def test_what_is_no_look_and_what_one_does_alone_is_for_all() -> None:
    assert queue_of(str(JobKind.ROTATE), "billing", FLEET) == "rotate"
    assert queue_of(LOOK, "production", FLEET[:1]) == queue_of(LOOK, "production", []) == LOOK


@pytest.fixture
def pair(jobs: JobsDatabase) -> Iterator[list[Machine]]:
    """Two machines, each of which the other knows."""
    with ExitStack() as stack:
        both = [stack.enter_context(machine(Carried(), {JobKind.INVENTORY: 12}, jobs)) for _ in range(2)]
        come(lambda: rows(jobs, "SELECT count(*) FROM machine") == [(2,)])
        yield both


def rows(jobs: JobsDatabase, statement: str, **values: str) -> list[tuple[object, ...]]:
    with jobs.transaction() as connection:
        result = connection.execute(text(statement), values)
        return [tuple(row) for row in result] if result.returns_rows else []


def test_each_org_is_looked_at_by_one_machine(pair: list[Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_call, "OWN_FOR", timedelta(hours=1))
    for each in pair:
        each.carried.lasts = False
    for _ in range(3):
        pair[0].dispatch(*LOOKS)
        come(lambda: all(each.has_done_all() for each in pair))
    seen = [set(each.carried.begun) for each in pair]
    assert seen[0].isdisjoint(seen[1])
    assert [sorted(each.carried.begun) for each in pair] == [sorted([*each] * 3) for each in seen]
    assert len(seen[0] | seen[1]) == len(LOOKS)


def test_nothing_waits_for_its_machine_for_more_than_a_few_seconds() -> None:
    assert timedelta(seconds=5) >= first_call.OWN_FOR + HEARTBEAT + POLL


def test_what_a_busy_machine_does_not_take_another_does(
    pair: list[Machine], jobs: JobsDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_call, "OWN_FOR", timedelta(0))
    busy, other = pair
    busy.opened = False
    other.carried.lasts = False

    def goes_on() -> bool:
        with jobs.transaction() as connection:
            offer(connection)
        return len(other.carried.begun) == len(LOOKS)

    busy.dispatch(*LOOKS)
    come(goes_on)
    assert busy.carried.begun == []


def test_a_look_that_has_failed_is_for_all(pair: list[Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be the machine that the org cannot be read from: by its network, or its clock."""
    monkeypatch.setattr(first_call, "OWN_FOR", timedelta(hours=1))
    busy, other = pair
    busy.opened = False
    other.carried.lasts = False
    busy.dispatcher.dispatch(lambda: [replace(busy.carried.job(*key), has_failed=True) for key in LOOKS])
    come(lambda: len(other.carried.begun) == len(LOOKS))
    assert busy.carried.begun == []


@pytest.mark.parametrize("outcome", ["stalled", "unknown", "dropped"])
def test_who_has_left_it_undone_is_not_asked_first(jobs: JobsDatabase, outcome: str) -> None:
    for _ in range(2):
        ThisMachine(jobs, Role.BOTH, now=now, monotonic=lambda: 0.0).beat(leads=False, concurrency={})
    asked = AskedJobs(jobs)
    for queue in ("look@", "look"):
        assert asked.ask([(LOOK, "production")]) == 1
        ((found,),) = rows(jobs, "SELECT queue_name FROM procrastinate_jobs WHERE status = 'todo'")
        assert str(found).startswith(queue)
        rows(jobs, "UPDATE asked_job SET ended_at = clock_timestamp(), outcome = :outcome", outcome=outcome)
        rows(jobs, "UPDATE procrastinate_jobs SET status = 'failed'")
    assert found == LOOK
