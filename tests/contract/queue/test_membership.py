"""What a machine does with each heartbeat: it says that it is there, and looks after those that do not."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from rotator.core.machines.fleet import SILENT_AFTER, Role
from rotator.daemon.dispatch import membership
from rotator.queue import machines
from rotator.services.machines.fleet_reader import fleet_of
from rotator.services.schedule.jobs import LEADER_LOCK, JobKind
from tests.contract.queue.dispatchers import Carried, come, machine, now

if TYPE_CHECKING:
    from rotator.history.engine.database import Database
    from rotator.queue.jobs_database import JobsDatabase

pytestmark = pytest.mark.usefixtures("_asks_at_once")

HISTORY_POOL, JOBS_POOL = 15, 4
"""How many connections there are for each, at the most."""

ROTATION = JobKind.ROTATE, "billing"


def rows(jobs: JobsDatabase, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    with jobs.transaction() as connection:
        result = connection.execute(text(statement), values)
        return [tuple(row) for row in result] if result.returns_rows else []


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats come at once after each other, and whoever begins may judge of others from the first."""
    monkeypatch.setattr(membership, "HEARTBEAT", timedelta(milliseconds=20))
    monkeypatch.setattr(machines, "SILENT_AFTER", timedelta(0))


def test_a_machine_says_who_it_is_until_it_takes_its_leave(jobs: JobsDatabase) -> None:
    said = "SELECT role, leads, concurrency->>'rotate' FROM machine"
    with machine(Carried(), {JobKind.ROTATE: 3}, jobs) as one:
        come(lambda: rows(jobs, said) == [("both", True, "3")])
        one.is_leader = False
        come(lambda: rows(jobs, said) == [("both", False, "3")])
    assert rows(jobs, said) == []


def test_who_may_lead_asks_for_it_as_soon_as_nobody_does(history: Database, jobs: JobsDatabase) -> None:
    locks = history.rotation_locks(lambda: datetime.now(UTC))
    with machine(Carried(), {}, jobs) as one, machine(Carried(), {}, jobs, Role.WORKER) as worker:
        with locks.hold(LEADER_LOCK):
            come(lambda: len(rows(jobs, "SELECT * FROM machine")) == 2)
            one.is_leader = worker.is_leader = False
            come(lambda: rows(jobs, "SELECT * FROM machine WHERE leads") == [])
            one.ticks = 0
        come(lambda: one.ticks)
        assert worker.ticks == 0


def test_the_leader_has_what_a_lost_machine_had_done_by_another(jobs: JobsDatabase) -> None:
    lost, ours = Carried(), Carried()
    with machine(lost, {JobKind.ROTATE: 1}, jobs, Role.WORKER) as theirs:
        theirs.is_leader = False
        theirs.dispatch(ROTATION)
        come(lambda: lost.running == [ROTATION])
        # It says nothing more, as if its process had been killed.
        theirs.dispatcher._membership._leaves.set()  # type: ignore[attr-defined]
        theirs.dispatcher._fetching.stop()  # type: ignore[attr-defined]
        come(lambda: not theirs.dispatcher.takes_jobs)
        with machine(ours, {JobKind.ROTATE: 1}, jobs) as leader:
            come(lambda: rows(jobs, "SELECT count(*) FROM machine") == [(2,)])
            rows(jobs, "UPDATE machine SET host = 'elsewhere' WHERE role = 'worker'")
            ago = 2 * SILENT_AFTER
            rows(jobs, "UPDATE machine SET seen_at = seen_at - :ago WHERE role = 'worker'", ago=ago)
            rows(jobs, "DELETE FROM procrastinate_workers WHERE id NOT IN (SELECT max(id) FROM procrastinate_workers)")
            come(lambda: leader.ticks)
            leader.dispatch(ROTATION)
            come(lambda: ours.running == [ROTATION])
            ours.let_go()
            come(leader.is_idle)
        lost.let_go()
        come(theirs.is_idle)
    assert sorted(rows(jobs, "SELECT outcome FROM asked_job")) == [("done",), ("stalled",)]


def test_a_heartbeat_that_fails_is_told_once_and_the_next_one_comes(
    jobs: JobsDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    with machine(Carried(), {}, jobs):
        come(lambda: rows(jobs, "SELECT * FROM machine"))
        rows(jobs, "ALTER TABLE machine RENAME TO away")
        come(lambda: any("a heartbeat failed" in each for each in caplog.messages))
        rows(jobs, "ALTER TABLE away RENAME TO machine")
        rows(jobs, "DELETE FROM machine")
        come(lambda: rows(jobs, "SELECT * FROM machine"))
    assert sum("a heartbeat failed" in each for each in caplog.messages) == 1


def test_a_machine_whose_jobs_have_taken_every_connection_is_not_lost(history: Database, jobs: JobsDatabase) -> None:
    seen = "SELECT seen_at, leads FROM machine"
    with machine(Carried(), {}, jobs) as one, ExitStack() as taken:
        come(lambda: rows(jobs, seen))
        assert one.jobs
        one.is_leader = False
        for _ in range(HISTORY_POOL):
            taken.enter_context(history.reading())
        for _ in range(JOBS_POOL):
            taken.enter_context(one.jobs.transaction())
        ((before, _),) = rows(jobs, seen)
        one.ticks = 0
        come(lambda: rows(jobs, seen)[0][0] > before)
        come(lambda: one.ticks)


def test_a_machine_whose_clock_is_wrong_says_so_itself_and_shows_it_to_the_others(
    history: Database, jobs: JobsDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    off = [timedelta(0)]

    def shown() -> timedelta | None:
        fleet = fleet_of(history)
        assert fleet
        return fleet.machines[0].clock_off if fleet.machines else None

    with machine(Carried(), {}, jobs, wall_clock=lambda: now() + off[0]):
        come(lambda: shown() == timedelta(0))
        assert not any("clock" in each for each in caplog.messages)
        off[0] = -timedelta(minutes=12)
        come(lambda: (shown() or timedelta(0)) < -timedelta(minutes=11))
        come(lambda: any("the clock of this machine is 1" in each for each in caplog.messages))
        off[0] = timedelta(0)
        come(lambda: shown() == timedelta(0))
        come(lambda: any("the clock of this machine is right again" in each for each in caplog.messages))
    assert sum("behind the database's" in each for each in caplog.messages) == 1
