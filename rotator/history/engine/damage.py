"""What a database holds that rotator did not write: values that are none of their column, and the rows they are in.

A disk, a person or another program may change any value. So each row is read by itself, and each of its values is
judged: what cannot be read is named, and costs neither the rest of its row, where that is of use without it, nor any
other row.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

RESTORE_ROW: Final = (
    "`rotator history rebuild` writes anew what follows from events, an inventory what it sees. Of the rest, put the"
    " database back from a backup, or correct the value by hand; `rotator history verify` names it."
)

_FOUND: Final = "rotator_unreadable_rows"


@dataclass(frozen=True)
class Damaged:
    """A stored value that is none that rotator writes into its column."""

    stored: Any


class UnreadableRow(NamedTuple):
    """A row that cannot be read whole."""

    table: str
    key: str
    """Its primary key."""
    column: str
    """What is none of its values; empty where the values are none of a row together."""

    def __str__(self) -> str:
        column = f"`{self.column}` of " if self.column else ""
        return f"{column}the row {self.key} of the table {self.table}"


class UnreadableRows:
    """Those that were met, each once. Threads may share it."""

    def __init__(self) -> None:
        self._lock: Final = Lock()
        self._met: set[UnreadableRow] = set()

    def add(self, rows: Iterable[UnreadableRow]) -> None:
        """Some were met."""
        with self._lock:
            self._met.update(rows)

    @property
    def is_empty(self) -> bool:
        """Whether none was met since all were taken."""
        return not self._met

    def take(self) -> list[UnreadableRow]:
        """All that were met since this was last asked, in order."""
        with self._lock:
            met, self._met = self._met, set()
        return sorted(met)


def keeping(rows: UnreadableRows | None) -> dict[str, Any]:
    """The execution options of a connection by which what is met over it is kept."""
    return {_FOUND: rows}


def met(connection: Connection, rows: Iterable[UnreadableRow]) -> None:
    """Notes what was met over a connection, where somebody keeps that."""
    kept: UnreadableRows | None = connection.get_execution_options().get(_FOUND)
    if kept is not None:
        kept.add(rows)
