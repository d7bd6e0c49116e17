"""What an event costs that is appended to a long journal, whatever the database's statistics say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text

from rotator.history.journal.journal import Journal
from tests.contract.history.databases import NOW

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from rotator.history.engine.database import Database

LONG: Final = 3000

_EVENT: Final = text(
    "INSERT INTO event (sequence, time, kind, details, previous_hash, hash)"
    " VALUES (:sequence, '2026-11-23 12:31:47.123456', 'verify', '{}', '', '')"
)


def cost_of_one_more(connection: Connection, sequence: int) -> int:
    """Steps of SQLite's machine, or rows that Postgres reads one after the other."""
    if connection.dialect.name == "postgresql":
        read = text("SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'event'")
        before = connection.scalar(read)
        connection.execute(_EVENT, {"sequence": sequence})
        return int(connection.scalar(read)) - int(before)
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    driver: Any = connection.connection.driver_connection
    driver.set_progress_handler(step, 1)
    connection.execute(_EVENT, {"sequence": sequence})
    driver.set_progress_handler(None, 1)
    return steps


def mislead(connection: Connection) -> None:
    """Has the database think that the table is as short as it was."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("ANALYZE")
        connection.exec_driver_sql("UPDATE sqlite_stat1 SET stat = '1 1' WHERE tbl = 'event'")
        connection.exec_driver_sql("ANALYZE sqlite_schema")


def test_an_event_costs_the_same_at_the_end_of_a_long_journal(database: Database) -> None:
    Journal(database).record("verify", now=NOW)
    with database.writing() as connection:
        mislead(connection)
        at_first = cost_of_one_more(connection, 2)
        connection.execute(_EVENT, [{"sequence": number} for number in range(3, LONG)])
        in_the_end = cost_of_one_more(connection, LONG)
    assert in_the_end <= at_first + 20
