"""What a transaction on the history is for, as the connection that carries it knows; and sharing one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from rotator.history.engine.damage import keeping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

    from rotator.history.engine.damage import UnreadableRows

_READING: Final = "rotator_reading"
_SIGNER: Final = "rotator_signer"
_AFTERWARDS: Final = "rotator_afterwards"
_SERVER: Final = "rotator_server"


def purpose(*, reading: bool, signer: object = None, unreadable: UnreadableRows | None = None) -> dict[str, Any]:
    """The execution options of a connection: whether its transaction only reads, and so need not be the one writer.

    `signer` is who signs the events that are written in it (`rotator.history.signing`); `unreadable` keeps the rows
    that are met and cannot be read.
    """
    return {_READING: reading, _SIGNER: signer, _AFTERWARDS: [], **keeping(unreadable)}


def only_reads(connection: Connection) -> bool:
    """Whether the connection's transaction only reads."""
    return bool(connection.get_execution_options().get(_READING, False))


def signer_of(connection: Connection) -> Any:
    """Who signs the events that are written in the connection's transaction; None where nobody does."""
    return connection.get_execution_options().get(_SIGNER)


def note_server(session: dict[Any, Any], started_at: str) -> None:
    """Has the connections of a session know which server it is with; `session` is what SQLAlchemy keeps beside it."""
    session[_SERVER] = started_at


def server_of(connection: Connection) -> str:
    """By which start of which server the connection is answered; empty for a file.

    Another start may be another server, to which the last transactions of the one before had not come yet.
    """
    return str(connection.info.get(_SERVER, ""))


def after_commit(connection: Connection, action: Callable[[], None]) -> None:
    """Has something done once the connection's transaction is committed, and not done if it is rolled back."""
    connection.get_execution_options()[_AFTERWARDS].append(action)


def committed(connection: Connection) -> None:
    """Does what was to be done once the transaction is committed."""
    for action in connection.get_execution_options()[_AFTERWARDS]:
        action()


class Transactions(Protocol):
    """Where transactions on the history come from: a `Database`, or `Within` one that is open."""

    def writing(self) -> AbstractContextManager[Connection]:
        """One that may write, while nobody else does."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """One that only reads."""
        ...


class Confirmed:
    """Transactions whose writes count only while something is so, as `confirm` says in each of them."""

    def __init__(self, transactions: Transactions, confirm: Callable[[Connection], None]) -> None:
        """`confirm` raises an error where it is so no more: then nothing is written."""
        self._transactions: Final = transactions
        self._confirm: Final = confirm

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """See Transactions."""
        with self._transactions.writing() as connection:
            self._confirm(connection)
            yield connection

    def reading(self) -> AbstractContextManager[Connection]:
        """See Transactions."""
        return self._transactions.reading()


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
