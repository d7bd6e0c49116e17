"""Jobs that are asked for: once each, together with Procrastinate's own record of them, and never put back."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from rotator.core.machines.fleet import HEARTBEAT, SILENT_AFTER, Role
from rotator.errors import HistoryUnavailable
from rotator.queue.asked_jobs import MOST_STALLS, PAUSE, STALL_PAUSE, AskedJobs
from rotator.queue.machines import ThisMachine
from rotator.queue.queue_tables import Outcome
from rotator.queue.sweep import forget, sweep
from tests.contract.queue.dispatchers import active, now

if TYPE_CHECKING:
    from rotator.history.engine.database import Database
    from rotator.queue.jobs_database import JobsDatabase

LOOK = ("inventory", "production")
ROTATION = ("rotate", "billing")


@pytest.fixture
def asked(jobs: JobsDatabase) -> AskedJobs:
    return AskedJobs(jobs)


class Clock:
    """One that is set by hand."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def monotonic(self) -> float:
        return self._seconds

    def passes(self, time: timedelta) -> None:
        self._seconds += time.total_seconds()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def machine(jobs: JobsDatabase, clock: Clock) -> ThisMachine:
    machine = ThisMachine(jobs, Role.BOTH, now=now, monotonic=clock.monotonic)
    machine.beat(leads=True, concurrency={"inventory": 4})
    return machine


def rows(jobs: JobsDatabase, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    with jobs.transaction() as connection:
        result = connection.execute(text(statement), values)
        return [tuple(row) for row in result] if result.returns_rows else []


def queued(jobs: JobsDatabase) -> list[tuple[Any, ...]]:
    return rows(jobs, "SELECT lock FROM procrastinate_jobs WHERE status = 'todo' ORDER BY 1")


def begun(jobs: JobsDatabase, asked: AskedJobs, machine: ThisMachine) -> int:
    """Fetched as Procrastinate's worker fetches it; gives the number of what was asked for."""
    ((worker,),) = rows(jobs, "SELECT * FROM procrastinate_register_worker_v1()")
    ((args,),) = rows(jobs, "SELECT args FROM procrastinate_fetch_job_v2(NULL, :worker)", worker=worker)
    number = int(args["asked"])
    assert asked.take(number, machine.id)
    assert asked.begin(number, machine.id)
    return number


def goes_silent(jobs: JobsDatabase, machine: ThisMachine) -> None:
    ago = SILENT_AFTER + timedelta(seconds=1)
    rows(jobs, "UPDATE machine SET seen_at = seen_at - :ago WHERE id = :id", ago=ago, id=machine.id)
    rows(jobs, "UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - :ago", ago=ago)


def test_what_is_asked_for_and_has_not_ended_is_asked_for_once(jobs: JobsDatabase, asked: AskedJobs) -> None:
    assert asked.ask([LOOK, ROTATION]) == 2
    assert asked.ask([LOOK, ROTATION]) == 0
    assert active(jobs) == [LOOK, ROTATION]
    assert queued(jobs) == [("inventory:production",), ("rotate:billing",)]


def test_many_that_ask_at_once_ask_once(jobs: JobsDatabase, asked: AskedJobs) -> None:
    keys = [("inventory", f"org{number}") for number in range(50)]
    threads = [threading.Thread(target=asked.ask, args=(keys,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(active(jobs)) == len(queued(jobs)) == 50


def test_more_than_fit_into_one_transaction_are_all_asked_for(jobs: JobsDatabase, asked: AskedJobs) -> None:
    assert asked.ask([("inventory", f"org{number}") for number in range(2001)]) == 2001
    assert len(queued(jobs)) == 2001


def test_a_row_and_its_job_are_written_together_or_not_at_all(
    jobs: JobsDatabase, asked: AskedJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object, **__: object) -> None:
        raise HistoryUnavailable("cut off")

    monkeypatch.setattr(asked, "_defer", dies)
    with pytest.raises(HistoryUnavailable):
        asked.ask([LOOK])
    assert active(jobs) == queued(jobs) == []


def test_a_role_with_a_search_path_of_its_own_can_ask(history: Database, jobs: JobsDatabase) -> None:
    """Procrastinate's types are found by the search path of the connection, whatever the role's own is."""
    with history.writing() as connection:
        connection.execute(text("ALTER ROLE CURRENT_USER SET search_path = public"))
    try:
        jobs.close()
        assert AskedJobs(jobs).ask([LOOK]) == 1
        assert queued(jobs) == [("inventory:production",)]
    finally:
        with history.writing() as connection:
            connection.execute(text("ALTER ROLE CURRENT_USER RESET search_path"))


def test_what_has_ended_can_be_asked_for_again(jobs: JobsDatabase, asked: AskedJobs, machine: ThisMachine) -> None:
    asked.ask([LOOK])
    number = begun(jobs, asked, machine)
    assert asked.ask([LOOK]) == 0
    assert asked.end(number, machine.id, Outcome.DONE)
    assert asked.ask([LOOK]) == 1


def test_after_a_fault_it_is_left_alone_for_a_while(jobs: JobsDatabase, asked: AskedJobs, machine: ThisMachine) -> None:
    asked.ask([LOOK])
    asked.end(begun(jobs, asked, machine), machine.id, Outcome.FAULT)
    assert asked.ask([LOOK, ROTATION]) == 1
    rows(jobs, "UPDATE asked_job SET ended_at = ended_at - :pause", pause=PAUSE)
    assert asked.ask([LOOK]) == 1


def test_a_server_whose_clock_is_set_back_asks_for_what_has_ended_all_the_same(
    jobs: JobsDatabase, asked: AskedJobs, machine: ThisMachine
) -> None:
    asked.ask([LOOK, ROTATION])
    for outcome in (Outcome.FAULT, Outcome.DONE):
        asked.end(begun(jobs, asked, machine), machine.id, outcome)
    rows(jobs, "UPDATE asked_job SET ended_at = ended_at + interval '1 hour'")
    assert asked.ask([LOOK, ROTATION], asked.now()) == 2


def test_the_job_of_a_lost_machine_is_failed_and_can_be_asked_for_anew(
    jobs: JobsDatabase, asked: AskedJobs, machine: ThisMachine
) -> None:
    asked.ask([LOOK, ROTATION])
    number = begun(jobs, asked, machine)
    assert sweep(jobs) == []
    goes_silent(jobs, machine)

    assert sweep(jobs) == [LOOK]

    assert rows(jobs, "SELECT status::text FROM procrastinate_jobs WHERE lock = 'inventory:production'") == [
        ("failed",)
    ]
    assert active(jobs) == [ROTATION]
    assert rows(jobs, "SELECT kind, number FROM stall") == [("inventory", 1)]
    assert asked.ask([LOOK]) == 1
    assert not asked.end(number, machine.id, Outcome.DONE), "the machine that wakes up ends nothing of the new one"
    assert active(jobs) == [LOOK, ROTATION]


def test_what_a_machine_was_lost_with_is_begun_before_what_waits(
    jobs: JobsDatabase, asked: AskedJobs, machine: ThisMachine
) -> None:
    asked.ask([ROTATION])
    begun(jobs, asked, machine)
    asked.ask([LOOK])
    goes_silent(jobs, machine)
    assert sweep(jobs) == [ROTATION]
    asked.ask([ROTATION])
    machine.beat(leads=True, concurrency={})

    again = begun(jobs, asked, machine)

    assert rows(jobs, "SELECT kind, name FROM asked_job WHERE id = :id", id=again) == [ROTATION]


def test_a_machine_whose_worker_was_begun_anew_keeps_what_it_does(
    jobs: JobsDatabase, asked: AskedJobs, machine: ThisMachine
) -> None:
    """Procrastinate's worker says nothing more as soon as it ends, and then waits for its jobs."""
    asked.ask([LOOK])
    begun(jobs, asked, machine)
    rows(jobs, "DELETE FROM procrastinate_workers")
    assert sweep(jobs) == []


def test_a_machine_keeps_what_it_does_when_the_job_of_its_worker_was_cut_off(
    jobs: JobsDatabase, asked: AskedJobs, machine: ThisMachine
) -> None:
    """As when the worker is begun anew, or the machine stops and waits for a rotation."""
    asked.ask([ROTATION])
    begun(jobs, asked, machine)
    rows(jobs, "UPDATE procrastinate_jobs SET status = 'aborted'")
    assert sweep(jobs) == []
    assert asked.ask([ROTATION]) == 0
    goes_silent(jobs, machine)
    assert sweep(jobs) == [ROTATION]


def test_what_a_lost_machine_had_taken_and_not_begun_is_not_what_it_was_lost_by(
    jobs: JobsDatabase, asked: AskedJobs, machine: ThisMachine
) -> None:
    for _ in range(MOST_STALLS + 1):
        assert asked.ask([LOOK]) == 1
        ((number,),) = rows(jobs, "SELECT id FROM asked_job WHERE ended_at IS NULL")
        rows(jobs, "SELECT id FROM procrastinate_fetch_job_v2(NULL, NULL)")
        assert asked.take(number, machine.id)
        goes_silent(jobs, machine)
        assert sweep(jobs) == [LOOK]
        machine.beat(leads=True, concurrency={})
    assert rows(jobs, "SELECT DISTINCT outcome FROM asked_job") == [("dropped",)]
    assert rows(jobs, "SELECT * FROM stall") == []


def test_a_job_that_machines_are_lost_with_again_and_again_is_left_alone_for_longer_each_time(
    jobs: JobsDatabase, asked: AskedJobs, machine: ThisMachine
) -> None:
    def is_lost() -> None:
        begun(jobs, asked, machine)
        goes_silent(jobs, machine)
        assert sweep(jobs) == [LOOK]
        machine.beat(leads=True, concurrency={})

    for _ in range(MOST_STALLS):
        assert asked.ask([LOOK]) == 1
        is_lost()
    for pause in (STALL_PAUSE, 2 * STALL_PAUSE, 4 * STALL_PAUSE, 8 * STALL_PAUSE, PAUSE, PAUSE):
        rows(jobs, "UPDATE asked_job SET ended_at = now() - :ago", ago=0.75 * pause)
        assert asked.ask([LOOK]) == 0
        rows(jobs, "UPDATE asked_job SET ended_at = now() - :ago", ago=pause)
        assert asked.ask([LOOK]) == 1
        is_lost()


def test_a_row_whose_job_is_gone_keeps_nobody_waiting(jobs: JobsDatabase, asked: AskedJobs) -> None:
    asked.ask([LOOK])
    rows(jobs, "DELETE FROM procrastinate_jobs")
    assert sweep(jobs) == [LOOK]
    assert asked.ask([LOOK]) == 1


def test_a_machine_that_takes_its_leave_gives_back_what_it_has(
    jobs: JobsDatabase, asked: AskedJobs, machine: ThisMachine
) -> None:
    asked.ask([LOOK])
    begun(jobs, asked, machine)
    machine.leave()
    assert active(jobs) == []
    assert rows(jobs, "SELECT outcome FROM asked_job") == [("dropped",)]
    assert rows(jobs, "SELECT * FROM machine") == []
    assert asked.ask([LOOK]) == 1
    assert len(queued(jobs)) == 1


def test_each_machine_is_told_which_are_lost_once_it_has_listened_for_long_enough(
    jobs: JobsDatabase, machine: ThisMachine, clock: Clock
) -> None:
    rows(jobs, "UPDATE machine SET host = 'elsewhere', pid = 7")
    goes_silent(jobs, machine)
    other = ThisMachine(jobs, Role.WORKER, now=now, monotonic=clock.monotonic)

    told = []
    for _ in range(8):
        told.append([(each.host, each.pid) for each in other.beat(leads=False, concurrency={})])
        clock.passes(HEARTBEAT)

    assert told == [[]] * 5 + [[("elsewhere", 7)]] * 3


def test_a_machine_that_another_has_followed_under_the_same_name_is_not_called_lost(
    jobs: JobsDatabase, machine: ThisMachine, clock: Clock
) -> None:
    goes_silent(jobs, machine)
    other = ThisMachine(jobs, Role.WORKER, now=now, monotonic=clock.monotonic)
    for _ in range(8):
        assert other.beat(leads=False, concurrency={}) == []
        clock.passes(HEARTBEAT)


def test_who_was_away_itself_takes_nobody_for_lost(jobs: JobsDatabase, machine: ThisMachine, clock: Clock) -> None:
    """As after a server that was away: nobody could say that he is there meanwhile."""
    other = ThisMachine(jobs, Role.WORKER, now=now, monotonic=clock.monotonic)
    for _ in range(8):
        other.beat(leads=False, concurrency={})
        clock.passes(HEARTBEAT)
    assert other.may_judge
    goes_silent(jobs, machine)
    clock.passes(SILENT_AFTER)
    assert other.beat(leads=False, concurrency={}) == []
    assert not other.may_judge


def test_what_has_ended_long_ago_is_forgotten(jobs: JobsDatabase, asked: AskedJobs, machine: ThisMachine) -> None:
    asked.ask([LOOK])
    begun(jobs, asked, machine)
    goes_silent(jobs, machine)
    sweep(jobs)
    forget(jobs)
    assert len(rows(jobs, "SELECT * FROM asked_job")) == 1
    assert len(rows(jobs, "SELECT * FROM procrastinate_jobs")) == 1
    rows(jobs, "UPDATE asked_job SET ended_at = ended_at - interval '2 hours'")
    rows(jobs, "UPDATE machine SET seen_at = seen_at - interval '2 days'")
    asked.ask([ROTATION])
    forget(jobs)
    assert active(jobs) == [ROTATION]
    assert rows(jobs, "SELECT lock FROM procrastinate_jobs") == [("inventory:production",), ("rotate:billing",)][1:]
    assert rows(jobs, "SELECT * FROM machine") == []
