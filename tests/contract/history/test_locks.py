"""One rotation of a credential at a time, whatever database the history is in."""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from rotator.errors import RotationRunning
from rotator.history.engine.database import Database, open_database
from tests.contract.history.databases import NOW, together
from tests.end_to_end.processes import start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.history.locks.locks import RotationLocks
    from tests.end_to_end.processes import Process

HOLDER = """
import signal, sys
from datetime import UTC, datetime
from rotator.history.engine.database import open_database
locks = open_database(sys.argv[1]).rotation_locks(lambda: datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
with locks.hold(sys.argv[2]):
    print("held", flush=True)
    signal.pause()
"""

DEADLINE = 60.0
"""Seconds after which a test gives up waiting: what is promised is that it comes, and a busy machine takes its time."""


@pytest.fixture
def locks(database: Database) -> RotationLocks:
    return database.rotation_locks(lambda: NOW)


@pytest.fixture
def holder(database_url: str) -> Iterator[Process]:
    """Another process that holds `billing`."""
    with start("python", "-c", HOLDER, database_url, "billing") as process:
        assert process.stdout.readline() == "held\n"
        yield process


def test_a_credential_is_held_by_one_who_is_named(locks: RotationLocks) -> None:
    with locks.hold("billing"):
        with pytest.raises(RotationRunning) as caught, locks.hold("billing"):
            pass
        holder = caught.value.holder
        assert holder
        assert (holder.pid, holder.host[:10]) == (os.getpid(), os.uname().nodename[:10])
        assert holder.since == NOW.replace(microsecond=0)
        assert f"by process {os.getpid()} on {os.uname().nodename[:10]}" in str(caught.value)
        assert "since 2026-11-23 12:31:47 UTC" in str(caught.value)
        assert "Nothing was changed." in str(caught.value)


def test_who_lets_go_can_hold_again_at_once(locks: RotationLocks) -> None:
    for _ in range(20):
        with locks.hold("billing") as hold:
            assert hold.still_held()
            hold.check()


def test_many_are_held_one_after_the_other_and_those_of_others_left_out(holder: Process, locks: RotationLocks) -> None:
    held = []
    with closing(locks.one_by_one(["archive", "billing", "crm", "erp"])) as holds:
        for hold in holds:
            hold.check()
            held.append((hold.credential, sorted(locks.holders(["archive", "billing", "crm", "erp"]))))
            if hold.credential == "crm":
                break
    assert held == [("archive", ["archive", "billing"]), ("crm", ["billing", "crm"])]
    assert set(locks.holders(["archive", "billing", "crm", "erp"])) == {"billing"}
    assert holder.poll() is None


def test_an_error_inside_lets_go(locks: RotationLocks) -> None:
    with pytest.raises(KeyboardInterrupt), locks.hold("billing"):
        raise KeyboardInterrupt
    with locks.hold("billing"):
        pass


def test_other_credentials_are_free(locks: RotationLocks) -> None:
    with locks.hold("billing"), locks.hold("shipping"), locks.hold("../billing"), locks.hold(".."):
        pass


def test_those_who_share_a_database_share_its_locks(database_url: str, locks: RotationLocks) -> None:
    with open_database(database_url) as other, locks.hold("billing"):
        elsewhere = other.rotation_locks(lambda: NOW)
        with pytest.raises(RotationRunning), elsewhere.hold("billing"):
            pass
        with elsewhere.hold("shipping"):
            pass


def test_of_many_who_would_rotate_a_credential_one_does(locks: RotationLocks) -> None:
    done, refused = threading.Barrier(8), list[RotationRunning]()

    def rotate(_: int) -> None:
        try:
            with locks.hold("billing"):
                done.wait()
        except RotationRunning as error:
            refused.append(error)
            done.wait()

    together(rotate)

    assert len(refused) == 7


def test_another_process_is_refused_and_named(holder: Process, locks: RotationLocks) -> None:
    named = rf"process {holder.pid} on .+, since 2026-11-23 12:00:00 UTC"
    with pytest.raises(RotationRunning, match=named), locks.hold("billing"):
        pass
    with locks.hold("shipping"):
        pass


def test_who_asks_is_told_the_holders_and_takes_nothing(
    holder: Process, locks: RotationLocks, database: Database
) -> None:
    with locks.hold("shipping"):
        found = database.holders(["billing", "shipping", "warehouse"])
        assert {name: each.pid for name, each in found.items()} == {"billing": holder.pid, "shipping": os.getpid()}
        assert found["billing"].since == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert set(database.holders(["billing", "shipping"])) == {"billing"}


def test_who_asks_again_and_again_keeps_nobody_from_taking_it(locks: RotationLocks, database: Database) -> None:
    asked, over = threading.Event(), threading.Event()

    def ask() -> None:
        while not over.is_set():
            database.holders(["billing"])
            asked.set()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        assert asked.wait(DEADLINE)
        for _ in range(20):
            with locks.hold("billing"):
                pass
    finally:
        over.set()
        asking.join()


def test_a_lock_dies_with_its_process(holder: Process, locks: RotationLocks, database: Database) -> None:
    holder.kill()
    holder.wait()

    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            with locks.hold("billing") as hold:
                assert hold.still_held()
            assert not database.holders(["billing"])
            return
        except RotationRunning:
            continue
    pytest.fail("the lock of a dead process is held")


def test_a_held_credential_does_not_keep_the_history_from_being_written(holder: Process, database: Database) -> None:
    assert holder.poll() is None
    with database.writing():
        pass
