from __future__ import annotations

import errno
import os
import sqlite3

import pytest
from sqlalchemy.exc import InvalidRequestError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from rotator.errors import HistoryError, HistoryUnavailable
from rotator.history.failures.failures import database_failures, file_failures


def sqlite_error(code: str) -> sqlite3.Error:
    error = sqlite3.OperationalError("some text")
    error.sqlite_errorname = code
    return error


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("SQLITE_FULL", HistoryUnavailable, "the disk is full"),
        ("SQLITE_BUSY", HistoryUnavailable, "held by another program"),
        ("SQLITE_BUSY_SNAPSHOT", HistoryUnavailable, "held by another program"),
        ("SQLITE_LOCKED", HistoryUnavailable, "held by another program"),
        ("SQLITE_IOERR_WRITE", HistoryUnavailable, "the disk reports an error"),
        ("SQLITE_NOTADB", HistoryError, "is not a database"),
        ("SQLITE_CORRUPT_INDEX", HistoryError, "is damaged"),
        ("SQLITE_READONLY_DIRECTORY", HistoryError, "read-only"),
        ("SQLITE_CANTOPEN", HistoryError, "cannot be opened"),
        ("SQLITE_PERM", HistoryError, "cannot be opened"),
        ("SQLITE_ERROR", HistoryError, "refused what rotator asked: some text"),
    ],
)
def test_what_sqlite_says_is_said_in_words(code: str, kind: type[HistoryError], words: str) -> None:
    for error in (sqlite_error(code), OperationalError("SELECT ?", ("s3cret",), sqlite_error(code))):
        with pytest.raises(HistoryError, match=words) as caught, database_failures("sqlite:///x.db"):
            raise error
        assert type(caught.value) is kind
        assert "sqlite:///x.db" in str(caught.value)
        assert "s3cret" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.hint


def test_what_the_library_says_is_said_in_words() -> None:
    with pytest.raises(HistoryUnavailable, match="no connection free"), database_failures("x"):
        raise PoolTimeout
    with pytest.raises(HistoryError, match="InvalidRequestError"), database_failures("x"):
        raise InvalidRequestError("quoting s3cret")


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, HistoryUnavailable, "no space left on device"),
        (errno.EDQUOT, HistoryUnavailable, "quota"),
        (errno.EACCES, HistoryError, "permission denied"),
        (errno.EROFS, HistoryError, "read-only file system"),
    ],
)
def test_what_the_file_system_says_is_said_in_words(number: int, kind: type[HistoryError], words: str) -> None:
    with pytest.raises(HistoryError, match=words) as caught, file_failures("The lock /x"):
        raise OSError(number, os.strerror(number))
    assert type(caught.value) is kind


def test_other_errors_pass() -> None:
    with pytest.raises(KeyError), database_failures("x"), file_failures("y"):
        raise KeyError
