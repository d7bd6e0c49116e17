"""Who opens the history to read it can do nothing else to it: the database refuses, whatever the program does."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, make_url, text
from sqlalchemy.exc import DBAPIError

from rotator.errors import HistoryError, HistoryUnavailable
from rotator.history.engine import sqlite
from rotator.history.engine.database import Database, open_database
from rotator.history.engine.tables import HEAD
from rotator.history.engine.upgrades import known_versions
from rotator.history.journal import queries
from rotator.history.journal.journal import Journal
from tests.contract.history.databases import NEW_ROTATION, NOW, Kind, make_release
from tests.contract.servers.postgres import scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta
    from pathlib import Path


@pytest.fixture
def reader(database_url: str) -> Iterator[Database]:
    with open_database(database_url, only_reads=True) as reader:
        yield reader


def test_it_sees_what_others_write_while_they_do(database: Database, reader: Database) -> None:
    assert queries.rotations(reader, "billing") == []
    Journal(database).begin_rotation(NEW_ROTATION, NOW)
    assert [each.credential for each in queries.rotations(reader, "billing")] == ["billing"]


def test_it_sees_who_holds_a_lock_and_takes_none(database: Database, reader: Database) -> None:
    with database.rotation_locks(lambda: NOW).hold("billing"):
        assert reader.holders(["billing"])["billing"].pid == os.getpid()
    assert reader.holders(["billing"]) == {}


def test_a_writer_need_not_wait_for_it(database: Database, reader: Database) -> None:
    with reader.reading() as connection:
        connection.execute(text("SELECT events FROM head")).all()
        Journal(database).begin_rotation(NEW_ROTATION, NOW)


def test_the_program_does_not_write(reader: Database) -> None:
    with pytest.raises(HistoryError, match="only read here"), reader.writing():
        pass


@pytest.mark.parametrize(
    "statement",
    ["UPDATE head SET events = 7", "DELETE FROM rotation", "CREATE TABLE more (id INTEGER)", "DROP TABLE event"],
)
def test_the_database_refuses_to_write(database: Database, reader: Database, statement: str) -> None:
    with reader._engine.connect() as connection, pytest.raises(DBAPIError, match=r"read-?only"):
        connection.execute(text(statement))
    with database.reading() as connection:
        assert connection.scalar(text("SELECT events FROM head")) == 0


def test_a_history_of_an_earlier_release_is_waited_for_and_left_as_it_is(database_kind: Kind) -> None:
    with database_kind.empty() as url:
        earlier = known_versions()[-2]
        with open_database(url) as database:
            make_release(database, earlier)
        with open_database(url, only_reads=True) as reader:
            with pytest.raises(HistoryUnavailable, match="not been brought to this release"), reader.reading():
                pass
            assert reader.version == earlier
        with open_database(url) as database, database.writing():
            pass
        with open_database(url, only_reads=True) as reader, reader.reading():
            assert reader.version == known_versions()[-1]


def test_an_url_cannot_ask_for_more_rights(postgres_url: str) -> None:
    with scratch_database(postgres_url) as url:
        with open_database(url) as database:
            database.upgrade()
        options = make_url(url).update_query_dict({"options": "-c default_transaction_read_only=off"})
        with (
            open_database(options.render_as_string(hide_password=False), only_reads=True) as reader,
            reader._engine.connect() as connection,
            pytest.raises(DBAPIError, match="read-only"),
        ):
            connection.execute(insert(HEAD).values(id=2, events=0, hash="0" * 64))


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "var" / "rotator.db"
    with open_database(f"sqlite:///{file}", only_reads=True) as reader:
        with pytest.raises(HistoryUnavailable, match="There is no history"), reader.reading():
            pass
        assert reader.holders(["billing"]) == {}
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which SQLite can make nothing once it is closed."""
    yield tmp_path
    tmp_path.chmod(0o700)


def close_to_writers(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, file_mode: int = 0o400, says: str = "SQLITE_CANTOPEN"
) -> None:
    (folder / "rotator.db").chmod(file_mode)
    folder.chmod(0o500)
    if os.geteuid():
        return
    opened = sqlite._opened_to_read

    def as_for_others(file: Path, option: str, lock_timeout: timedelta) -> sqlite3.Connection:
        """What SQLite says to everybody else; root can write there all the same."""
        if option == "mode=ro" and not file.with_name("rotator.db-wal").exists():
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorname = says
            raise error
        return opened(file, option, lock_timeout)

    monkeypatch.setattr(sqlite, "_opened_to_read", as_for_others)


@pytest.mark.parametrize(
    ("file_mode", "says"),
    [(0o400, "SQLITE_CANTOPEN"), (0o600, "SQLITE_READONLY_DIRECTORY")],
    ids=["neither", "the file"],
)
def test_a_file_that_nobody_has_open_is_read_where_nothing_can_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, file_mode: int, says: str
) -> None:
    file = folder / "rotator.db"
    with open_database(f"sqlite:///{file}") as database:
        Journal(database).begin_rotation(NEW_ROTATION, NOW)
    assert not (folder / "rotator.db-wal").exists()
    close_to_writers(folder, monkeypatch, file_mode=file_mode, says=says)
    with open_database(f"sqlite:///{file}", only_reads=True) as reader:
        assert len(queries.rotations(reader, "billing")) == 1
