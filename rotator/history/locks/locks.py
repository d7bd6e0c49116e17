"""One rotation of a credential at a time, by locks that die with the process that holds them.

For one machine a lock is a file beside the SQLite database, held by flock(2): the kernel lets go of it, whatever kills
the holder. For many machines it is an advisory lock of a session in Postgres (`rotator.history.locks.advisory`): the
server lets go of it when it knows that the session is gone. Nobody ever waits for a lock: who does not get it is told
who has it and since when, as the holder has written it there. Who only wants to know asks for the holders, which takes
no lock and so keeps nobody from taking one.

A lock can be lost while its holder lives: the server restarts, the connection breaks, the file is deleted. So it can be
asked, where it is kept, whether it is still held, and be taken again. What that means for a rotation is in
`rotator.services.rotation.lock`; that it is asked before each action, in `rotator.services.rotation.run`.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import stat
import struct
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

from rotator.core import words
from rotator.errors import NOTHING_CHANGED, HistoryError, Holder, LockLost, RotationRunning
from rotator.history.failures.failures import file_failures

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection


class Held(Protocol):
    """One lock, as the file system or a server keeps it."""

    def take(self) -> None:
        """Takes it. Raises RotationRunning, HistoryError."""
        ...

    def still_held(self) -> bool:
        """Whether it is held by this and nobody else."""
        ...

    def is_confirmed(self, connection: Connection) -> bool:
        """Whether it is held by this and nobody else, and stays so until the connection's transaction has ended.

        Raises HistoryError.
        """
        ...

    def let_go(self) -> None:
        """Lets go of it, as far as it is held."""
        ...


class Hold:
    """A credential's lock that was taken, and may have been lost since."""

    def __init__(self, credential: str, held: Held) -> None:
        self.credential: Final = credential
        self._held: Final = held

    def still_held(self) -> bool:
        """Whether nobody else can have taken the lock since: it is asked for where it is kept."""
        return self._held.still_held()

    def check(self) -> None:
        """Raises LockLost when the lock was lost, for instance with the connection to its server."""
        if not self.still_held():
            raise self._lost()

    def confirm(self, connection: Connection) -> None:
        """Has what is written in the connection's transaction count only as long as the lock is held.

        Who takes the lock next waits until that transaction has ended. Raises LockLost when it was lost before, and
        HistoryError.
        """
        if not self._held.is_confirmed(connection):
            raise self._lost()

    def _lost(self) -> LockLost:
        return LockLost(
            f"The lock on the credential {self.credential} was lost, so another process may be rotating it now.",
            effect="What was done until then stays as it is; nothing was changed since.",
            rerun="Run this again: it goes on from what it finds then.",
        )

    def take_again(self) -> None:
        """Takes the lock again after it was lost, and never waits; one that is held is left alone.

        Raises RotationRunning when another process or thread has it by now; HistoryError when it cannot be had, and
        HistoryUnavailable also while the server has not noticed yet that the session is gone that had it. What another
        did that has let go of it again is for the caller to find out.
        """
        if not self._held.still_held():
            self._held.let_go()
            self._held.take()


class RotationLocks(Protocol):
    """Where the locks of all credentials are taken."""

    def hold(self, credential: str) -> AbstractContextManager[Hold]:
        """Holds the credential until the context ends or the process dies, and never waits.

        Raises RotationRunning, with who holds it since when, when another process or thread does; HistoryError when the
        lock cannot be had at all.
        """
        ...

    def one_by_one(self, credentials: Iterable[str]) -> Generator[Hold]:
        """Holds one after the other, each until the next is asked for, or until the iterator is closed.

        One that somebody else holds is left out. On a server all of it takes one session. Raises HistoryError.
        """
        ...

    def holders(self, credentials: Iterable[str]) -> dict[str, Holder]:
        """Who holds which of them just now; nothing is taken for it. Raises HistoryError."""
        ...


def running(credential: str, holder: Holder | None) -> RotationRunning:
    """The error for a credential that somebody else holds."""
    return RotationRunning(
        f"The credential {credential} is being rotated right now, by {words.holder(holder)}.",
        holder=holder,
        effect=NOTHING_CHANGED,
        hint=f"`rotator history {credential}` shows how far it is.",
        rerun="Run this again when that has ended.",
    )


_SINCE: Final = "%Y-%m-%d %H:%M:%S UTC"
"""How a holder writes down since when; releases before and after this one read it in the same form."""


def since_text(since: datetime) -> str:
    """Since when a lock is held, as its holder writes it down."""
    return since.astimezone(UTC).strftime(_SINCE)


def signed_by(pid: object, host: object, since: object) -> Holder:
    """The holder that has written this down. Raises ValueError when it is nothing that a holder writes."""
    return Holder(int(str(pid)), str(host), datetime.strptime(str(since), _SINCE).replace(tzinfo=UTC))


class FileLocks:
    """Locks as files in one folder, for one machine (flock(2)): the kernel lets go of them when the holder dies.

    A lock file stays when it is let go of: to delete it would let two processes hold two files of one name. Nobody can
    ask who holds a flock without trying to take it, so the holder has a second lock on the file that can be asked for
    (fcntl(2), "Open file description locks"), from when it has signed until it lets go or dies.
    """

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self._folder: Final = folder
        self._clock: Final = clock

    @contextmanager
    def hold(self, credential: str) -> Iterator[Hold]:
        lock = _LockFile(self._path(credential), credential, self._clock)
        lock.take()
        try:
            yield Hold(credential, lock)
        finally:
            lock.let_go()

    def one_by_one(self, credentials: Iterable[str]) -> Generator[Hold]:
        for name in credentials:
            with suppress(RotationRunning), self.hold(name) as hold:
                yield hold

    def holders(self, credentials: Iterable[str]) -> dict[str, Holder]:
        with file_failures(f"The locks in {self._folder}"):
            # A credential that was never rotated has no file, and most were not when there are many.
            there = {each.name for each in self._folder.iterdir()} if self._folder.exists() else set[str]()
        found = {name: _signer(self._path(name)) for name in credentials if _file_name(name) in there}
        return {name: holder for name, holder in found.items() if holder}

    def _path(self, credential: str) -> Path:
        return self._folder / _file_name(credential)


def _file_name(credential: str) -> str:
    return f"{quote(credential, safe='')}.lock"


class _LockFile:
    def __init__(self, path: Path, credential: str, clock: Callable[[], datetime]) -> None:
        self._path: Final = path
        self._credential: Final = credential
        self._clock: Final = clock
        self._descriptor: int | None = None

    def take(self) -> None:
        with file_failures(f"The lock {self._path}"):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | _OPENING, 0o600)
            try:
                _refuse_what_is_no_lock(self._path, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._sign(descriptor)
            except BlockingIOError:
                holder = _holder(descriptor)
                os.close(descriptor)
                raise running(self._credential, holder) from None
            except BaseException:  # an interruption, too: no descriptor, and so no lock, is left open
                os.close(descriptor)
                raise
        self._descriptor = descriptor

    def still_held(self) -> bool:
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except OSError:
            return False

    def is_confirmed(self, connection: Connection) -> bool:  # noqa: ARG002 - the kernel keeps this lock, and no database
        # A file is locked on one machine, where no process is taken for gone that may go on: nothing has to be
        # compared with what is written, and a history that was opened again has it written as ever.
        return True

    def let_go(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _sign(self, descriptor: int) -> None:
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since_text(self._clock())}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        # Where it cannot be had, a rotation is as safe as with it, and only not seen to be running.
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _whole_file(fcntl.F_WRLCK))


_OPENING: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""A link in the place of a lock would have another file emptied."""


def _refuse_what_is_no_lock(path: Path, descriptor: int) -> None:
    """What is written into a lock file is lost to whatever else has its name."""
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_nlink <= 1:
        return
    what = "has another name, too" if stat.S_ISREG(found.st_mode) else "is no regular file"
    raise HistoryError(
        f"The lock {path} {what}: it is none that rotator made.",
        effect=NOTHING_CHANGED,
        hint="Find out who can write to its folder, and delete it.",
        rerun="Then run this again.",
    )


def _signer(path: Path) -> Holder | None:
    """Who holds a lock file; None when nobody does."""
    with file_failures(f"The lock {path}"):
        try:
            descriptor = os.open(path, os.O_RDONLY | _OPENING)
        except FileNotFoundError:
            return None
        try:
            found = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _whole_file(fcntl.F_RDLCK))
            return None if struct.unpack(_FLOCK, found)[0] == fcntl.F_UNLCK else _holder(descriptor)
        finally:
            os.close(descriptor)


_FLOCK: Final = "hhqqi4x"
"""The struct flock of fcntl(2): type, whence, start, length, process."""


def _whole_file(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0)


def _holder(descriptor: int) -> Holder | None:
    try:
        return signed_by(**json.loads(os.pread(descriptor, 1024, 0)))
    except (ValueError, TypeError):
        return None
