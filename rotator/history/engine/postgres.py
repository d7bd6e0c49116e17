"""The history in a Postgres database: one writer at a time, and sessions that end when their machine is gone."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event

from rotator.config.database import is_here
from rotator.errors import ConfigurationError
from rotator.history.engine.transactions import only_reads

if TYPE_CHECKING:
    from datetime import timedelta

DRIVER: Final = "postgresql+psycopg"
SCHEMES: Final = frozenset({"postgresql", DRIVER})

CONNECT_TIMEOUT: Final = 10
"""Seconds for one address to answer."""

# Of two numbers: its keys are apart from those of one number, which the rotation locks have.
_WRITER: Final = "SELECT pg_advisory_xact_lock(1919906931, 1)"
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
}


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
        connect_args=_connect_args(url, lock_timeout, only_reads=only_reads),
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def open_lock_engine(url: URL, lock_timeout: timedelta, *, only_reads: bool = False) -> Engine:
    """An engine for locks that last as long as their session: every connection is a new session, and in autocommit."""
    return create_engine(
        url,
        connect_args=_connect_args(url, lock_timeout, only_reads=only_reads),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        hide_parameters=True,
    )


def _configure(connection: Any, _record: Any) -> None:
    connection.adapters.register_loader("timestamptz", _times())


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


def _begin(connection: Connection) -> None:
    # READ COMMITTED: whoever has waited for the one writer sees what that one wrote.
    connection.exec_driver_sql(_READER if only_reads(connection) else _WRITER)


def _connect_args(url: URL, lock_timeout: timedelta, *, only_reads: bool) -> dict[str, Any]:
    """What the URL does not say itself; of its `options` the last counts, so they come after ours."""
    session = _SESSION | {"lock_timeout": f"{round(lock_timeout.total_seconds() * 1000)}ms"}
    ours = {"application_name": "rotator", "connect_timeout": CONNECT_TIMEOUT, **_KEEPALIVES}
    given = url.query.get("options", ())
    options = [f"-c {name}={value}" for name, value in session.items()]
    options += [given] if isinstance(given, str) else given
    options += ["-c default_transaction_read_only=on"] if only_reads else []
    return {name: value for name, value in ours.items() if name not in url.query} | {"options": " ".join(options)}
