"""Rotation locks in Postgres: advisory locks of a session, which end with the session.

Where several machines may work (`rotator.history.locks.turns`), a number is taken with each lock, its turn: every later
holder has a higher one. So what is written can be compared with the turn in its own transaction, which no look at the
lock could be: a session is ended at any moment.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NoReturn

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from rotator.core.machines.session_names import lock_name
from rotator.errors import NOTHING_CHANGED, HistoryUnavailable
from rotator.history.failures.failures import database_failures
from rotator.history.locks.locks import Hold, running, signed_by, since_text
from rotator.history.locks.turns import is_kept, is_still, next_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from rotator.errors import Holder
    from rotator.history.locks.turns import Turn

_SIGN: Final = text("SELECT set_config('application_name', :name, false), current_schema(), pg_backend_pid()")
_TAKE: Final = text("SELECT pg_try_advisory_lock(:key)")
_LET_GO: Final = text("SELECT pg_advisory_unlock(:key)")

_IS_HELD: Final = text("""
    SELECT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND pid = :pid
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND classid = CAST((CAST(:key AS bigint) >> 32) & 4294967295 AS oid)
          AND objid = CAST(CAST(:key AS bigint) & 4294967295 AS oid)
    )
""")

# PostgreSQL, "pg_locks": a key of 64 bits stands there as two halves, with objsubid 1.
_HOLDER: Final = text("""
    SELECT pid = pg_backend_pid() AS is_this, application_name
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid = CAST((CAST(:key AS bigint) >> 32) & 4294967295 AS oid)
      AND objid = CAST(CAST(:key AS bigint) & 4294967295 AS oid)
""")

_HOLDERS: Final = text("""
    SELECT current_schema() AS schema, (CAST(classid AS bigint) << 32) | CAST(objid AS bigint) AS key, application_name
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")

_SIGNATURE: Final = re.compile(r"rotator (\d+) since (\S+ \S+ UTC) on (.+)")


class AdvisoryLocks:
    """Locks for every machine that uses the database, each in a session of its own.

    The server lets go of one as soon as it knows that the holder's process or machine is gone.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        clock: Callable[[], datetime],
        *,
        asking: Callable[[], AbstractContextManager[Connection]] | None = None,
        prove_sessions: Callable[[], None] = lambda: None,
    ) -> None:
        """`engine` opens a session for every connection, in autocommit; `name` is the database's, for errors.

        `asking` lends a connection that is there already, for who holds what; without it a new one is opened.
        `prove_sessions` raises HistoryError where a session is not its owner's alone (`rotator.history.locks.poolers`).
        """
        self._engine: Final = engine
        self._asking: Final = asking or engine.connect
        self._name: Final = name
        self._clock: Final = clock
        self._prove_sessions: Final = prove_sessions

    @contextmanager
    def hold(self, credential: str) -> Iterator[Hold]:
        self._prove_sessions()
        session = _Session(self._engine, self._name, credential, _signature(self._clock()))
        try:
            session.take()
            yield Hold(credential, session)
        finally:
            session.let_go()

    def one_by_one(self, credentials: Iterable[str]) -> Generator[Hold]:
        self._prove_sessions()
        with database_failures(self._name), self._engine.connect() as connection:
            for name in credentials:
                schema = connection.execute(_SIGN, {"name": _signature(self._clock())}).one()[1]
                key = {"key": lock_key(schema, name)}
                if not connection.scalar(_TAKE, key):
                    continue
                try:
                    yield Hold(name, _Lent(connection, name, key["key"]))
                finally:
                    connection.execute(_LET_GO, key)

    def holders(self, credentials: Iterable[str]) -> dict[str, Holder]:
        with database_failures(self._name), self._asking() as connection:
            return holders_in(connection, credentials)


class _Session:
    """A session of the server that holds a credential, and the one that takes its place when it is lost."""

    def __init__(self, engine: Engine, name: str, credential: str, signature: str) -> None:
        self._engine: Final = engine
        self._name: Final = name
        self._credential: Final = credential
        self._signature: Final = signature
        self._connection: Connection | None = None
        self._key: int | None = None
        self._pid: int | None = None
        self._turn: Turn | None = None

    def take(self) -> None:
        with database_failures(self._name):
            connection = self._connection = self._engine.connect()
            _, schema, self._pid = connection.execute(_SIGN, {"name": self._signature}).one()
            key = lock_key(schema, self._credential)
            if not connection.scalar(_TAKE, {"key": key}):
                self._refuse(_holder(connection, key), is_taken_again=self._key is not None)
            self._key = key
            self._turn = next_turn(connection, schema, self._credential, self._signature)

    def _refuse(self, holder: str | None, *, is_taken_again: bool) -> NoReturn:
        if is_taken_again and holder == self._signature:
            raise HistoryUnavailable(
                f"The lock on {self._credential} is still that of a session with {self._name} that was lost.",
                effect=NOTHING_CHANGED,
                rerun="Run this again in a minute, when the server has noticed it.",
            )
        raise running(self._credential, _signed_by(holder))

    def still_held(self) -> bool:
        if self._connection is None:
            return False
        try:
            return _is_holder(self._connection, self._key) and self._has_its_turn(self._connection)
        except SQLAlchemyError:
            return False

    def _has_its_turn(self, connection: Connection) -> bool:
        return self._turn is None or is_still(connection, self._turn)

    def is_confirmed(self, connection: Connection) -> bool:
        if self._turn is None:
            # An old database: what is written is compared with nothing, as ever.
            return True
        held = {"pid": self._pid, "key": self._key}
        with database_failures(self._name):
            return is_kept(connection, self._turn) and bool(connection.scalar(_IS_HELD, held))

    def let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        # The server notices the end of a session only a moment later, when the next run may have been refused already.
        if self._key is not None:
            with suppress(SQLAlchemyError):
                connection.execute(_LET_GO, {"key": self._key})
        # Not merely closed: that would try to roll back, which fails when the session is lost.
        connection.invalidate()
        connection.close()


class _Lent:
    """A lock in a session that has more to do: it is not taken again when it is lost."""

    def __init__(self, connection: Connection, credential: str, key: int) -> None:
        self._connection: Final = connection
        self._credential: Final = credential
        self._key: Final = key

    def take(self) -> None:
        raise running(self._credential, None)

    def still_held(self) -> bool:
        try:
            return _is_holder(self._connection, self._key)
        except SQLAlchemyError:
            return False

    def is_confirmed(self, connection: Connection) -> bool:  # noqa: ARG002 - it has no turn that could be compared
        return self.still_held()

    def let_go(self) -> None:
        """Its session does so when it goes on."""


def lock_key(schema: str, credential: str) -> int:
    """The key of a credential's lock, 64 bits with a sign: the same in every release."""
    digest = hashlib.sha256(f"rotator rotation\0{schema}\0{credential}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def holders_in(connection: Connection, names: Iterable[str]) -> dict[str, Holder]:
    """Who holds which of the history's locks of these names just now, by a connection that finds its tables."""
    held = connection.execute(_HOLDERS).all()
    if not held:
        return {}
    schema, signatures = held[0].schema, {row.key: row.application_name for row in held}
    signed = {name: _signed_by(signatures.get(lock_key(schema, name))) for name in names}
    return {name: holder for name, holder in signed.items() if holder}


def is_held(connection: Connection, schema: str, name: str) -> bool:
    """Whether anybody holds a lock of the history in a schema, by any connection with its database."""
    return connection.execute(_HOLDER, {"key": lock_key(schema, name)}).first() is not None


def _is_holder(connection: Connection, key: int | None) -> bool:
    holder = connection.execute(_HOLDER, {"key": key}).first()
    return holder is not None and bool(holder.is_this)


def _holder(connection: Connection, key: int) -> str | None:
    """The name that the holder's session goes by, if there is one still."""
    holder = connection.execute(_HOLDER, {"key": key}).first()
    return holder.application_name if holder else None


def _signed_by(signature: str | None) -> Holder | None:
    signed = _SIGNATURE.fullmatch(signature) if signature else None
    try:
        return signed_by(signed[1], signed[3], signed[2]) if signed else None
    except ValueError:
        return None


def _signature(since: datetime) -> str:
    return lock_name(os.getpid(), socket.gethostname(), since_text(since))
