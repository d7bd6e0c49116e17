"""A turn is taken with each lock: who has lost his writes nothing, and the sessions of a silent process are ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from rotator.errors import HistoryError, LockLost, RotationRunning
from rotator.history.engine.database import Database, open_database
from rotator.history.engine.transactions import Confirmed
from rotator.history.journal.journal import Journal
from rotator.history.journal.queries import events
from rotator.history.locks.fence import Fence, FencedLocks
from rotator.history.locks.sessions import LostProcess, end_sessions
from rotator.queue.queue_tables import TURN
from tests.contract.history.databases import NOW
from tests.contract.servers.postgres import execute, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.history.locks.locks import RotationLocks
    from rotator.queue.jobs_database import JobsDatabase
    from tests.contract.servers.postgres import PostgresServer

LOCKS_END = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

STOPPED = """
import os, signal, sys
from datetime import UTC, datetime
from rotator.errors import RotatorError
from rotator.history.engine.database import open_database
from rotator.history.engine.transactions import Confirmed
from rotator.history.journal.journal import Journal
from rotator.history.locks.fence import Fence, FencedLocks

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
database, fence = open_database(sys.argv[1]), Fence()
journal = Journal(Confirmed(database, fence.confirm))

def tried(what):
    try:
        what()
    except RotatorError as error:
        print(type(error).__name__, flush=True)
    else:
        print("done", flush=True)

def written_slowly():
    with Confirmed(database, fence.confirm).writing() as connection:
        connection.exec_driver_sql("DELETE FROM rotation")
        os.kill(os.getpid(), signal.SIGSTOP)

with FencedLocks(database.rotation_locks(lambda: NOW), fence).hold("billing"):
    tried(written_slowly)
    tried(fence.check)
    tried(lambda: journal.record("promote", now=NOW, credential="billing", version="a" * 64))
"""


@pytest.fixture
def locks(history: Database, jobs: JobsDatabase) -> RotationLocks:
    jobs.open()
    return history.rotation_locks(lambda: NOW)


@contextmanager
def turn_of(jobs: JobsDatabase, name: str) -> Iterator[int]:
    with jobs.transaction() as connection:
        yield connection.execute(TURN.select().where(TURN.c.name == name)).one().number


def number(jobs: JobsDatabase, name: str) -> int:
    with turn_of(jobs, name) as found:
        return found


def test_each_time_a_lock_is_taken_it_has_a_higher_number(locks: RotationLocks, jobs: JobsDatabase) -> None:
    numbers = []
    for name in ("billing", "shipping", "billing", "billing"):
        with locks.hold(name):
            numbers.append(number(jobs, name))
    assert numbers == sorted(set(numbers))
    with jobs.transaction() as connection:
        connection.execute(TURN.delete())
    with locks.hold("billing"):
        assert number(jobs, "billing") > numbers[-1]


def test_a_number_that_a_server_gives_once_more_to_another_is_nobodys_turn_who_had_it_before(
    locks: RotationLocks, jobs: JobsDatabase, history: Database
) -> None:
    """As a standby may that was promoted without the last changes."""
    with locks.hold("billing") as hold:
        with jobs.transaction() as connection:
            connection.execute(TURN.update().values(holder="rotator 7 since 2026-11-23 12:00:01 UTC on another"))
        with pytest.raises(LockLost):
            hold.check()
        with pytest.raises(LockLost), Confirmed(history, hold.confirm).writing():
            pass


def test_a_lock_that_is_taken_again_has_another_turn(locks: RotationLocks, jobs: JobsDatabase, jobs_url: str) -> None:
    with locks.hold("billing") as hold:
        before = number(jobs, "billing")
        execute(jobs_url, LOCKS_END)
        hold.take_again()
        hold.check()
        assert number(jobs, "billing") > before


def test_who_has_lost_its_lock_writes_nothing_whoever_has_it_now(
    locks: RotationLocks, history: Database, jobs_url: str
) -> None:
    fence = Fence()
    journal = Journal(Confirmed(history, fence.confirm))
    record, before = partial(journal.record, now=NOW, credential="billing"), len(events(history))
    with FencedLocks(locks, fence).hold("billing") as hold, ExitStack() as another:
        record("begin")
        execute(jobs_url, LOCKS_END)
        with pytest.raises(LockLost, match="The lock on the credential billing was lost"):
            record("promote")
        another.enter_context(locks.hold("billing"))
        for refused in (hold.check, fence.check, partial(record, "promote")):
            with pytest.raises(LockLost):
                refused()
        another.close()
        with pytest.raises(LockLost):
            record("promote")
    record("promote")
    assert [each.kind for each in events(history)[before:]] == ["begin", "promote"]


def test_a_turn_counts_for_itself_also_where_the_lock_is_free_again(
    locks: RotationLocks, history: Database, jobs: JobsDatabase
) -> None:
    """As after a fail-over to a server that knows the table and none of the sessions."""
    with locks.hold("billing") as hold:
        with jobs.transaction() as connection:
            connection.execute(TURN.update().values(number=TURN.c.number + 1))
        assert not hold.still_held()
        with pytest.raises(LockLost), history.writing() as connection:
            hold.confirm(connection)


def test_the_next_turn_waits_for_what_is_being_written_in_this_one(
    locks: RotationLocks, history: Database, jobs: JobsDatabase
) -> None:
    with locks.hold("billing") as hold, history.writing() as connection:
        hold.confirm(connection)
        with pytest.raises(OperationalError, match="could not obtain lock"), turn_locked(jobs):
            pass
    with turn_locked(jobs):
        pass


@contextmanager
def turn_locked(jobs: JobsDatabase) -> Iterator[None]:
    """The row as who takes the lock next would change it."""
    engine = jobs._opened()
    with engine.begin() as connection:
        connection.execute(TURN.select().with_for_update(nowait=True))
        yield


def test_one_after_the_other_is_held_as_long_as_its_session_lives(locks: RotationLocks, jobs_url: str) -> None:
    held = locks.one_by_one(["archive", "billing"])
    hold = next(held)
    hold.check()
    execute(jobs_url, LOCKS_END)
    with pytest.raises(LockLost):
        hold.check()
    with pytest.raises(HistoryError):
        next(held)


def test_without_the_schema_of_several_machines_all_is_as_it_was(jobs_url: str, history: Database) -> None:
    execute(jobs_url, "DROP SCHEMA IF EXISTS rotator_jobs CASCADE")
    with history.rotation_locks(lambda: NOW).hold("billing") as hold:
        hold.check()
        with history.writing() as connection:
            hold.confirm(connection)
        execute(jobs_url, LOCKS_END)
        with pytest.raises(LockLost):
            hold.check()
        hold.take_again()
        hold.check()


def test_a_role_that_may_not_use_the_schema_takes_no_lock_without_a_turn(
    jobs: JobsDatabase, jobs_url: str, postgres_server: PostgresServer
) -> None:
    jobs.open()
    role, admin = f"plain_{name_of(jobs_url)}", postgres_server.url(name_of(jobs_url), "postgres")
    execute(admin, f"CREATE ROLE {role} LOGIN PASSWORD '{postgres_server.password}'")
    try:
        with open_database(postgres_server.url(name_of(jobs_url), role)) as theirs:
            hold = theirs.rotation_locks(lambda: NOW).hold
            with pytest.raises(HistoryError, match="does not permit this role"), hold("billing"):
                pass
            execute(admin, f"GRANT USAGE ON SCHEMA rotator_jobs TO {role}")
            execute(admin, f"GRANT SELECT, INSERT, UPDATE ON rotator_jobs.turn TO {role}")
            execute(admin, f"GRANT USAGE ON SEQUENCE rotator_jobs.turn_number TO {role}")
            with hold("billing") as held:
                held.check()
    finally:
        execute(admin, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_process_that_is_stopped_while_it_writes_is_freed_from_what_it_holds_and_woken_changes_nothing(
    locks: RotationLocks, history: Database, jobs: JobsDatabase, jobs_url: str
) -> None:
    command = [sys.executable, "-c", STOPPED, jobs_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            with pytest.raises(RotationRunning), locks.hold("billing"):
                pass
            with jobs.transaction() as connection:
                host, now = socket.gethostname(), connection.scalar(text("SELECT clock_timestamp()"))
                assert end_sessions(connection, [LostProcess(process.pid + 1, host, now)]).ended == 0
                assert end_sessions(connection, [LostProcess(process.pid, "elsewhere", now)]).ended == 0
                before = LostProcess(process.pid, host, now - timedelta(days=1))
                assert end_sessions(connection, [before]).ended == 0, "one that began since is another's"
                ended = end_sessions(connection, [LostProcess(process.pid, host, now)])
            assert (ended.ended, ended.problem) == (2, None)
            with as_soon_as_it_can_be_had(locks, "billing"):
                Journal(history).record("begin", now=NOW, credential="billing")
                process.send_signal(signal.SIGCONT)
                assert process.stdout
                assert process.stdout.read().split() == ["HistoryUnavailable", "LockLost", "LockLost"]
        finally:
            process.kill()
    assert [each.kind for each in events(history)][-1] == "begin"


@contextmanager
def as_soon_as_it_can_be_had(locks: RotationLocks, name: str, seconds: float = 30.0) -> Iterator[None]:
    """The server ends a session when that next works, or waits: at once, mostly."""
    end = time.monotonic() + seconds
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(locks.hold(name))
                break
            except RotationRunning:
                assert time.monotonic() < end
                time.sleep(0.02)
        yield


def test_a_session_of_another_role_is_left_and_people_are_told_whose_it_is(
    jobs: JobsDatabase, jobs_url: str, postgres_server: PostgresServer
) -> None:
    jobs.open()
    role, admin = f"other_{name_of(jobs_url)}", postgres_server.url(name_of(jobs_url), "postgres")
    execute(admin, f"CREATE ROLE {role} LOGIN PASSWORD '{postgres_server.password}'")
    try:
        execute(admin, f"GRANT SELECT ON alembic_version TO {role}")
        with open_database(postgres_server.url(name_of(jobs_url), role)) as theirs:
            assert theirs.version
            with jobs.transaction() as connection:
                now = connection.scalar(text("SELECT clock_timestamp()"))
                found = end_sessions(connection, [LostProcess(os.getpid(), socket.gethostname(), now)])
            assert found.roles == {role}
            assert found.problem
            assert f"those of {role}" in found.problem.message
            assert "pg_signal_backend" in found.problem.hint
            assert theirs.version
    finally:
        execute(admin, f"DROP OWNED BY {role}; DROP ROLE {role}")
