"""The history database: opened, brought up to date on first use, used in whole transactions."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Final, Self

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from rotator.config.database import DRIVER, POSTGRES
from rotator.errors import NOTHING_CHANGED, ConfigurationError, HistoryError, HistoryUnavailable
from rotator.history.engine import sqlite, upgrades
from rotator.history.engine.damage import UnreadableRows
from rotator.history.engine.transactions import committed, purpose
from rotator.history.failures.failures import database_failures
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
    from rotator.history.engine.postgres import Server
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
    if parsed.drivername in POSTGRES:
        return _on_server(parsed, password, lock_timeout, insecure=insecure, only_reads=only_reads)
    file = sqlite.file_of(parsed)
    opening = sqlite.open_reader if only_reads else sqlite.open_engine
    locks = partial(FileLocks, sqlite.locks_folder(file))
    engine = opening(file, lock_timeout)
    return Database(engine, _name(parsed), locks, begin=sqlite.begin, only_reads=only_reads, turns=lock_timeout)


def name_of(url: str) -> str:
    """The database's URL for people, without a password. Raises ConfigurationError for a URL of another kind."""
    return _name(_parse(url))


def file_of(url: str) -> Path | None:
    """The file that the URL names; None for a server's. Raises ConfigurationError as `open_database` does."""
    parsed = _parse(url)
    return None if parsed.drivername in POSTGRES else sqlite.file_of(parsed)


def _on_server(
    url: URL, password: Secret | None, lock_timeout: timedelta, *, insecure: bool, only_reads: bool
) -> Database:
    # What is of a server's history alone is not loaded for a file.
    from rotator.history.engine import postgres  # noqa: PLC0415
    from rotator.history.locks.advisory import AdvisoryLocks  # noqa: PLC0415
    from rotator.history.locks.poolers import refuse_poolers  # noqa: PLC0415

    url = postgres.checked(url)
    if not insecure:
        postgres.refuse_elsewhere(url)
    name = _name(url)
    if password is not None:
        url = url.set(password=password.reveal())
    engine = postgres.open_engine(url, lock_timeout, only_reads=only_reads)
    sessions = postgres.open_lock_engine(url, lock_timeout, only_reads=only_reads)
    # Once: what is between here and the server stays as it is.
    prove = cache(partial(refuse_poolers, sessions, name))
    asking = partial(_reading, engine, postgres.begin)
    locks = partial(AdvisoryLocks, sessions, name, asking=asking, prove_sessions=prove)
    server = None if only_reads else postgres.Server(url, lock_timeout)
    return Database(
        engine, name, locks, begin=postgres.begin, only_reads=only_reads, server=server, prove_sessions=prove
    )


@contextmanager
def _reading(engine: Engine, begin: Callable[[Connection], None]) -> Iterator[Connection]:
    with engine.connect() as connection:
        connection.execution_options(**purpose(reading=True))
        begin(connection)
        yield connection


class Database:
    """The history's database. Threads may share it. Every method raises HistoryError or HistoryUnavailable."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        rotation_locks: Callable[[Callable[[], datetime]], RotationLocks],
        *,
        begin: Callable[[Connection], None],
        only_reads: bool = False,
        turns: timedelta | None = None,
        server: Server | None = None,
        prove_sessions: Callable[[], None] = lambda: None,
    ) -> None:
        """`turns`: how long threads wait to be the one that writes; None where the database has them wait in a row."""
        self._engine: Final = engine
        self._begin: Final = begin
        self._turns: Final = turns
        self._turn: Final = threading.Lock()
        self._only_reads: Final = only_reads
        self._current = False
        self._upgrading: Final = threading.Lock()
        self.name: Final = name
        """The URL for people, with `***` for a password."""
        self.rotation_locks: Final = rotation_locks
        """Makes, by a clock, the locks of everyone who uses this database, however their configurations name it."""
        self.server: Final = server
        """Where machines share it, and have a queue beside it; None for a file, and where it is only read."""
        self.prove_sessions: Final = prove_sessions
        """Raises HistoryError where its locks would keep nobody apart, as sessions are handed around on the way."""
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
    def is_shared(self) -> bool:
        """Whether several machines can share it, as it is on a server."""
        return self._engine.dialect.name != "sqlite"

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

    def rest(self) -> None:
        """Has what keeps memory for the next use give it back, where it is a file."""
        if not self.is_shared:
            with database_failures(self.name):
                sqlite.close_idle(self._engine)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write: one at a time, so that what was read in it holds until it ends.

        It is committed at the end, and rolled back when an exception leaves it. The first use upgrades the tables.
        """
        if self._only_reads:
            raise HistoryError(f"The history database {self.name} is only read here.", effect=NOTHING_CHANGED)
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
        with database_failures(self.name), ExitStack() as turn:
            if not reading and self._turns is not None:
                turn.enter_context(self._alone(self._turns))
            with self._engine.connect() as connection:
                connection.execution_options(**purpose(reading=reading, signer=self.signer, unreadable=self.unreadable))
                with connection.begin():
                    self._begin(connection)
                    yield connection
                turn.close()
                committed(connection)

    @contextmanager
    def _alone(self, patience: timedelta) -> Iterator[None]:
        """One thread of this process after the other.

        SQLite has whoever finds a file busy sleep and ask again, up to a tenth of a second each time: of many at once
        some would wait for seconds, with a connection each, while the file is free and others come first.
        """
        # Who has waited for so long asks the file, which says that it is busy.
        has_it = self._turn.acquire(timeout=patience.total_seconds())
        try:
            yield
        finally:
            if has_it:
                self._turn.release()

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
    if parsed.drivername not in {"sqlite", *POSTGRES}:
        raise _unknown(f"is of a kind that this release does not know, `{parsed.drivername}`")
    return parsed


def _name(url: URL) -> str:
    # Of the options only where the server is: the others may hold secrets.
    hosts = {name: value for name, value in url.query.items() if name == "host"}
    return url.set(query=hosts).render_as_string(hide_password=True)


def _unknown(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"The history database {what}.",
        hint=f"Set `database: sqlite:///PATH`, or `{DRIVER}://USER@HOST/DATABASE`, in config.yaml.",
    )
