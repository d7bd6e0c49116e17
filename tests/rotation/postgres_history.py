"""A history for scenarios in Postgres."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.history.engine.database import open_database
from rotator.history.engine.tables import METADATA
from tests.contract.servers.postgres import execute, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.history.engine.database import Database
    from tests.contract.servers.postgres import PostgresServer

TABLES: Final = [table.name for table in METADATA.sorted_tables]

_NEW: Final = "new"
"""Where the tables are kept as they are when there is nothing in them."""


@dataclass
class PostgresHistory:
    """A history in a database of its own; what is kept of a moment is in a schema of its own."""

    database: Database
    url: str

    def pause(self) -> None:
        """See History."""

    def keep(self, files: Path) -> None:
        """See History."""
        self._copy_to(_schema_of(files))

    def go_back(self, files: Path | None) -> None:
        """See History."""
        schema = _schema_of(files) if files else _NEW
        empty = [f"DELETE FROM {table}" for table in reversed(TABLES)]  # noqa: S608 - names of our own
        back = [f"INSERT INTO {table} TABLE {schema}.{table}" for table in TABLES]
        # They keep the journal from being changed, by this too.
        off, on = (f"ALTER TABLE event {how} TRIGGER USER" for how in ("DISABLE", "ENABLE"))
        execute(self.url, "; ".join([off, *empty, *back, on]))

    def _copy_to(self, schema: str) -> None:
        copies = [f"CREATE TABLE {schema}.{table} AS TABLE {table}" for table in TABLES]
        execute(self.url, "; ".join([f"DROP SCHEMA IF EXISTS {schema} CASCADE", f"CREATE SCHEMA {schema}", *copies]))


def _schema_of(files: Path) -> str:
    return files.name.replace("-", "_")


@contextmanager
def postgres_history(server: PostgresServer) -> Iterator[PostgresHistory]:
    """A history on this server."""
    with scratch_database(server.url("postgres")) as url, open_database(url) as database:
        database.upgrade()
        history = PostgresHistory(database, url)
        history._copy_to(_NEW)
        yield history
