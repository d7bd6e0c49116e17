"""The history in a Postgres database: one writer at a time, and sessions that end when their machine is gone."""

from __future__ import annotations

import os
import re
import socket
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event

from rotator.config.database import DRIVER, is_here
from rotator.core.machines.session_names import session_name
from rotator.errors import ConfigurationError
from rotator.history.engine.transactions import note_server, only_reads
from rotator.history.failures.sqlstates import settings_lost

if TYPE_CHECKING:
    from datetime import timedelta

CONNECT_TIMEOUT: Final = 10
"""Seconds for one address to answer."""

# Of two numbers: its keys are apart from those of one number, which the rotation locks have.
_WRITER: Final = "SELECT pg_advisory_xact_lock(1919906931, 1)"
_READ_ONLY: Final = "-c default_transaction_read_only=on"
_READER: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

# libpq, "Parameter Key Words": a server that is gone is noticed after a minute.
_KEEPALIVES: Final = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}

# PostgreSQL, "Server Configuration": the same for a client that is gone, so that its locks are soon free. The time
# zone keeps the last day of the year 9999 within what Python can hold.
_SESSION: Final = {
    "TimeZone": "UTC",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    # No setting of Postgres's own: that it has come tells that the others have.
    "rotator.session": "ready",
}
_ARRIVED: Final = """
    SELECT CAST(pg_postmaster_start_time() AS text), current_setting('rotator.session', true) IS NOT NULL
"""


def checked(url: URL) -> URL:
    """The URL with the driver that rotator brings. Raises ConfigurationError for one that names no database."""
    if not url.database:
        raise ConfigurationError(
            "The URL of the history database names a server and no database.",
            hint=f"Set `database: {DRIVER}://USER@HOST/DATABASE` in config.yaml.",
        )
    return url.set(drivername=DRIVER)


def refuse_elsewhere(url: URL) -> None:
    """Raises ConfigurationError where libpq's own variables and files lead beyond this machine, past the URL.

    PGHOST, PGHOSTADDR and PGSERVICE count where the URL says nothing of it (libpq, "Environment Variables"), and the
    password would cross the network in clear.
    """
    if url.query.get("sslmode") == "verify-full":
        return
    # Loads libpq, which the URL of a file does not need.
    from psycopg import pq  # noqa: PLC0415

    said = {each.keyword.decode(): (each.val or b"").decode() for each in pq.Conninfo.get_defaults()}
    named = {"hostaddr": url.query.get("hostaddr"), "host": url.query.get("host") or url.host}
    for keyword in ("hostaddr", "host"):
        found = said.get(keyword, "")
        if not named[keyword] and not all(map(is_here, found.split(","))):
            raise ConfigurationError(
                f"The environment leads the history database to {found} (PG{keyword.upper()}, or a file of services).",
                effect="Nothing was sent.",
                hint="Name the server in the URL, with ?sslmode=verify-full&sslrootcert=FILE; or say why that is not"
                " needed: database: {url: ..., insecure: WHY}",
            )


def open_engine(url: URL, lock_timeout: timedelta, *, only_reads: bool = False) -> Engine:
    """An engine on the database. One writer waits for the other, at most for `lock_timeout`.

    Nothing is called yet; a connection that has broken since its last use is replaced. With `only_reads` the server
    refuses to write.
    """
    engine = create_engine(
        url,
        connect_args=_connect_args(url, lock_timeout, options=_READ_ONLY if only_reads else ""),
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _configure)
    return engine


def open_lock_engine(url: URL, lock_timeout: timedelta, *, only_reads: bool = False) -> Engine:
    """An engine for locks that last as long as their session: every connection is a new session, and in autocommit."""
    return create_engine(
        url,
        connect_args=_connect_args(url, lock_timeout, options=_READ_ONLY if only_reads else ""),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        hide_parameters=True,
    )


class Server:
    """Where the history's Postgres is, for those who keep sessions of their own there beside the history's."""

    def __init__(self, url: URL, lock_timeout: timedelta) -> None:
        self._url: Final = url
        self._lock_timeout: Final = lock_timeout

    def open_engine(self, schema: str) -> Engine:
        """An engine whose sessions find what is in a schema; its transactions wait for no writer of the history."""
        engine = create_engine(
            self._url,
            connect_args=_connect_args(self._url, self._lock_timeout, options=_search_path(schema)),
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            # Its transactions are short, so that few connections are enough for many threads.
            pool_size=2,
            max_overflow=2,
            hide_parameters=True,
        )
        event.listen(engine, "connect", _configure)
        return engine

    def connect_args(self, schema: str) -> dict[str, Any]:
        """What a library connects by that makes its own sessions with psycopg, as those of `open_engine` do."""
        _, named = self._url.get_dialect()().create_connect_args(self._url)
        return dict(named) | _connect_args(self._url, self._lock_timeout, options=_search_path(schema))


def _search_path(schema: str) -> str:
    # A quoted identifier, in a value in which a backslash keeps the next character (libpq, "options").
    quoted = '"{}"'.format(schema.replace('"', '""'))
    return "-c search_path=" + re.sub(r"([\\\s])", r"\\\1", quoted)


def _configure(connection: Any, record: Any) -> None:
    connection.adapters.register_loader("timestamptz", _times())
    try:
        started_at, is_set_up = connection.execute(_ARRIVED).fetchone()
        connection.rollback()
        if not is_set_up:
            raise settings_lost()
    except BaseException:  # nobody else knows of the connection, and whatever it was, it is to be closed
        connection.close()
        raise
    note_server(record.info, started_at)


@cache
def _times() -> type:
    """Reads times. One that Python cannot hold, such as `infinity`, stays text, and fails no query that meets it."""
    # Not for a history in a file.
    from psycopg import DataError  # noqa: PLC0415
    from psycopg.types.datetime import TimestamptzLoader  # noqa: PLC0415

    class Times(TimestamptzLoader):
        def load(self, data: Any) -> Any:
            try:
                return super().load(data)
            except DataError:
                return bytes(data).decode("ascii", "replace")

    return Times


def begin(connection: Connection) -> None:
    """Begins a transaction; one that may write waits until it is the one writer."""
    # READ COMMITTED: whoever has waited for the one writer sees what that one wrote.
    connection.exec_driver_sql(_READER if only_reads(connection) else _WRITER)


def _connect_args(url: URL, lock_timeout: timedelta, *, options: str = "") -> dict[str, Any]:
    """What the URL does not say itself; of its `options` the last counts, so they come after ours."""
    session = _SESSION | {"lock_timeout": f"{round(lock_timeout.total_seconds() * 1000)}ms"}
    ours = {
        "application_name": session_name(os.getpid(), socket.gethostname()),
        "connect_timeout": CONNECT_TIMEOUT,
        **_KEEPALIVES,
    }
    given = url.query.get("options", ())
    said = [f"-c {name}={value}" for name, value in session.items()]
    said += [given] if isinstance(given, str) else given
    said += [options] if options else []
    return {name: value for name, value in ours.items() if name not in url.query} | {"options": " ".join(said)}
