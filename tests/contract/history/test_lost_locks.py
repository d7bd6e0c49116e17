"""A lock that was lost can be taken again, by one of those who would, whatever database the history is in."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import make_url

from rotator.errors import HistoryUnavailable, RotationRunning
from rotator.history.engine.database import Database, open_database
from rotator.history.engine.sqlite import file_of, locks_folder
from rotator.history.locks.advisory import lock_key
from tests.contract.history.databases import NOW
from tests.contract.servers.postgres import execute, scratch_database

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.history.locks.locks import RotationLocks

ENDED = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

SIGNED = """
    SELECT application_name FROM pg_stat_activity
    WHERE datname = current_database() AND application_name ~ ' since '
"""


@pytest.fixture
def locks(database: Database) -> RotationLocks:
    return database.rotation_locks(lambda: NOW)


@pytest.fixture
def lose(database_url: str) -> Callable[[], object]:
    """Takes the lock away from whoever has it."""
    if database_url.startswith("sqlite"):
        return (locks_folder(file_of(make_url(database_url))) / "billing.lock").unlink
    return partial(execute, database_url, ENDED)


def test_a_lost_lock_is_taken_again_and_keeps_others_away(locks: RotationLocks, lose: Callable[[], object]) -> None:
    with locks.hold("billing") as hold:
        lose()
        assert not hold.still_held()
        hold.take_again()
        hold.check()
        with pytest.raises(RotationRunning, match=f"by process {os.getpid()} on"), locks.hold("billing"):
            pass
    with locks.hold("billing"):
        pass


def test_a_lock_that_is_held_is_left_alone(locks: RotationLocks) -> None:
    with locks.hold("billing") as hold:
        hold.take_again()
        hold.check()
    with locks.hold("billing"):
        pass


def test_who_comes_too_late_does_not_get_a_lost_lock_back(database: Database, lose: Callable[[], object]) -> None:
    first, second = (database.rotation_locks(clock) for clock in (lambda: NOW, lambda: NOW.replace(year=2027)))
    with first.hold("billing") as hold:
        lose()
        with second.hold("billing") as another:
            for _ in range(2):
                with pytest.raises(RotationRunning, match="since 2027"):
                    hold.take_again()
                assert not hold.still_held()
            another.check()
        hold.take_again()
        hold.check()


def test_of_two_that_lost_a_lock_one_has_it_again(database: Database, lose: Callable[[], object]) -> None:
    first, second = (database.rotation_locks(clock) for clock in (lambda: NOW, lambda: NOW.replace(year=2027)))
    with first.hold("billing") as hold:
        lose()
        with second.hold("billing") as another:
            lose()
            hold.take_again()
            with pytest.raises(RotationRunning, match="since 2026"):
                another.take_again()
            hold.check()
            assert not another.still_held()


def test_a_session_that_the_server_has_not_given_up_is_waited_for(postgres_url: str) -> None:
    with (
        scratch_database(postgres_url) as url,
        open_database(url) as database,
        database.rotation_locks(lambda: NOW).hold("billing") as hold,
    ):
        ((name,),) = execute(url, SIGNED)
        execute(url, ENDED)
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as left_over:
            key = [lock_key("public", "billing")]
            left_over.execute("SELECT set_config('application_name', %s, false)", [name])
            left_over.execute("SELECT pg_advisory_lock(%s)", key)
            with pytest.raises(HistoryUnavailable, match="still that of a session"):
                hold.take_again()
            left_over.execute("SELECT pg_advisory_unlock(%s)", key)
        hold.take_again()
        hold.check()
