"""Rotation locks in Postgres: advisory locks of a session, which end with the session."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from rotator.history.failures import database_failures
from rotator.history.locks import UNSIGNED, Hold, described, moment, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sqlalchemy import Connection, Engine

_SIGN: Final = text("SELECT set_config('application_name', :name, false), current_schema()")
_TAKE: Final = text("SELECT pg_try_advisory_lock(:key)")
_LET_GO: Final = text("SELECT pg_advisory_unlock(:key)")

# PostgreSQL, "pg_locks": a key of 64 bits stands there as two halves, with objsubid 1.
_HOLDER: Final = text("""
    SELECT pid = pg_backend_pid() AS is_this, application_name
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid = CAST((CAST(:key AS bigint) >> 32) & 4294967295 AS oid)
      AND objid = CAST(CAST(:key AS bigint) & 4294967295 AS oid)
""")

# Of an application_name, Postgres keeps 63 bytes of ASCII; every user may read it.
_SIGNATURE: Final = re.compile(r"rotator (\d+) since (\S+ \S+ UTC) on (.+)")
_LONGEST_SIGNATURE: Final = 63


class AdvisoryLocks:
    """Locks for every machine that uses the database, each in a session of its own.

    The server lets go of one as soon as it knows that the holder's process or machine is gone. A pooler that hands
    sessions around between transactions (PgBouncer's `transaction` mode) cannot carry them.
    """

    def __init__(self, engine: Engine, name: str, clock: Callable[[], datetime]) -> None:
        """`engine` opens a session for every connection, in autocommit; `name` is the database's, for errors."""
        self._engine: Final = engine
        self._name: Final = name
        self._clock: Final = clock

    @contextmanager
    def hold(self, credential: str) -> Iterator[Hold]:
        """See RotationLocks."""
        with database_failures(self._name):
            connection = self._engine.connect()
        try:
            with database_failures(self._name):
                key = self._take(connection, credential)
            try:
                yield Hold(credential, partial(_still_held, connection, key))
            finally:
                _let_go(connection, key)
        finally:
            # Not merely closed: that would try to roll back, which fails when the session is lost.
            connection.invalidate()
            connection.close()

    def _take(self, connection: Connection, credential: str) -> int:
        name = _signature(self._clock())
        schema = connection.execute(_SIGN, {"name": name}).one()[1]
        key = lock_key(schema, credential)
        if not connection.scalar(_TAKE, {"key": key}):
            raise running(credential, _holder(connection, key))
        return key


def lock_key(schema: str, credential: str) -> int:
    """The key of a credential's lock, 64 bits with a sign: the same in every release."""
    digest = hashlib.sha256(f"rotator rotation\0{schema}\0{credential}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _still_held(connection: Connection, key: int) -> bool:
    try:
        holder = connection.execute(_HOLDER, {"key": key}).first()
    except SQLAlchemyError:
        return False
    return holder is not None and bool(holder.is_this)


def _let_go(connection: Connection, key: int) -> None:
    # The server notices the end of a session only a moment later, when the next run may have been refused already.
    with suppress(SQLAlchemyError):
        connection.execute(_LET_GO, {"key": key})


def _signature(since: datetime) -> str:
    host = socket.gethostname().encode("ascii", "replace").decode()
    return f"rotator {os.getpid()} since {moment(since)} on {host}"[:_LONGEST_SIGNATURE]


def _holder(connection: Connection, key: int) -> str:
    holder = connection.execute(_HOLDER, {"key": key}).first()
    signed = _SIGNATURE.fullmatch(holder.application_name) if holder else None
    return described(signed[1], signed[3], signed[2]) if signed else UNSIGNED
