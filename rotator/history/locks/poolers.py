"""Whether a session is this process's own: a lock of a session is none where a pooler hands sessions around.

Postgres grants a lock once more to the session that has it. So two machines would both have one where their statements
come by the same session (PgBouncer, pool_mode = transaction), and what is taken in one session would be given back in
another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from rotator.history.failures.failures import database_failures
from rotator.history.failures.sqlstates import sessions_handed_around

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_SESSION: Final = text("SELECT pg_backend_pid()")

_ROUNDS: Final = 3
"""One is enough, but where others take a session and give it back at the same moment."""


def refuse_poolers(engine: Engine, name: str) -> None:
    """Opens two sessions and closes them. Raises HistoryError where each is not the same whenever it is asked.

    `engine` opens a session for every connection, in autocommit.
    """
    with database_failures(name), engine.connect() as one, engine.connect() as other:
        for _ in range(_ROUNDS):
            if _are_handed_around(one, other):
                raise sessions_handed_around(name)


def _are_handed_around(one: Connection, other: Connection) -> bool:
    first = one.scalar(_SESSION)
    # A pooler takes the session that has been free for longest: it is another the next time.
    if one.scalar(_SESSION) != first:
        return True
    # Or the one that was free last: a transaction gets it, and keeps it.
    other.exec_driver_sql("BEGIN")
    try:
        return bool(other.scalar(_SESSION) == first or one.scalar(_SESSION) != first)
    finally:
        other.exec_driver_sql("ROLLBACK")
