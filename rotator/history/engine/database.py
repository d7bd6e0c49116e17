"""The history database: opened, brought up to date on first use, used in whole transactions."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from rotator.errors import ConfigurationError, HistoryError, HistoryUnavailable
from rotator.history.engine import postgres, sqlite, upgrades
from rotator.history.engine.damage import UnreadableRows
from rotator.history.engine.transactions import committed, purpose
from rotator.history.failures.failures import database_failures
from rotator.history.locks.advisory import AdvisoryLocks
from rotator.history.locks.locks import FileLocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from sqlalchemy import URL, Connection, Engine

    from rotator.config.database import DatabaseSettings
    from rotator.core.secret import Secret
    from rotator.errors import Holder
    from rotator.history.locks.locks import RotationLocks
    from rotator.history.signing.signer import Signer

LOCK_TIMEOUT: Final = timedelta(seconds=15)
"""How long one writer waits for another."""


def open_configured(settings: DatabaseSettings, environ: Mapping[str, str], *, only_reads: bool = False) -> Database:
    """The database that config.yaml names. Raises ConfigurationError, and what `open_database` raises."""
    password = settings.password.resolve(environ) if settings.password else None
    return open_database(settings.url, password=password, insecure=bool(settings.insecure), only_reads=only_reads)


def open_database(
    url: str,
    *,
    password: Secret | None = None,
    lock_timeout: timedelta = LOCK_TIMEOUT,
    insecure: bool = False,
    only_reads: bool = False,
) -> Database:
    """The database that the URL names: `sqlite:///PATH`, made if it is not there, or `postgresql+psycopg://...`.

    A Postgres server is called when the database is first used, with the password if it is given. One that is opened
    with `only_reads` makes, upgrades and writes nothing: the database itself refuses it. Raises ConfigurationError for
    a URL of another kind, and where the environment leads to a server that proves nothing, unless that is meant
    (`insecure`); HistoryError or HistoryUnavailable when a file cannot be opened.
    """
    parsed = _parse(url)
    if parsed.drivername in postgres.SCHEMES:
        server = postgres.checked(parsed)
        if not insecure:
            postgres.refuse_elsewhere(server)
        return _on_server(server, password, lock_timeout, only_reads=only_reads)
    file = sqlite.file_of(parsed)
    opening = sqlite.open_reader if only_reads else sqlite.open_engine
    locks = partial(FileLocks, sqlite.locks_folder(file))
    return Database(opening(file, lock_timeout), _name(parsed), locks, only_reads=only_reads)


def name_of(url: str) -> str:
    """The database's URL for people, without a password. Raises ConfigurationError for a URL of another kind."""
    return _name(_parse(url))


def file_of(url: str) -> Path | None:
    """The file that the URL names; None for a server's. Raises ConfigurationError as `open_database` does."""
    parsed = _parse(url)
    return None if parsed.drivername in postgres.SCHEMES else sqlite.file_of(parsed)


def _on_server(url: URL, password: Secret | None, lock_timeout: timedelta, *, only_reads: bool) -> Database:
    name = _name(url)
    if password is not None:
        url = url.set(password=password.reveal())
    engine = postgres.open_engine(url, lock_timeout, only_reads=only_reads)
    sessions = postgres.open_lock_engine(url, lock_timeout, only_reads=only_reads)
    locks = partial(AdvisoryLocks, sessions, name, asking=partial(_reading, engine))
    return Database(engine, name, locks, only_reads=only_reads)


@contextmanager
def _reading(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection.execution_options(**purpose(reading=True))


class Database:
    """The history's database. Threads may share it. Every method raises HistoryError or HistoryUnavailable."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        rotation_locks: Callable[[Callable[[], datetime]], RotationLocks],
        *,
        only_reads: bool = False,
    ) -> None:
        self._engine: Final = engine
        self._only_reads: Final = only_reads
        self._current = False
        self._upgrading: Final = threading.Lock()
        self.name: Final = name
        """The URL for people, with `***` for a password."""
        self.rotation_locks: Final = rotation_locks
        """Makes, by a clock, the locks of everyone who uses this database, however their configurations name it."""
        self.unreadable: Final = UnreadableRows()
        """The rows that were met, and cannot be read whole."""
        self.signer: Signer | None = None
        """Signs the events that are written, and knows whose signatures count; nobody does unless it is set."""
        self.stands_in_for = ""
        """The history that is not there yet, of which this is an empty image for a command that only reads."""

    @property
    def configured_name(self) -> str:
        """The URL, for people, of the history that the configuration names."""
        return self.stands_in_for or self.name

    @property
    def version(self) -> str | None:
        """The version of the tables, None in a new database."""
        with self._transaction(reading=True) as connection:
            return upgrades.version_of(connection)

    @property
    def is_empty(self) -> bool:
        """Whether nobody has made any table in it yet."""
        with self._transaction(reading=True) as connection:
            return upgrades.is_empty(connection)

    def upgrade(self) -> Self:
        """Brings the tables to this release's version; safe when many start at once. Returns the database.

        Raises HistoryError, and changes nothing, for a database of a later release or of another program, and
        HistoryUnavailable for one of an earlier release that is only read.
        """
        with self._upgrading:
            if not self._current and not upgrades.is_current(self.version, self.name):
                if self._only_reads:
                    raise _not_upgraded(self.name)
                with self._transaction(reading=False) as connection:
                    upgrades.apply(connection, self.name)
            self._current = True
        return self

    def holders(self, credentials: Iterable[str]) -> dict[str, Holder]:
        """Who is rotating which of them just now. No lock is taken for it, so that it disturbs no rotation."""
        return self.rotation_locks(_signs_nothing).holders(credentials)

    def maintain(self) -> None:
        """Has the database keep its statistics up to date, where it does not by itself: SQLite does not."""
        if self._engine.dialect.name == "sqlite":
            with self._transaction(reading=False) as connection:
                connection.exec_driver_sql("PRAGMA optimize")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write: one at a time, so that what was read in it holds until it ends.

        It is committed at the end, and rolled back when an exception leaves it. The first use upgrades the tables.
        """
        if self._only_reads:
            raise HistoryError(f"The history database {self.name} is only read here.", effect="Nothing was changed.")
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
            connection.execution_options(**purpose(reading=reading, signer=self.signer, unreadable=self.unreadable))
            with connection.begin():
                yield connection
            committed(connection)

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


def _not_upgraded(name: str) -> HistoryUnavailable:
    return HistoryUnavailable(
        f"The history database {name} has not been brought to this release yet.",
        effect="Nothing was changed: here it is only read.",
        hint="Start `rotator run` of this release; `rotator db upgrade` does it, too.",
    )


def _signs_nothing() -> datetime:
    raise AssertionError("who takes no lock has no time to write down")


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Not quoted: what cannot be parsed may hold a password all the same.
        raise _unknown("has a URL that cannot be read") from None
    if parsed.drivername not in {"sqlite", *postgres.SCHEMES}:
        raise _unknown(f"is of a kind that this release does not know, `{parsed.drivername}`")
    return parsed


def _name(url: URL) -> str:
    # Of the options only where the server is: the others may hold secrets.
    hosts = {name: value for name, value in url.query.items() if name == "host"}
    return url.set(query=hosts).render_as_string(hide_password=True)


def _unknown(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"The history database {what}.",
        hint=f"Set `database: sqlite:///PATH`, or `{postgres.DRIVER}://USER@HOST/DATABASE`, in config.yaml.",
    )
