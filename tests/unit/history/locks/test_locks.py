from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rotator.errors import HistoryError, RotationRunning
from rotator.history.engine.database import Database, open_database
from rotator.history.engine.sqlite import locks_folder
from rotator.history.locks.locks import FileLocks, RotationLocks


@pytest.fixture
def folder(file: Path) -> Path:
    return locks_folder(file)


@pytest.fixture
def locks(database: Database, now: datetime) -> RotationLocks:
    return database.rotation_locks(lambda: now)


def test_two_paths_to_one_database_share_the_locks(file: Path, locks: RotationLocks, now: datetime) -> None:
    link = file.with_name("link.db")
    link.symlink_to(file)

    with open_database(f"sqlite:///{link}") as same:
        others = same.rotation_locks(lambda: now)
        with locks.hold("billing"), pytest.raises(RotationRunning), others.hold("billing"):
            pass


def test_lock_files_are_the_owners_alone(folder: Path, locks: RotationLocks) -> None:
    with locks.hold("billing"):
        (lock,) = folder.iterdir()
    assert lock.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_holder_that_has_not_signed_yet_is_named_as_well_as_can_be(folder: Path, locks: RotationLocks) -> None:
    with locks.hold("billing"):
        os.truncate(folder / "billing.lock", 0)
        with pytest.raises(RotationRunning, match="by another process"), locks.hold("billing"):
            pass


def test_a_lock_whose_file_was_taken_away_is_lost(folder: Path, locks: RotationLocks) -> None:
    with locks.hold("billing") as hold:
        (folder / "billing.lock").unlink()
        assert not hold.still_held()
        with locks.hold("billing") as another:
            assert another.still_held()
            assert not hold.still_held()


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


@pytest.mark.parametrize("make", ["symlink_to", "hardlink_to"])
def test_what_only_has_the_name_of_a_lock_is_not_emptied(
    folder: Path, locks: RotationLocks, tmp_path: Path, make: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    getattr(folder / "billing.lock", make)(victim)

    with pytest.raises(HistoryError), locks.hold("billing"):
        pytest.fail("it was taken")
    assert victim.read_text() == "precious"
