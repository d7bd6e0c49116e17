"""What a transaction on the history is for, as the connection that carries it knows; and sharing one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

_READING: Final = "rotator_reading"


def purpose(*, reading: bool) -> dict[str, Any]:
    """The execution option of a connection whose transaction only reads, and so need not be the one writer."""
    return {_READING: reading}


def only_reads(connection: Connection) -> bool:
    """Whether the connection's transaction only reads."""
    return bool(connection.get_execution_options().get(_READING, False))


class Transactions(Protocol):
    """Where transactions on the history come from: a `Database`, or `Within` one that is open."""

    def writing(self) -> AbstractContextManager[Connection]:
        """One that may write, while nobody else does."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """One that only reads."""
        ...


class Within:
    """Has everything take place in one transaction, which whoever opened it ends."""

    def __init__(self, connection: Connection) -> None:
        self._connection: Final = connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The transaction that is open."""
        yield self._connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """The transaction that is open."""
        yield self._connection
