"""The ground for trials with its history in Postgres, on a server that trials may stop."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.history.database import open_database
from rotator.history.models import METADATA
from tests.contract.databases import EMPTY
from tests.contract.servers.postgres import execute, scratch_database
from tests.rotation.ground import Ground
from tests.rotation.trials import CHANGES, Promises, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TypeVar

    from tests.contract.servers.postgres import PostgresServer
    from tests.rotation.moments import Moment

    _T = TypeVar("_T")

TABLES: Final = [table.name for table in METADATA.sorted_tables]


@dataclass
class PostgresGround(Ground):
    """Like any other ground; a kept moment's history is in a schema of its own."""

    url: str = ""
    """Of the history."""

    def keep(self, key: tuple[object, ...], number: int, ever: frozenset[str]) -> Moment:
        """See Ground."""
        moment = super().keep(key, number, ever)
        schema = _schema_of(moment.files)
        copies = [f"CREATE TABLE {schema}.{table} AS TABLE {table}" for table in TABLES]
        execute(self.url, "; ".join([f"DROP SCHEMA IF EXISTS {schema} CASCADE", f"CREATE SCHEMA {schema}", *copies]))
        return moment

    def _replace_files(self, files: Path | None) -> None:
        super()._replace_files(files)
        if files is None:
            execute(self.url, EMPTY)
            return
        back = [f"INSERT INTO {table} TABLE {_schema_of(files)}.{table}" for table in TABLES]
        execute(self.url, "; ".join([EMPTY, "DELETE FROM head", *back]))


def _schema_of(files: Path) -> str:
    return files.name.replace("-", "_")


@contextmanager
def postgres_ground(ground: Ground, server: PostgresServer) -> Iterator[PostgresGround]:
    """The same org, store and clock, with another history."""
    with scratch_database(server.url("postgres")) as url, open_database(url) as database:
        database.upgrade()
        yield PostgresGround(
            ground.server, ground.folder, ground.migrated, ground.clock, ground.transport, database, url=url
        )


@dataclass
class Outage(Watcher):
    """Stops the server before one of the calls that change something; starts it again at once, or leaves that."""

    server: PostgresServer
    promises: Promises
    at: int
    at_once: bool
    calls: int = 0

    def call(self, name: str, call: Callable[[], _T]) -> _T:
        """See Watcher."""
        self.calls += name in CHANGES
        if name in CHANGES and self.calls == self.at:
            self.server.stop()
            if self.at_once:
                self.server.start()
        result = call()
        self.promises.check()
        return result
