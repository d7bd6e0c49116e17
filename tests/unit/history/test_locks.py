from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rotator.errors import HistoryError, RotationRunning
from rotator.history.database import Database, open_database
from rotator.history.locks import FileLocks, RotationLocks, rotation_locks

HOLDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from rotator.history.locks import FileLocks
with FileLocks(Path(sys.argv[1]), lambda: datetime(2026, 11, 23, 12, 0, tzinfo=UTC)).hold("billing"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def locks(database: Database, now: datetime) -> RotationLocks:
    return rotation_locks(database, lambda: now)


def test_a_credential_is_held_by_one(locks: RotationLocks) -> None:
    with locks.hold("billing"):
        with pytest.raises(RotationRunning) as caught, locks.hold("billing"):
            pass
        assert f"by process {os.getpid()} on " in str(caught.value)
        assert "since 2026-11-23 12:31:47 UTC" in str(caught.value)
        assert "Nothing was changed." in str(caught.value)
    with locks.hold("billing"):
        pass


def test_another_thread_is_refused_as_well(locks: RotationLocks) -> None:
    refused = []

    def try_to_hold() -> None:
        try:
            with locks.hold("billing"):
                pass
        except RotationRunning as error:
            refused.append(error)

    with locks.hold("billing"):
        thread = threading.Thread(target=try_to_hold)
        thread.start()
        thread.join()
    assert len(refused) == 1


def test_other_credentials_are_free(locks: RotationLocks) -> None:
    with locks.hold("billing"), locks.hold("shipping"), locks.hold("../billing"), locks.hold(".."):
        pass


def test_an_error_inside_lets_go(locks: RotationLocks) -> None:
    with pytest.raises(KeyboardInterrupt), locks.hold("billing"):
        raise KeyboardInterrupt
    with locks.hold("billing"):
        pass


def test_two_paths_to_one_database_share_the_locks(file: Path, locks: RotationLocks, now: datetime) -> None:
    link = file.with_name("link.db")
    link.symlink_to(file)

    with open_database(f"sqlite:///{link}") as same:
        others = rotation_locks(same, lambda: now)
        with locks.hold("billing"), pytest.raises(RotationRunning), others.hold("billing"):
            pass


def test_lock_files_are_the_owners_alone(database: Database, locks: RotationLocks) -> None:
    with locks.hold("billing"):
        (lock,) = database.locks_folder.iterdir()
    assert lock.stat().st_mode & 0o777 == 0o600
    assert database.locks_folder.stat().st_mode & 0o777 == 0o700


def test_a_lock_dies_with_its_process(database: Database, locks: RotationLocks) -> None:
    command = [sys.executable, "-c", HOLDER, str(database.locks_folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RotationRunning, match=f"process {holder.pid} on .*, since 2026-11-23 12:00:00 UTC"):
            locks.hold("billing").__enter__()

        holder.send_signal(signal.SIGKILL)
        holder.wait()

        with locks.hold("billing"):
            pass


def test_a_holder_that_has_not_signed_yet_is_named_as_well_as_can_be(database: Database, locks: RotationLocks) -> None:
    with locks.hold("billing"):
        os.truncate(database.locks_folder / "billing.lock", 0)
        with pytest.raises(RotationRunning, match="by another process"), locks.hold("billing"):
            pass


def test_a_lock_that_cannot_be_made_is_an_error_in_words(tmp_path: Path) -> None:
    locks = FileLocks(tmp_path / "absent", lambda: datetime(2026, 11, 23, tzinfo=UTC))

    with (
        pytest.raises(HistoryError, match=r"The lock .*billing\.lock cannot be made: no such file"),
        locks.hold("billing"),
    ):
        pass


def test_a_refused_hold_leaves_no_file_open(locks: RotationLocks) -> None:
    with locks.hold("billing"):
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            with pytest.raises(RotationRunning), locks.hold("billing"):
                pass
        assert len(list(Path("/proc/self/fd").iterdir())) == before
