"""What a transaction on the history is for, as the connection that carries it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sqlalchemy import Connection

_READING: Final = "rotator_reading"


def purpose(*, reading: bool) -> dict[str, Any]:
    """The execution option of a connection whose transaction only reads, and so need not be the one writer."""
    return {_READING: reading}


def only_reads(connection: Connection) -> bool:
    """Whether the connection's transaction only reads."""
    return bool(connection.get_execution_options().get(_READING, False))
