"""One rotation of a credential at a time, by locks that die with the process that holds them."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

from rotator.errors import RotationRunning
from rotator.history.failures import file_failures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from rotator.history.database import Database


class RotationLocks(Protocol):
    """What keeps two rotations of one credential apart."""

    def hold(self, credential: str) -> AbstractContextManager[None]:
        """Holds the credential until the context ends or the process dies, and never waits.

        Raises RotationRunning, with who holds it since when, when another process or thread does; HistoryError when the
        lock cannot be had at all.
        """
        ...


def rotation_locks(database: Database, clock: Callable[[], datetime]) -> RotationLocks:
    """The locks of everyone who uses this database, however their configurations spell its path."""
    return FileLocks(database.locks_folder, clock)


class FileLocks:
    """Locks as files in one folder, for one machine (flock(2)): the kernel lets go of them when the holder dies.

    A lock file stays when it is let go of: to delete it would let two processes hold two files of one name.
    """

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self._folder: Final = folder
        self._clock: Final = clock

    @contextmanager
    def hold(self, credential: str) -> Iterator[None]:
        """See RotationLocks."""
        descriptor = self._take(credential)
        try:
            yield
        finally:
            os.close(descriptor)

    def _take(self, credential: str) -> int:
        path = self._folder / f"{quote(credential, safe='')}.lock"
        with file_failures(f"The lock {path}"):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._sign(descriptor)
            except BlockingIOError:
                holder = _holder(descriptor)
                os.close(descriptor)
                raise _running(credential, holder) from None
            except BaseException:
                os.close(descriptor)
                raise
        return descriptor

    def _sign(self, descriptor: int) -> None:
        since = f"{self._clock().astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 1024, 0))
        return f"process {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        # The holder has taken the lock and not signed it yet.
        return "another process, since just now"


def _running(credential: str, holder: str) -> RotationRunning:
    return RotationRunning(
        f"The credential {credential} is being rotated right now, by {holder}.",
        left="Nothing was changed.",
        advice=f"Run this again when that has ended; `rotator history {credential}` shows how far it is.",
    )
