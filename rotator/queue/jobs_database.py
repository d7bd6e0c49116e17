"""Transactions in the jobs schema, over connections of their own: they wait for no writer of the history."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final, Self

from sqlalchemy import text

from rotator.history.failures.failures import database_failures
from rotator.history.locks.advisory import is_held
from rotator.queue.jobs_schema import is_current, jobs_schema, upgrade
from rotator.queue.queue_tables import JOBS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Engine

    from rotator.history.engine.database import Database
    from rotator.history.engine.postgres import Server


class JobsDatabase:
    """The jobs schema of a history in Postgres. Threads may share it. Everything raises HistoryError."""

    def __init__(self, name: str, open_history: Callable[[], Database]) -> None:
        """`open_history` gives a history in Postgres, and may raise HistoryError while its server is away."""
        self._open_history: Final = open_history
        self._lock: Final = threading.Lock()
        self._engine: Engine | None = None
        self._schema = self._history_schema = ""
        self.name: Final = name
        """The URL for people, with `***` for a password."""

    @classmethod
    def of(cls, history: Database) -> Self | None:
        """The one beside this history; None where no machines can share it."""
        return cls(history.name, lambda: history) if history.server else None

    def apart(self) -> Self:
        """The same over connections of its own, for who may not wait until others give one back."""
        return type(self)(self.name, self._open_history)

    def is_held(self, lock: str) -> bool:
        """Whether anybody holds a lock of the history; for that no connection of the history is needed."""
        with self.transaction() as connection:
            return is_held(connection, self._history_schema, lock)

    @property
    def history(self) -> Database:
        """The history that it is beside."""
        return self._open_history()

    def is_there(self) -> bool:
        """Whether somebody has made the schema, with all that this release needs."""
        with self.history.reading() as connection:
            return is_current(connection, jobs_schema(connection))

    def open(self) -> None:
        """Brings the schema to this release's version; the first use does it, too.

        Raises HistoryError as well where the role may not make it.
        """
        self._opened()

    def _opened(self) -> Engine:
        with self._lock:
            if self._engine is not None:
                return self._engine
            with self.history.reading() as connection:
                schema = jobs_schema(connection)
                self._history_schema = str(connection.scalar(text("SELECT current_schema()")))
            engine = self._server.open_engine(schema).execution_options(schema_translate_map={JOBS: schema})
            with ExitStack() as failing:
                failing.callback(engine.dispose)
                with database_failures(self.name):
                    _bring_up(engine, schema, self.name)
                failing.pop_all()
            self._schema, self._engine = schema, engine
            return engine

    @property
    def _server(self) -> Server:
        server = self.history.server
        if server is None:
            raise AssertionError("a history that is only read, or is a file, has no jobs beside it")
        return server

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One that may write. It is committed at the end, and rolled back when an exception leaves it."""
        with database_failures(self.name), self._opened().begin() as connection:
            yield connection

    def connect_args(self) -> dict[str, Any]:
        """What Procrastinate makes its own connections by (`psycopg.connect`)."""
        self.open()
        return self._server.connect_args(self._schema)

    def close(self) -> None:
        """Closes every connection."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()


def _bring_up(engine: Engine, schema: str, name: str) -> None:
    with engine.begin() as connection:
        done = is_current(connection, schema)
    if not done:
        with engine.begin() as connection:
            upgrade(connection, schema, name)
