"""A store or a history that cannot be used loses nothing: what cannot be kept or written down is not begun."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
from typing import TYPE_CHECKING, Any

from rotator.history.engine.database import open_database
from rotator.simulator.serving.server import utc_now
from rotator.stores.files.disk import Directory
from tests.end_to_end.strangers import SCRIPTS, Folder, run_unread
from tests.end_to_end.troubles import refused

if TYPE_CHECKING:
    import pytest


def test_a_store_that_cannot_be_a_folder(folder: Folder) -> None:
    (folder.path / "taken").write_text("a file")
    wrong = folder.configured("changed.yaml", stores={"keys": {"type": "files", "path": "taken"}})
    refused(wrong.rotate("now", "billing"), 1, "'keys'", "is not a directory")
    checked = wrong.rotator("check")
    assert checked.code == 1
    assert "✗ failed   store keys" in checked.out


def test_a_damaged_version_is_neither_used_nor_thrown_away(folder: Folder) -> None:
    document = folder.stored("billing") / "credential.json"
    document.write_text("{")
    before = folder.everything()
    refused(folder.rotate("now", "billing"), 1, f"billing/versions/{folder.fingerprint('billing')}")
    status = folder.rotator("status", "billing")
    assert (status.code, "✗ halted" in status.out) == (1, True)
    assert folder.everything() == before


def test_a_stage_that_points_nowhere(folder: Folder) -> None:
    versions = folder.path / "store" / "billing" / "versions"
    shutil.move(versions / str(folder.fingerprint("billing")), folder.path / "elsewhere")
    before = folder.everything()
    refused(folder.rotate("now", "billing"), 1, "billing")
    refused(folder.rotator("verify", "billing"), 1, "billing")
    assert folder.everything() == before


def test_a_store_that_others_can_read(folder: Folder) -> None:
    store = folder.path / "store"
    store.chmod(0o755)
    refused(folder.rotate("now", "billing"), 1, "open to other users (mode 0755)", f"chmod 700 {store}")


def full(*_: object, **__: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_under_the_store(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    before = folder.everything()
    with monkeypatch.context() as patch:
        patch.setattr(Directory, "write", full)
        refused(folder.rotate("now", "billing"), 3, "is full", "Make room")
    assert folder.everything() == before
    assert folder.rotate("now", "billing").code == 0
    assert folder.current_logs_in("production", "billing")


def test_a_full_disk_under_the_history(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder.rotator("history").code == 0
    before = folder.everything()
    connect = sqlite3.connect

    def without_room(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        # SQLite takes it as the number of pages that there are: the file cannot grow.
        connection.execute("PRAGMA max_page_count = 1")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr("sqlite3.dbapi2.connect", without_room)
        patch.setattr("sqlite3.connect", without_room)
        refused(folder.rotate("now", "reporting", "--reason", "x" * 50_000), 3, "the disk is full", "Make room")
    assert folder.everything() == before


def test_a_process_that_may_write_nothing(folder: Folder) -> None:
    assert folder.rotator("history").code == 0
    before = folder.everything()
    refused(folder.run("rotate", "now", "reporting", largest_file=0), 3, "rotator.db cannot be ", "Look at the disk")
    assert folder.everything() == before


def test_a_database_of_a_newer_version(folder: Folder) -> None:
    assert folder.rotator("db", "upgrade").code == 0
    with sqlite3.connect(folder.path / "rotator.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = folder.everything()
    for command in (["history"], ["status"], ["rotate", "now", "reporting"], ["inventory"]):
        refused(folder.rotator(*command), 1, "9999", "newer release")
    assert folder.everything() == before


def test_a_database_that_is_none(folder: Folder) -> None:
    (folder.path / "rotator.db").write_text("a shopping list, and not a short one\n" * 100)
    refused(folder.rotate("now", "reporting"), 1, "is not a database")


def test_two_rotations_at_once(folder: Folder) -> None:
    before = folder.everything()
    with open_database(f"sqlite:///{folder.path / 'rotator.db'}") as database:
        database.upgrade()
        with database.rotation_locks(utc_now).hold("reporting"):
            refused(folder.rotate("now", "reporting"), 3, "reporting", str(os.getpid()))
            assert folder.rotator("status", "reporting").code == 0
    assert folder.everything() == before


def test_a_rotation_ends_well_though_nobody_reads_what_it_says(folder: Folder) -> None:
    before = folder.fingerprint("legacy-sync")
    assert run_unread(folder, "rotate", "now", "legacy-sync") == 0
    assert folder.fingerprint("legacy-sync", "previous") == before
    assert folder.current_logs_in("production", "legacy-sync")
    (rotation,) = folder.rotator("history", "legacy-sync", "--json").json["rotations"]
    assert rotation["outcome"] == "rotated"


def test_a_database_is_not_written_into_by_what_is_printed_where_the_streams_are_closed(folder: Folder) -> None:
    program = [SCRIPTS / "rotate", "--config", folder.path / folder.config, "now", "reporting", "--verbose"]
    command = ["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', *map(str, program)]
    ended = subprocess.run(command, timeout=120, check=False)
    assert ended.returncode == 0
    assert folder.rotator("history", "verify").code == 0
    assert folder.current_logs_in("production", "reporting")
