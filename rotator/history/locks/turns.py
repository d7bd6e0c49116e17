"""Turns: a number for each time that a lock is taken, higher than every number before.

They are in the schema of what several machines share (`jobs_schema`), in a row for each lock. Where a database has no
such schema, as one that no release with several machines has opened yet, there are none, and the lock alone counts.
The numbers of all locks come from one sequence: a row may be deleted, and its lock's next turn is higher all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

# By the catalog, which every role may read: who may not use the schema is told so, and does not go without a turn.
_HAS_TURNS: Final = text("""
    SELECT EXISTS (
        SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE nspname = :schema AND relname = 'turn')
""")

# PostgreSQL, "Identifiers and Key Words": 63 bytes of a name count.
_LONGEST_OF_HISTORY: Final = 58


def jobs_schema(history: str) -> str:
    """The name of the schema of what several machines share, beside the history's."""
    return "rotator_jobs" if history == "public" else f"{history[:_LONGEST_OF_HISTORY]}_jobs"


@dataclass(frozen=True)
class Turn:
    """One time that a lock was taken."""

    schema: str
    """Where turns are, quoted for SQL."""
    name: str
    """Of the lock."""
    number: int
    holder: str
    """Who has it, as its session signs. A server that takes the place of another, and lacks its last changes, may give
    a number once more."""


def next_turn(connection: Connection, schema: str, name: str, holder: str) -> Turn | None:
    """The turn of who has just taken a lock, and signs as `holder`; None where there are none.

    `schema` is the history's. It waits for a transaction in which the turn before was confirmed (`is_kept`).
    """
    beside = jobs_schema(schema)
    if not connection.scalar(_HAS_TURNS, {"schema": beside}):
        return None
    jobs = connection.dialect.identifier_preparer.quote_identifier(beside)
    taken = text(f"""
        INSERT INTO {jobs}.turn AS old (name, number, holder, taken_at)
        VALUES (:name, nextval(:numbers), :holder, clock_timestamp())
        ON CONFLICT (name) DO UPDATE
        SET number = excluded.number, holder = excluded.holder, taken_at = excluded.taken_at
        RETURNING number
    """)  # noqa: S608 - the name of a schema, quoted
    asked = {"name": name, "holder": holder, "numbers": f"{jobs}.turn_number"}
    return Turn(jobs, name, connection.execute(taken, asked).scalar_one(), holder)


def is_still(connection: Connection, turn: Turn) -> bool:
    """Whether nobody has had a later turn."""
    return _is_current(connection, turn, "")


def is_kept(connection: Connection, turn: Turn) -> bool:
    """The same, and nobody has one until the connection's transaction has ended: who takes the lock waits for that."""
    return _is_current(connection, turn, "FOR SHARE")


def _is_current(connection: Connection, turn: Turn, locking: str) -> bool:
    current = text(f"SELECT number, holder FROM {turn.schema}.turn WHERE name = :name {locking}")  # noqa: S608 - as above
    found = connection.execute(current, {"name": turn.name}).first()
    return found is not None and tuple(found) == (turn.number, turn.holder)
