from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from rotator.core.machines.fleet import (
    CLOCK_TOLERANCE,
    GONE_AFTER,
    HEARTBEAT,
    QUEUE_PATIENCE,
    SILENT_AFTER,
    Fleet,
    Machine,
    MachineState,
    QueueLine,
    Role,
    RunningJob,
    Trouble,
    clock_off,
)
from rotator.core.machines.session_names import host_of_holder
from rotator.errors import Holder

NOW: Final = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
TICK: Final = timedelta(microseconds=1)


def machine(name: str = "a", **values: Any) -> Machine:
    """One that was seen just now."""
    given: dict[str, Any] = {"id": name, "host": f"crm-{name}", "pid": 100, "role": Role.BOTH, "release": "1.0"}
    given |= {"started_at": NOW - timedelta(hours=1), "seen_at": NOW, **values}
    return Machine(**given)


def holder(of: Machine, **values: Any) -> Holder:
    """The holder of the leader's lock that this machine is."""
    return replace(Holder(of.pid, of.host, NOW - timedelta(minutes=30)), **values)


def job(of: Machine | None, name: str, since: timedelta = timedelta(seconds=5)) -> RunningJob:
    return RunningJob(kind="look", name=name, machine=of.id if of else None, asked_at=NOW - since, begun_at=NOW - since)


@pytest.mark.parametrize(
    ("role", "may_lead", "works"), [("leader", True, False), ("worker", False, True), ("both", True, True)]
)
def test_a_role_says_who_may_lead_and_who_works(role: str, may_lead: bool, works: bool) -> None:
    assert (Role(role).may_lead, Role(role).works) == (may_lead, works)


def test_a_machine_is_silent_when_it_has_missed_several_heartbeats() -> None:
    assert SILENT_AFTER >= 3 * HEARTBEAT
    assert machine(seen_at=NOW - SILENT_AFTER).state(NOW) is MachineState.ALIVE
    assert machine(seen_at=NOW - SILENT_AFTER - TICK).state(NOW) is MachineState.SILENT


def test_who_holds_the_lock_leads_whatever_a_machine_says_of_itself() -> None:
    one, two = machine("a", leads=True), machine("b")
    fleet = Fleet(at=NOW, machines=(one, two), leader=holder(two))
    assert fleet.leading is two
    assert [line.leads for line in fleet.lines] == [False, True]
    assert not fleet.troubles


def test_of_machines_whose_hosts_begin_alike_the_holder_of_the_lock_leads() -> None:
    """A container's process has the number 1 in each, and the lock has little room for the host's name."""
    pods = [machine(name, host=f"rotator-7d9c6b5f4-{name}", pid=1) for name in "abc"]
    pods[0] = replace(pods[0], leads=True)
    fleet = Fleet(at=NOW, machines=tuple(pods), leader=Holder(1, host_of_holder(1, pods[1].host), NOW))
    assert fleet.leading is pods[1]
    assert sum(line.leads for line in fleet.lines) == 1


def test_a_host_whose_name_is_the_beginning_of_anothers_is_not_the_other() -> None:
    pods = [machine(host=host, pid=1) for host in ("rotator-1", "rotator-10")]
    for pod in pods:
        assert Fleet(at=NOW, machines=tuple(pods), leader=Holder(1, pod.host, NOW)).leading is pod


def test_of_two_that_are_called_the_same_the_one_leads_that_says_so() -> None:
    twins = [machine(name, host="rotator", pid=1) for name in "ab"]
    twins[1] = replace(twins[1], leads=True)
    assert Fleet(at=NOW, machines=tuple(twins), leader=Holder(1, "rotator", NOW)).leading is twins[1]


def test_a_name_that_is_not_ascii_is_known_again() -> None:
    one = machine(host="rechner-süd")
    holder = Holder(100, host_of_holder(100, one.host), NOW)
    assert Fleet(at=NOW, machines=(one,), leader=holder).leading is one


def test_an_earlier_release_leads_and_says_nothing_of_itself() -> None:
    standing_by = machine()
    fleet = Fleet(at=NOW, machines=(standing_by,), leader=Holder(4, "crm-9", NOW))
    assert fleet.leading is None
    assert not fleet.troubles, "it carries out by itself what it finds"
    assert not Fleet(at=NOW, leader=Holder(4, "crm-9", NOW)).troubles


def test_that_nobody_leads_or_works_is_trouble() -> None:
    waits = QueueLine(kind="look", waiting=1, waiting_since=NOW)
    assert Fleet(at=NOW, queue=(waits,)).troubles == (Trouble.NO_LEADER, Trouble.NO_WORKER)
    leader, worker = machine("a", role=Role.LEADER), machine("b", role=Role.WORKER)
    assert Fleet(at=NOW, machines=(worker,)).troubles == (Trouble.NO_LEADER,)
    assert Fleet(at=NOW, machines=(leader,), leader=holder(leader)).troubles == (Trouble.NO_WORKER,)
    assert not Fleet(at=NOW, machines=(leader, worker), leader=holder(leader)).troubles


def test_between_single_cycles_that_a_timer_runs_there_is_no_machine_and_no_more_trouble_than_that() -> None:
    ended = QueueLine(kind="look", stalls=1, last_stall_at=NOW)
    assert Fleet(at=NOW, queue=(ended,)).troubles == (Trouble.NO_MACHINE,)
    assert not Fleet(at=NOW, leader=Holder(4, "crm-9", NOW)).troubles


def test_a_leader_that_is_silent_asks_for_nothing_though_it_holds_the_lock() -> None:
    stopped, other = machine("a", seen_at=NOW - SILENT_AFTER - TICK), machine("b")
    fleet = Fleet(at=NOW, machines=(stopped, other), leader=holder(stopped))
    assert fleet.troubles == (Trouble.NO_LEADER,)


def test_a_silent_worker_works_no_more() -> None:
    leader = machine("a", role=Role.LEADER)
    silent = machine("b", role=Role.WORKER, seen_at=NOW - SILENT_AFTER - TICK)
    fleet = Fleet(at=NOW, machines=(leader, silent), leader=holder(leader))
    assert fleet.troubles == (Trouble.NO_WORKER,)


def test_jobs_stand_with_their_machine_the_longest_first() -> None:
    one, silent = machine("a"), machine("b", seen_at=NOW - SILENT_AFTER - TICK)
    jobs = (job(one, "new"), job(one, "old", timedelta(hours=1)), job(silent, "lost"))
    fleet = Fleet(at=NOW, machines=(one, silent), jobs=jobs, leader=holder(one))
    assert [[each.name for each in line.jobs] for line in fleet.lines] == [["old", "new"], ["lost"]]


@pytest.mark.parametrize(
    ("waits", "running", "is_stalled"),
    [
        (None, 0, False),
        (QUEUE_PATIENCE, 0, False),
        (QUEUE_PATIENCE + TICK, 0, True),
        (10 * QUEUE_PATIENCE, 1, False),
    ],
)
def test_a_queue_stalls_when_jobs_wait_for_long_and_none_of_their_kind_is_at_work(
    waits: timedelta | None, running: int, is_stalled: bool
) -> None:
    since = NOW - waits if waits is not None else None
    line = QueueLine(kind="look", waiting=int(since is not None), running=running, waiting_since=since)
    one = machine()
    fleet = Fleet(at=NOW, machines=(one,), queue=(line,), leader=holder(one))
    assert (fleet.stalled, fleet.troubles) == (((line,), (Trouble.STALLED,)) if is_stalled else ((), ()))


def test_people_hear_of_a_machine_that_is_gone_and_not_of_one_that_was_started_anew() -> None:
    gone = machine("a", seen_at=NOW - GONE_AFTER - TICK)
    other = machine("b")
    fleet = Fleet(at=NOW, machines=(gone, other), leader=holder(other))
    assert [line.is_gone for line in fleet.lines] == [True, False]

    anew = machine("c", host=gone.host, pid=101, started_at=gone.seen_at + timedelta(seconds=20))
    beside = machine("d", host=gone.host, pid=99, started_at=gone.started_at)
    assert [line.machine.id for line in replace(fleet, machines=(gone, anew)).lines if line.is_gone] == []
    assert [line.machine.id for line in replace(fleet, machines=(gone, beside)).lines if line.is_gone] == ["a"]


def test_machines_are_listed_in_one_order() -> None:
    machines = [machine("a", host="b", pid=2), machine("b", host="b", pid=1), machine("c", host="a", pid=9)]
    for given in (machines, machines[::-1]):
        assert [line.machine.id for line in Fleet(at=NOW, machines=tuple(given)).lines] == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("before", "after", "off"),
    [(-1, 1, 0), (0, 0, 0), (-500, 500, 0), (90, 91, 90), (1, 600, 1), (-91, -90, -90), (-600, -2, -2)],
)
def test_a_clock_is_off_by_as_much_as_is_certain_however_long_it_took_to_ask(before: int, after: int, off: int) -> None:
    seconds = [NOW + timedelta(seconds=each) for each in (before, after)]
    assert clock_off(seconds[0], NOW, seconds[1]) == timedelta(seconds=off)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_clock_is_wrong_from_a_minute_on_and_while_its_machine_is_there(sign: int) -> None:
    off = sign * (CLOCK_TOLERANCE + timedelta(seconds=1))
    wrong = machine("a", clock_off=off)
    others = machine("b", clock_off=sign * CLOCK_TOLERANCE), machine("c"), machine("d", clock_off=None)
    assert Fleet(at=NOW, machines=(wrong, *others)).with_wrong_clocks == (wrong,)
    gone = replace(wrong, seen_at=NOW - 2 * SILENT_AFTER)
    assert Fleet(at=NOW, machines=(gone, *others)).with_wrong_clocks == ()
