"""What a library that hands out jobs would do by itself, and must not; and that jobs go on whatever happens."""

from __future__ import annotations

import gc
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from procrastinate.exceptions import ConnectorException
from procrastinate.manager import JobManager
from sqlalchemy import text

from rotator.core.machines.fleet import HEARTBEAT
from rotator.daemon.concurrency import FEWEST
from rotator.history.engine.database import open_database
from rotator.queue import queue_worker
from rotator.queue.asked_jobs import TASK, AskedJobs
from rotator.queue.jobs_database import JobsDatabase
from rotator.queue.queue_worker import new_app, worker_options
from rotator.queue.sweep import sweep
from rotator.services.schedule.jobs import JobKind
from tests.contract.queue.dispatchers import Carried, come, keys, machine
from tests.contract.servers.postgres import running_server, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.contract.servers.postgres import PostgresServer

LOOK = JobKind.INVENTORY, "production"
SEEN_WITHIN = 5.0


def rows(jobs: JobsDatabase, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    with jobs.transaction() as connection:
        result = connection.execute(text(statement), values)
        return [tuple(row) for row in result] if result.returns_rows else []


def ended_long_ago(jobs: JobsDatabase) -> None:
    """The first that was asked for."""
    rows(
        jobs,
        "UPDATE asked_job SET ended_at = clock_timestamp() - interval '1 minute', outcome = 'dropped'"
        " WHERE id = (SELECT min(id) FROM asked_job)",
    )
    rows(jobs, "UPDATE procrastinate_events SET at = at - interval '1 minute'")


def states(jobs: JobsDatabase) -> list[tuple[Any, ...]]:
    return rows(jobs, "SELECT status::text FROM procrastinate_jobs ORDER BY id")


async def nothing(asked: int, kind: str, name: str) -> None:
    """Carries out nothing."""


def test_nothing_is_retried_queued_by_its_own_lock_or_begun_by_a_cron_line(jobs: JobsDatabase) -> None:
    app = new_app(nothing)
    ours = [task for task in app.tasks.values() if task.name == TASK]
    assert [task.name for task in ours] == [TASK], "no sweep is a task: one that stalls would block itself"
    for task in app.tasks.values():
        assert task.retry_strategy is None
        assert task.queueing_lock is None
    assert app.periodic_registry.periodic_tasks == {}, "a cron line of Procrastinate's has its seconds last"

    AskedJobs(jobs).ask([LOOK])
    assert rows(jobs, "SELECT lock, queueing_lock FROM procrastinate_jobs") == [("look:production", None)]
    assert rows(jobs, "SELECT * FROM procrastinate_periodic_defers") == []


def test_a_job_that_waits_is_no_reason_to_leave_a_lost_one_as_it_is(jobs: JobsDatabase) -> None:
    """With locks of its own queue, what waits keeps a lost job of the same key from being put back for ever."""
    asked = AskedJobs(jobs)
    asked.ask([LOOK])
    rows(jobs, "SELECT id FROM procrastinate_fetch_job_v2(NULL, (SELECT * FROM procrastinate_register_worker_v1()))")
    ended_long_ago(jobs)
    asked.ask([LOOK])
    rows(jobs, "DELETE FROM procrastinate_workers")

    sweep(jobs)

    assert rows(jobs, "SELECT status::text FROM procrastinate_jobs ORDER BY id") == [("failed",), ("todo",)]


def test_a_job_whose_end_could_not_be_told_keeps_its_key_from_nothing(jobs: JobsDatabase) -> None:
    """As when a connection breaks at that moment: its worker lives on, and tells it once."""
    asked = AskedJobs(jobs)
    asked.ask([LOOK])
    rows(jobs, "SELECT id FROM procrastinate_fetch_job_v2(NULL, (SELECT * FROM procrastinate_register_worker_v1()))")
    rows(jobs, "UPDATE asked_job SET ended_at = clock_timestamp(), outcome = 'done'")
    assert asked.ask([LOOK]) == 1
    sweep(jobs)
    assert states(jobs) == [("doing",), ("todo",)], "it may be told in this moment"
    ended_long_ago(jobs)
    sweep(jobs)
    assert states(jobs) == [("failed",), ("todo",)]


def test_a_job_that_was_fetched_and_never_taken_keeps_its_key_from_nothing(jobs: JobsDatabase) -> None:
    AskedJobs(jobs).ask([LOOK])
    rows(jobs, "SELECT id FROM procrastinate_fetch_job_v2(NULL, (SELECT * FROM procrastinate_register_worker_v1()))")
    assert sweep(jobs) == []
    rows(jobs, "UPDATE procrastinate_events SET at = at - interval '1 minute'")
    assert sweep(jobs) == [(str(JobKind.INVENTORY), "production")]


def test_what_cannot_tell_that_a_job_has_ended_begins_anew_and_the_key_is_done_again(
    jobs: JobsDatabase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    finish, failed = JobManager.finish_job, threading.Event()

    async def fails(self: JobManager, *arguments: Any, **named: Any) -> None:
        if failed.is_set():
            return await finish(self, *arguments, **named)
        failed.set()
        raise ConnectorException

    monkeypatch.setattr(JobManager, "finish_job", fails)
    carried = Carried(lasts=False)
    with machine(carried, {}, jobs) as one:
        one.dispatch(LOOK)
        come(lambda: failed.is_set() and one.is_idle())
        # An exception that nobody waits for is told once it is collected.
        come(lambda: gc.collect() >= 0 and any("what fetches jobs begins anew" in each for each in caplog.messages))
        come(lambda: rows(jobs, "SELECT * FROM asked_job WHERE ended_at IS NULL") == [])
        rows(jobs, "UPDATE asked_job SET ended_at = ended_at - interval '1 hour'")
        sweep(jobs)
        come(lambda: one.dispatch(LOOK) and len(carried.begun) > 1)


def test_no_more_is_fetched_than_is_begun(jobs: JobsDatabase) -> None:
    """Of orgs as many at once as the waiting leaves room for: what one machine would only keep, another begins."""
    ours, theirs = Carried(), Carried()
    slots = {JobKind.INVENTORY: 32}
    with machine(ours, slots, jobs) as first:
        first.dispatch(*keys(JobKind.INVENTORY, 30))
        come(lambda: len(ours.running) == FEWEST)
        with machine(theirs, slots, jobs):
            come(lambda: len(theirs.running) == FEWEST)
            assert rows(jobs, "SELECT count(*) FROM asked_job WHERE taken_at IS NOT NULL") == [(2 * FEWEST,)]


def test_however_often_workers_begin_anew_there_is_room_for_as_many(jobs: JobsDatabase) -> None:
    carried = Carried()
    with machine(carried, {JobKind.ROTATE: 2, JobKind.DELIVER: 1}, jobs) as one:
        one.dispatch((JobKind.ROTATE, "billing"))
        come(lambda: len(carried.running) == 1)
        fetching = one.dispatcher._fetching  # type: ignore[attr-defined]
        for number in range(2, 12):
            one.dispatch(*keys(JobKind.DELIVER, number))
            one.dispatcher.change({JobKind.ROTATE: 2, JobKind.DELIVER: number})
            come(lambda: one.dispatcher.takes_jobs)
        one.dispatch((JobKind.ROTATE, "crm"), *keys(JobKind.DELIVER, 11))
        come(lambda: (JobKind.ROTATE, "crm") in carried.running)
        carried.let_go()
        come(lambda: one.dispatch() and not fetching._under_way and not +fetching._in_hand)


def test_nothing_is_fetched_before_it_can_be_begun(jobs: JobsDatabase) -> None:
    carried = Carried()
    with machine(carried, {}, jobs) as one:
        one.opened = False
        come(lambda: one.dispatcher.takes_jobs)
        one.dispatch(LOOK)
        one.opened = True
        come(lambda: carried.running == [LOOK])
    assert rows(jobs, "SELECT outcome FROM asked_job") == [("done",)]


def test_whatever_keeps_an_end_from_being_noted_it_is_noted_later(
    jobs: JobsDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_worker, "HEARTBEAT", timedelta(milliseconds=20))
    end, failed = AskedJobs.end, threading.Event()

    def fails(self: AskedJobs, *arguments: Any) -> bool:
        if failed.is_set():
            return end(self, *arguments)
        failed.set()
        raise ZeroDivisionError

    monkeypatch.setattr(AskedJobs, "end", fails)
    with machine(Carried(lasts=False), {}, jobs) as one:
        one.dispatch(LOOK)
        come(lambda: rows(jobs, "SELECT outcome FROM asked_job") == [("done",)])


def test_the_sweep_waits_for_no_job_and_for_no_slot(jobs: JobsDatabase) -> None:
    carried = Carried()
    with machine(carried, {JobKind.DELIVER: 2}, jobs) as one:
        one.dispatch(*keys(JobKind.DELIVER, 4))
        come(lambda: len(carried.running) == 2)
        assert sweep(jobs) == []


def test_a_lock_that_a_crash_has_freed_is_seen_within_seconds(jobs: JobsDatabase) -> None:
    """No notification tells of it: it is seen by asking."""
    AskedJobs(jobs).ask([LOOK])
    ((worker,),) = rows(jobs, "SELECT * FROM procrastinate_register_worker_v1()")
    rows(jobs, "SELECT id FROM procrastinate_fetch_job_v2(NULL, :worker)", worker=worker)
    rows(jobs, "UPDATE asked_job SET ended_at = clock_timestamp(), outcome = 'dropped'")
    carried = Carried()
    with machine(carried, {}, jobs) as one:
        # Nor by a sweep, which would come where this lasts for long.
        one.is_leader = False
        come(lambda: one.dispatcher.takes_jobs)
        one.dispatch(LOOK, (JobKind.ROTATE, "billing"))
        come(lambda: carried.running == [(JobKind.ROTATE, "billing")])
        rows(jobs, "UPDATE procrastinate_jobs SET status = 'failed' WHERE worker_id = :worker", worker=worker)
        come(lambda: LOOK in carried.begun)
    assert worker_options("look", 1)["fetch_job_polling_interval"] <= SEEN_WITHIN / 2


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """One that may be stopped."""
    with running_server() as server:
        yield server


@pytest.fixture
def own_jobs(own_server: PostgresServer) -> Iterator[JobsDatabase]:
    with scratch_database(own_server.url("postgres")) as url, open_database(url) as history:
        jobs = JobsDatabase.of(history)
        assert jobs
        yield jobs
        jobs.close()


def test_a_server_that_was_away_costs_nothing_that_is_under_way_and_jobs_go_on(
    own_server: PostgresServer, own_jobs: JobsDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_worker, "CONNECT_WITHIN", timedelta(seconds=0.5))
    carried = Carried()
    with machine(carried, {JobKind.ROTATE: 2}, own_jobs) as one:
        one.dispatch((JobKind.ROTATE, "billing"))
        come(lambda: carried.running == [(JobKind.ROTATE, "billing")])

        own_server.stop()
        come(lambda: not one.dispatcher.takes_jobs)
        own_server.start()

        come(lambda: one.dispatcher.takes_jobs)
        one.dispatch((JobKind.ROTATE, "billing"), (JobKind.ROTATE, "crm"))
        come(lambda: len(carried.running) == 2)
        assert carried.begun == [(JobKind.ROTATE, "billing"), (JobKind.ROTATE, "crm")]
        carried.let_go()
        come(one.is_idle)
        come(lambda: rows(own_jobs, "SELECT * FROM asked_job WHERE ended_at IS NULL") == [])
    assert rows(own_jobs, "SELECT DISTINCT outcome FROM asked_job") == [("done",)]


def test_whatever_ends_its_connections_jobs_are_fetched_again(
    jobs: JobsDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_worker, "PAUSES", (HEARTBEAT / 100,))
    carried, failed = Carried(), threading.Event()

    def fails(connect_args: Mapping[str, Any]) -> dict[str, Any]:
        if failed.is_set():
            return options(connect_args)
        failed.set()
        raise ZeroDivisionError

    options = queue_worker.pool_options
    monkeypatch.setattr(queue_worker, "pool_options", fails)
    with machine(carried, {}, jobs) as one:
        one.dispatch(LOOK)
        come(lambda: carried.running == [LOOK])
