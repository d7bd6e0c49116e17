"""Which process a session with Postgres is of, by what it calls itself; and the end of the sessions of a silent one.

A process that is stopped, or cut off from everything, keeps its sessions: for the server it lives. So it keeps its
locks, and if it was stopped in the middle of a transaction it keeps everybody from writing. Whoever has found out that
it is silent ends its sessions: what it holds is free then, what it had not committed is undone, and what it does when
it wakes up fails (`rotator.history.locks.fence`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import text

from rotator.core import words
from rotator.core.machines.session_names import is_of
from rotator.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

# PostgreSQL, "Server Signalling Functions": who may end a session.
_SESSIONS: Final = text("""
    SELECT pid, application_name, usename, backend_start AS began_at,
        pg_has_role(usesysid, 'USAGE')
        OR (pg_has_role('pg_signal_backend', 'USAGE') AND NOT (SELECT rolsuper FROM pg_roles WHERE oid = usesysid))
        AS may_end
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'rotator %'
""")
_END: Final = text("SELECT pg_terminate_backend(:pid)")


class LostProcess(NamedTuple):
    """A process of which nothing is heard any more."""

    pid: int
    host: str
    until: datetime
    """By the database's clock: a session that began later is of another, which is called the same: every container's
    first process has the number 1."""


@dataclass(frozen=True)
class EndedSessions:
    """What came of it."""

    ended: int = 0
    """How many sessions were ended."""
    roles: frozenset[str] = frozenset()
    """Whose sessions may not be ended by the role that asked."""

    @property
    def problem(self) -> HistoryError | None:
        """What to tell people, where a session could not be ended."""
        if not self.roles:
            return None
        theirs = words.listed(sorted(self.roles))
        return HistoryError(
            f"A machine is silent, and its sessions with the database are those of {theirs}, which this role may not"
            " end.",
            effect="What it has locked stays locked until it ends, or until the server notices that it is gone.",
            hint="Stop the process there. Have all machines use one role, or"
            " `GRANT pg_signal_backend, pg_read_all_stats` to theirs.",
        )


def end_sessions(connection: Connection, processes: Iterable[LostProcess]) -> EndedSessions:
    """Ends the sessions that some processes have with the connection's database.

    Nothing is waited for: the server ends them when they next wait or work. What calls itself by another name, as a
    URL may have it, is not found, but for locks.
    """
    lost = list(processes)
    found = [each for each in connection.execute(_SESSIONS) if _is_lost(each.application_name, each.began_at, lost)]
    # Of other roles' sessions it may be hidden when they began: then they may be another process's, and are left.
    can = [each for each in found if each.may_end and each.began_at is not None]
    ended = [connection.scalar(_END, {"pid": each.pid}) for each in can]
    return EndedSessions(sum(map(bool, ended)), frozenset(str(each.usename) for each in found if each not in can))


def _is_lost(name: str, began_at: datetime | None, lost: Iterable[LostProcess]) -> bool:
    return any(is_of(name, each.pid, each.host) and (began_at is None or began_at <= each.until) for each in lost)
