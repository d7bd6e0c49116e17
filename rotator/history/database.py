"""The history database: opened, brought up to date on first use, used in whole transactions."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from rotator.errors import ConfigurationError
from rotator.history import sqlite, upgrades
from rotator.history.failures import database_failures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from sqlalchemy import URL, Connection, Engine

LOCK_TIMEOUT: Final = timedelta(seconds=15)
"""How long one writer waits for another."""


def open_database(url: str, *, lock_timeout: timedelta = LOCK_TIMEOUT) -> Database:
    """The database that the URL (`sqlite:///PATH`) names; it is made if it is not there.

    Raises ConfigurationError for a URL of another kind, HistoryError or HistoryUnavailable when it cannot be opened.
    """
    parsed = _parse(url)
    file = sqlite.file_of(parsed)
    return Database(sqlite.open_engine(file, lock_timeout), parsed, sqlite.locks_folder(file))


class Database:
    """The history's database. Threads may share it. Every method raises HistoryError or HistoryUnavailable."""

    def __init__(self, engine: Engine, url: URL, locks_folder: Path) -> None:
        self._engine: Final = engine
        self._current = False
        self._upgrading: Final = threading.Lock()
        self.name: Final = url.set(query={}).render_as_string(hide_password=True)
        """The URL for people, with `***` for a password."""
        self.locks_folder: Final = locks_folder
        """Where those who use this database keep their locks."""

    @property
    def version(self) -> str | None:
        """The version of the tables, None in a new database."""
        with self._transaction(reading=True) as connection:
            return upgrades.version_of(connection)

    def upgrade(self) -> Self:
        """Brings the tables to this release's version; safe when many start at once. Returns the database.

        Raises HistoryError, and changes nothing, for a database of a later release or of another program.
        """
        with self._upgrading:
            if not self._current and not upgrades.is_current(self.version, self.name):
                with self._transaction(reading=False) as connection:
                    upgrades.apply(connection, self.name)
            self._current = True
        return self

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write: one at a time, so that what was read in it holds until it ends.

        It is committed at the end, and rolled back when an exception leaves it. The first use upgrades the tables.
        """
        self.upgrade()
        with self._transaction(reading=False) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees the database as it was at its first read. The first use upgrades the tables."""
        self.upgrade()
        with self._transaction(reading=True) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, reading: bool) -> Iterator[Connection]:
        with database_failures(self.name), self._engine.connect() as connection:
            connection.execution_options(**{sqlite.READING: reading})
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Closes every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Database {self.name}>"


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # Not quoted: what cannot be parsed may hold a password all the same.
        raise _unknown("has a URL that cannot be read") from None
    if parsed.drivername != "sqlite":
        raise _unknown(f"is of a kind that this release does not know, `{parsed.drivername}`")
    return parsed


def _unknown(what: str) -> ConfigurationError:
    return ConfigurationError(f"The history database {what}.", advice="Set `database: sqlite:///PATH` in config.yaml.")
