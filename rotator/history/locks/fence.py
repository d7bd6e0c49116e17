"""The fence before each step that cannot be taken back: it is passed by those who still hold what they took.

A process can be stopped at any point, for any time: by a signal, by a machine that sleeps, by a host that moves it. By
then its lock was taken from it and another process has gone on. Woken, it must notice that before it changes anything.
So every store, every call that changes an org, and every transaction of the journal asks here just before
(`rotator.program`, `rotator.salesforce.session`, `rotator.history.engine.transactions.Confirmed`). What is under way at
the moment at which a process is stopped can be kept from happening by nobody: for that `rotator.services.rotation.lock`
names the second line.

A program has one fence, in one thread, and whoever is handed it asks about all that is held; who holds none passes, as
he changes nothing that has a lock. Each question goes to what has the lock (`Hold.check`). Of a transaction in the same
database the lock is a part (`Hold.confirm`), so that what is written there counts only while it is held.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from sqlalchemy import Connection

    from rotator.errors import Holder
    from rotator.history.locks.locks import Hold, RotationLocks


class Fence:
    """The locks that a program holds, in one thread. Who holds none passes: he changes nothing that has a lock."""

    def __init__(self) -> None:
        self._holds: Final[list[Hold]] = []

    @contextmanager
    def around(self, hold: Hold) -> Iterator[Hold]:
        """While the context lasts, the lock has to be held by whoever passes."""
        self._holds.append(hold)
        try:
            yield hold
        finally:
            self._holds.remove(hold)

    def check(self) -> None:
        """Raises LockLost when a lock was lost."""
        for hold in self._holds:
            hold.check()

    def confirm(self, connection: Connection) -> None:
        """Has the connection's transaction count only while every lock is held. Raises LockLost, HistoryError."""
        for hold in self._holds:
            hold.confirm(connection)


class FencedLocks:
    """Locks (`RotationLocks`) whose holder is fenced while it holds one."""

    def __init__(self, locks: RotationLocks, fence: Fence) -> None:
        self._locks: Final = locks
        self._fence: Final = fence

    @contextmanager
    def hold(self, credential: str) -> Iterator[Hold]:
        with self._locks.hold(credential) as hold, self._fence.around(hold):
            yield hold

    def one_by_one(self, credentials: Iterable[str]) -> Generator[Hold]:
        with closing(self._locks.one_by_one(credentials)) as held:
            for hold in held:
                with self._fence.around(hold):
                    yield hold

    def holders(self, credentials: Iterable[str]) -> dict[str, Holder]:
        return self._locks.holders(credentials)
