"""The history in a SQLite file, with the settings without which it would lose updates."""

from __future__ import annotations

import fcntl
import os
import shlex
import sqlite3
import stat
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, QueuePool, create_engine, event

from rotator.errors import ConfigurationError, HistoryError, HistoryUnavailable
from rotator.history.engine.transactions import only_reads
from rotator.history.failures.failures import database_failures, file_failures
from rotator.trusted_files import group_that_writes, warn_or_refuse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta


def file_of(url: URL) -> Path:
    """The file that the URL names. Raises ConfigurationError for a database in memory, or with options."""
    if not url.database or url.database == ":memory:" or url.query:
        raise ConfigurationError(
            "The history database must be a file, and its URL takes no options.",
            hint="Set `database: sqlite:///PATH` in config.yaml.",
        )
    # Resolved, so that everyone who means this file takes the same locks beside it.
    return Path(url.database).resolve()


def locks_folder(file: Path) -> Path:
    """The folder beside the file, for the locks of those who use it."""
    return file.with_name(file.name + ".locks")


def open_engine(file: Path, lock_timeout: timedelta) -> Engine:
    """An engine on the file, which is made if it is not there: folders 0700, file 0600, in WAL mode.

    One writer waits for the other, at most for `lock_timeout`. Not for network file systems, which SQLite's WAL and
    flock(2) do not support. Raises HistoryError or HistoryUnavailable.
    """
    with file_failures(f"The history database {file}"), database_failures(str(file)):
        _make_folder(file.parent)
        _make_folder(locks_folder(file))
        with _alone(locks_folder(file)):
            _make_database(file, lock_timeout)
        for place in (file, file.parent, locks_folder(file)):
            _refuse_if_everybody_writes(place)
            _warn_of_a_group(place)
    engine = create_engine(
        URL.create("sqlite", database=str(file)),
        connect_args={"timeout": lock_timeout.total_seconds()},
        hide_parameters=True,
    )
    take_over_transactions(engine)
    return engine


def close_idle(engine: Engine) -> None:
    """Closes the connections that nobody uses: each keeps up to a megabyte, of pages and of prepared statements.

    They are opened anew when they are needed: there are more of them than ever after many threads had one at once.
    """
    pool = engine.pool
    for _ in range(pool.checkedin() if isinstance(pool, QueuePool) else 0):
        # The one that has waited for the longest: by and by it is each of them.
        engine.raw_connection().invalidate()


def open_reader(file: Path, lock_timeout: timedelta) -> Engine:
    """An engine that only reads the file, and makes nothing: SQLite refuses to write by it."""
    engine = create_engine(
        "sqlite://",
        creator=partial(_connect_to_read, file, lock_timeout),
        # A connection that is kept might be one to a file that nobody was writing to then.
        poolclass=NullPool,
        hide_parameters=True,
    )
    take_over_transactions(engine)
    return engine


_CANNOT_MAKE_FILES: Final = ("SQLITE_CANTOPEN", "SQLITE_READONLY_DIRECTORY")
"""What SQLite says where it may make no file beside the database: the second for whoever is not root (3.40)."""


def _connect_to_read(file: Path, lock_timeout: timedelta) -> sqlite3.Connection:
    if not file.exists():
        raise HistoryUnavailable(
            f"There is no history at {file} yet.",
            effect="Nothing was made: here it is only read.",
            hint="`rotator run` makes it when it first starts.",
        )
    try:
        return _opened_to_read(file, "mode=ro", lock_timeout)
    except sqlite3.OperationalError as error:
        # In a folder that cannot be written, SQLite opens a file in WAL mode only beside its -wal and -shm (SQLite,
        # "Write-Ahead Logging", "Read-Only Databases"). The last writer takes them away: so there is none.
        if error.sqlite_errorname not in _CANNOT_MAKE_FILES or file.with_name(file.name + "-wal").exists():
            raise
        return _opened_to_read(file, "immutable=1", lock_timeout)


def _opened_to_read(file: Path, option: str, lock_timeout: timedelta) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(file))}?{option}",
        uri=True,
        timeout=lock_timeout.total_seconds(),
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA query_only = ON")
        # The file is opened at the first reading.
        connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except BaseException:  # whatever it was, nobody else closes it
        connection.close()
        raise
    return connection


def take_over_transactions(engine: Engine) -> None:
    """Has the driver of each connection begin no transaction by itself: `begin` does."""
    event.listen(engine, "connect", _configure)


_CACHE: Final = 500
"""Kilobytes of pages that a connection keeps, where 2,000 are usual: several threads have connections of their own, and
nothing that was measured takes longer with less, as the system keeps the file in memory."""


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    connection.text_factory = _text
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = -{_CACHE}")


def _text(stored: bytes) -> str | bytes:
    """A text that is none stays as it is, so that one such value does not fail the query that meets it."""
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored


def begin(connection: Connection) -> None:
    """Begins a transaction; one that may write begins as the one writer.

    sqlite3 begins one only at the first write: two that read, then write, would both read the old value, and one
    update would be lost (SQLAlchemy, "Transactions with SQLite and the sqlite3 driver"). Not by SQLAlchemy's event for
    it: an engine with one has every statement ready for listeners, and together that is a third of what a read costs.
    """
    driver: Any = connection.connection.driver_connection
    driver.execute("BEGIN" if only_reads(connection) else "BEGIN IMMEDIATE")


def _make_database(file: Path, lock_timeout: timedelta) -> None:
    if not file.exists():
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(file, timeout=lock_timeout.total_seconds())) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def _refuse_if_everybody_writes(place: Path) -> None:
    """Whoever can write the file, or put another in its place, can say what was done, and hold every rotation up."""
    mode = stat.S_IMODE(place.stat().st_mode)
    # In a folder such as /tmp nobody can replace a file of another.
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise HistoryError(
            f"The history is where everybody can write: {place} has mode {mode:04o}.",
            effect="Nothing was touched.",
            hint=f"Type: chmod go-w {shlex.quote(str(place))}",
        )


def _warn_of_a_group(place: Path) -> None:
    group = group_that_writes(place)
    if group:
        warn_or_refuse(
            f"The group {group} can write the history: {place} has mode {stat.S_IMODE(place.stat().st_mode):04o}.",
            f"Whoever is in it can say what was done, and hold rotations up. Type: chmod g-w {shlex.quote(str(place))}",
        )


def _make_folder(folder: Path) -> None:
    for missing in [parent for parent in (*reversed(folder.parents), folder) if not parent.exists()]:
        missing.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    # Switching to WAL fails at once, without waiting, when two processes open a new file together.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
