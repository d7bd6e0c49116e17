"""What a database or the disk below it says, in the words of a person who must act on it."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from rotator.errors import HistoryError, HistoryUnavailable
from rotator.history.failures import sqlstates
from rotator.history.failures.sqlstates import RERUN, rerun_after

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNTOUCHED: Final = "What was being written was not; everything before it is as it was."
_FULL: Final = "Make room on the disk."
_RIGHTS: Final = "Let the user that runs rotator read and write the file and its folder."
_DAMAGED: Final = "Move the file away and put a backup in its place, or set `database` to another path."
_LOCKED: Final = "Find the program that holds it (`fuser FILE`)."
_DISK: Final = "Look at the disk and the system's log."

# SQLite's result codes (https://www.sqlite.org/rescode.html), by the beginning of their names.
_SQLITE: Final = (
    ("SQLITE_FULL", HistoryUnavailable, "cannot be written: the disk is full", _FULL),
    ("SQLITE_BUSY", HistoryUnavailable, "is held by another program", _LOCKED),
    ("SQLITE_LOCKED", HistoryUnavailable, "is held by another program", _LOCKED),
    ("SQLITE_NOTADB", HistoryError, "is not a database", _DAMAGED),
    ("SQLITE_CORRUPT", HistoryError, "is damaged", _DAMAGED),
    ("SQLITE_READONLY", HistoryError, "cannot be written: it is read-only", _RIGHTS),
    ("SQLITE_CANTOPEN", HistoryError, "cannot be opened", _RIGHTS),
    ("SQLITE_PERM", HistoryError, "cannot be opened", _RIGHTS),
    ("SQLITE_IOERR", HistoryUnavailable, "cannot be read or written: the disk reports an error", _DISK),
)

# psycopg's names for what has no code (PEP 249): the others of that kind are faults in what was asked.
_OF_CONNECTIONS: Final = frozenset({"OperationalError", "ConnectionTimeout"})


@contextmanager
def database_failures(name: str) -> Iterator[None]:
    """Raises what the database says inside as HistoryError or HistoryUnavailable; `name` has no password in it."""
    try:
        yield
    except PoolTimeout:
        raise HistoryUnavailable(
            f"The history database {name} has no connection free.", effect=_UNTOUCHED, rerun=RERUN
        ) from None
    except DBAPIError as error:
        raise _translated(name, error.orig) from None
    except sqlite3.Error as error:
        raise _translated(name, error) from None
    except SQLAlchemyError as error:
        raise _refused(name, type(error).__name__) from None


@contextmanager
def file_failures(what: str) -> Iterator[None]:
    """Raises what the file system says inside as HistoryError or HistoryUnavailable; `what` begins the sentence."""
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        kind = HistoryUnavailable if full else HistoryError
        reason = (error.strerror or type(error).__name__).lower()
        raise kind(
            f"{what} cannot be made: {reason}.",
            effect=_UNTOUCHED,
            hint=_FULL if full else _RIGHTS,
            rerun=rerun_after(kind),
        ) from None


def _translated(name: str, error: BaseException | None) -> HistoryError:
    if isinstance(error, sqlite3.Error):
        return _by_code(name, error)
    # psycopg is not imported for it: who keeps the history in a file need not wait for that.
    if error is not None and hasattr(error, "sqlstate"):
        return _by_state(name, error)
    return _refused(name, str(error))


def _by_code(name: str, error: sqlite3.Error) -> HistoryError:
    code = str(getattr(error, "sqlite_errorname", ""))
    for beginning, kind, what, hint in _SQLITE:
        if code.startswith(beginning):
            message = f"The history database {name} {what}."
            return kind(message, effect=_UNTOUCHED, hint=hint, rerun=rerun_after(kind))
    # The driver's own sentence: SQLAlchemy's would quote the statement and its values.
    return _refused(name, str(error))


def _by_state(name: str, error: Any) -> HistoryError:
    if error.sqlstate is None:
        lost = type(error).__name__ in _OF_CONNECTIONS
        return sqlstates.connection_failure(name, error) if lost else _refused(name, str(error))
    answer = sqlstates.answer_to(error.sqlstate)
    if answer is None:
        # Without the server's details, which would quote values.
        return _refused(name, error.diag.message_primary or error.sqlstate)
    kind, what, hint = answer
    effect = sqlstates.effect_by(error.sqlstate, _UNTOUCHED)
    return kind(f"The history database {name} {what}.", effect=effect, hint=hint, rerun=rerun_after(kind))


def _refused(name: str, reason: str) -> HistoryError:
    return HistoryError(
        f"The history database {name} refused what rotator asked: {reason}.",
        effect=_UNTOUCHED,
        hint="Run `rotator history verify`; if it finds nothing, report this as a fault.",
    )
