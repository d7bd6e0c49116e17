"""The kinds of database that the history can be in, for the suite that each of them must pass."""

from __future__ import annotations

import shutil
import threading
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from alembic import command
from alembic.config import Config
from psycopg import Connection, OperationalError
from sqlalchemy import make_url, text

from rotator.core.alert import NewAlert
from rotator.core.severity import Severity
from rotator.history.engine import upgrades
from rotator.history.records import NewRotation
from tests.contract.servers.postgres import connected, scratch_database
from tests.tiers import standard_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotator.history.engine.database import Database

NOW: Final = datetime(2026, 11, 23, 12, 31, 47, 123456, tzinfo=UTC)
NEW_ROTATION: Final = NewRotation(
    credential="billing", org="production", strategy="in_place", trigger="manual", actor="alex", replaces="a" * 64
)
NEW_ALERT: Final = NewAlert(
    key="expiry:production/ConnectedApp/Billing/abc",
    kind="expiry",
    severity=Severity.INFO,
    title="The certificate of Billing in production expires on a far day",
    text="Replace it.",
    org="production",
    app="Billing",
    fingerprint="a" * 64,
    not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    facts={"Org": "production", "App": "Billing"},
)


EMPTY: Final = """
    ALTER TABLE event DISABLE TRIGGER USER;
    DELETE FROM notification; DELETE FROM alert; DELETE FROM attempt;
    DELETE FROM last_observation; DELETE FROM credential_record; DELETE FROM standstill;
    DELETE FROM own_login; DELETE FROM login_usage; DELETE FROM finding; DELETE FROM hook; DELETE FROM hook_call;
    DELETE FROM consumer_report;
    DELETE FROM sighting; DELETE FROM certificate; DELETE FROM event; DELETE FROM rotation;
    UPDATE head SET events = 0, hash = repeat('0', 64);
    ALTER TABLE event ENABLE TRIGGER USER
"""


SQLITE_FIRST: Final = pytest.mark.parametrize(
    "database_kind", standard_first(["sqlite", "postgres"], ["sqlite"]), indirect=True
)
"""For what reads and compares alike wherever the rows are; what the database itself does is tried in both kinds."""


@dataclass(frozen=True)
class Kind:
    """How to make databases of one kind, and how to switch off what keeps a journal append-only."""

    new: Callable[[], AbstractContextManager[str]]
    """Gives the URL of a migrated database without entries."""
    empty: Callable[[], AbstractContextManager[str]]
    """Gives the URL of a database without tables."""
    again: Callable[[Database], None]
    """Takes all entries out of a database that `new` gave. Another would compile every statement anew."""
    without_guards: tuple[str, ...]


def sqlite_kind(folder: Path, template: Path) -> Kind:
    """Files in the folder, copied from one that has all tables; one that was used is overwritten for the next test."""
    numbers, free = count(1), list[Path]()

    def next_file() -> Path:
        return folder / f"{next(numbers)}.db"

    @contextmanager
    def new() -> Iterator[str]:
        file = free.pop() if free else next_file()
        for left in file.parent.glob(f"{file.name}-*"):
            left.unlink()
        shutil.copy(template, file)
        yield f"sqlite:///{file}"
        free.append(file)

    @contextmanager
    def empty() -> Iterator[str]:
        yield f"sqlite:///{next_file()}"

    def again(database: Database) -> None:
        database.close()
        shutil.copy(template, str(make_url(database.name).database))

    guards = ("event_goes_at_the_end", "event_is_not_changed", "event_is_not_deleted")
    return Kind(new, empty, again, tuple(f"DROP TRIGGER {guard}" for guard in guards))


class Emptied:
    """A database in Postgres that is emptied over one connection: a new one has all its catalogues to read."""

    def __init__(self, url: str, cleaning: ExitStack) -> None:
        self.url: Final = url
        self._cleaning: Final = cleaning
        self._connection: Connection[Any] | None = None

    def empty(self) -> None:
        """Takes all entries out; over another connection where the test has ended the one before."""
        try:
            self._execute()
        except OperationalError:
            self._connection = None
            self._execute()

    def _execute(self) -> None:
        self._connection = self._connection or self._cleaning.enter_context(connected(self.url))
        self._connection.execute(EMPTY.encode())


def postgres_kind(url: str, template: str, cleaning: ExitStack) -> Kind:
    """On the server of the URL, copied from a database that has all tables.

    One that was used is emptied for the next test: to make one takes longer.
    """
    free: list[Emptied] = []

    @contextmanager
    def new() -> Iterator[str]:
        database = free.pop() if free else Emptied(cleaning.enter_context(scratch_database(url, template)), cleaning)
        yield database.url
        database.empty()
        free.append(database)

    def again(database: Database) -> None:
        with database.writing() as connection:
            connection.exec_driver_sql(EMPTY)

    return Kind(new, lambda: scratch_database(url), again, ("ALTER TABLE event DISABLE TRIGGER USER",))


def make_release(database: Database, version: str) -> None:
    """Makes the tables as an earlier release had them."""
    with database._transaction(reading=False) as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(upgrades.migrations_folder()))
        command.upgrade(config, version)


def unguard(kind: Kind, database: Database) -> None:
    """From here on anything can be done to the journal."""
    with database.writing() as connection:
        for statement in kind.without_guards:
            connection.execute(text(statement))


def together(action: Callable[[int], object], workers: int = 8) -> None:
    """Does it in several threads at once, and raises what any of them raised."""
    start, errors = threading.Barrier(workers), list[BaseException]()

    def run(number: int) -> None:
        start.wait()
        try:
            action(number)
        except BaseException as error:  # raised again by the thread that waits
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
