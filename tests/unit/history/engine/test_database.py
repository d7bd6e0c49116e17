from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, event, insert

from rotator.errors import ConfigurationError, HistoryError, HistoryUnavailable
from rotator.history.engine.database import Database, open_database
from rotator.history.engine.tables import HEAD
from rotator.history.engine.upgrades import known_versions
from rotator.history.journal import queries, verification
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from rotator.history.journal.journal import Journal

BRIEFLY = timedelta(milliseconds=50)

LOADED = """
import sys
from rotator.history.engine.database import open_database
import rotator.history.journal.journal, rotator.history.locks.locks
import rotator.history.journal.queries, rotator.history.sightings
with open_database(sys.argv[1]) as database:
    database.upgrade()
print([name for name in ("alembic", "sqlalchemy.orm", "psycopg") if name in sys.modules])
"""


@pytest.fixture
def other_program(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        yield connection


def pages_end(database: Database) -> None:
    """Lets the database's file grow no more, as a full disk would."""
    set_on_connect(database._engine, "PRAGMA max_page_count = 1")


def set_on_connect(engine: Engine, statement: str) -> None:
    engine.dispose()
    event.listen(engine, "connect", lambda connection, _: connection.execute(statement))


@longer
def test_a_new_database_and_its_folders_are_the_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "var" / "rotator" / "rotator.db"
    umask = os.umask(0)
    try:
        with open_database(f"sqlite:///{file}") as database, database.writing():
            made = [*file.parent.iterdir(), file.parent, file.parent.parent]
            modes = {path.name: oct(path.stat().st_mode & 0o777) for path in made}
    finally:
        os.umask(umask)

    assert modes == {
        "var": "0o700",
        "rotator": "0o700",
        "rotator.db.locks": "0o700",
        "rotator.db": "0o600",
        "rotator.db-wal": "0o600",
        "rotator.db-shm": "0o600",
    }


def test_what_was_written_is_there_when_it_is_opened_again(database: Database, journal: Journal, now: datetime) -> None:
    written = journal.record("verify", now=now)
    database.close()

    with open_database(database.name) as again:
        assert queries.events(again) == [written]


@longer
def test_a_file_that_is_up_to_date_loads_no_migrations_and_no_other_driver(file: Path) -> None:
    command = [sys.executable, "-c", LOADED, f"sqlite:///{file}"]

    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_at_rest_it_keeps_no_connection_that_nobody_uses(database: Database, journal: Journal, now: datetime) -> None:
    database.upgrade()
    connections = [database._engine.connect() for _ in range(4)]
    for each in connections[1:]:
        each.close()
    closed: list[object] = []
    event.listen(database._engine, "close", lambda connection, _record: closed.append(connection))
    database.rest()
    assert len(closed) == 3, "all but the one that is in use"
    assert connections[0].exec_driver_sql("SELECT 1").scalar() == 1
    connections[0].close()
    written = journal.record("verify", now=now)
    assert queries.events(database) == [written]


def test_a_file_that_is_no_database_is_an_error_in_words(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Certificates to renew this year: " * 50)

    with pytest.raises(HistoryError, match=r"notes\.txt is not a database"):
        open_database(f"sqlite:///{file}")
    assert file.read_text().startswith("Certificates")


def test_a_damaged_database_is_an_error_in_words(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))

    with pytest.raises(HistoryError, match="is damaged"), open_database(f"sqlite:///{file}") as database:
        queries.events(database)


def test_a_folder_in_the_databases_place_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="cannot be opened"):
        open_database(f"sqlite:///{tmp_path}")


def test_a_file_in_the_folders_place_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(HistoryError, match="cannot be made: not a directory"):
        open_database(f"sqlite:///{tmp_path}/file/rotator.db")


def test_a_full_disk_writes_nothing_and_harms_nothing(database: Database, journal: Journal, now: datetime) -> None:
    journal.record("verify", now=now)
    pages_end(database)

    with pytest.raises(HistoryUnavailable, match="the disk is full") as caught:
        journal.record("verify", now=now, padding="x" * 100_000)

    assert "everything before it is as it was" in str(caught.value)
    assert (verification.verify(database).events, verification.verify(database).intact) == (1, True)


def test_a_full_disk_at_first_use_leaves_a_database_that_can_be_used_later(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/rotator.db"
    with open_database(url) as database:
        pages_end(database)
        with pytest.raises(HistoryUnavailable, match="the disk is full"):
            database.upgrade()
        assert database.version is None

    with open_database(url) as database:
        assert database.upgrade().version == known_versions()[-1]


def test_a_read_only_database_can_be_read(database: Database, journal: Journal, now: datetime) -> None:
    written = journal.record("verify", now=now)
    set_on_connect(database._engine, "PRAGMA query_only = ON")

    with pytest.raises(HistoryError, match="it is read-only"):
        journal.record("verify", now=now)
    assert queries.events(database) == [written]


def test_a_writer_that_does_not_end_is_not_waited_for_for_ever(file: Path, other_program: sqlite3.Connection) -> None:
    other_program.execute("BEGIN IMMEDIATE")

    with open_database(f"sqlite:///{file}", lock_timeout=BRIEFLY) as database:
        with pytest.raises(HistoryUnavailable, match="held by another program"), database.writing():
            pass
        assert queries.events(database) == []
        other_program.execute("ROLLBACK")
        with database.writing():
            pass


def test_a_reader_does_not_keep_a_writer_waiting(file: Path, journal: Journal, now: datetime) -> None:
    journal.record("verify", now=now)
    with open_database(f"sqlite:///{file}", lock_timeout=BRIEFLY) as other, other.reading() as connection:
        connection.execute(HEAD.select())
        journal.record("verify", now=now)


def test_a_refused_statement_is_an_error_in_words_without_its_values(database: Database) -> None:
    with pytest.raises(HistoryError, match="UNIQUE") as caught, database.writing() as connection:
        connection.execute(insert(HEAD).values(id=1, events=0, hash="s3cret"))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://alex:s3cret@db/rotator", "does not know, `mysql`"),
        ("s3cret", "cannot be read"),
        ("", "cannot be read"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("sqlite:////tmp/x.db?password=s3cret", "takes no options"),
    ],
)
def test_a_url_of_another_kind_is_refused_without_showing_it(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        open_database(url)
    assert "s3cret" not in str(caught.value)
    assert "sqlite:///PATH" in str(caught.value)


def test_a_databases_name_never_shows_a_password() -> None:
    url = "postgresql+psycopg://alex:s3cret@db.example/rotator?sslpassword=s3cret"

    with open_database(url) as database:
        assert database.name == "postgresql+psycopg://alex:***@db.example/rotator"
        assert repr(database) == "<Database postgresql+psycopg://alex:***@db.example/rotator>"


def test_a_databases_name_tells_where_it_is() -> None:
    with open_database("postgresql:///rotator?host=/run/postgresql&sslpassword=s3cret") as database:
        assert database.name == "postgresql+psycopg:///rotator?host=%2Frun%2Fpostgresql"


def test_a_server_without_a_database_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="names a server and no database"):
        open_database("postgresql://alex@db.example")


@longer
def test_threads_that_write_wait_for_each_other_and_not_for_the_file(tmp_path: Path) -> None:
    connected: list[int] = []
    with open_database(f"sqlite:///{tmp_path / 'rotator.db'}") as database:
        database.upgrade()
        here = threading.Barrier(4)

        def write(_: int) -> None:
            here.wait()
            for _ in range(5):
                with database.writing() as connection:
                    connected.append(connection.engine.pool.checkedout())  # type: ignore[attr-defined] # a QueuePool

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
    assert connected == [1] * 20
