"""The rotation lock while a run lasts: checked before each action, and taken again when it was lost.

A lock can be lost while its holder lives, when the server restarts or the connection breaks. Another process may have
ended the rotation since, or begun another. So a run that takes its lock again goes on exactly as a run that starts
then, and does nothing when the rotation is not the open one of the history any more. Of two processes that would take
one lock again, one gets it, and the other stops.

It is asked before each action, and once more just before anything is sent or stored (`rotator.history.locks.fence`), so
that a process which was stopped between the two, and its lock taken from it, changes nothing when it is woken. What no
lock can prevent is what was under way at that very moment. For that the store promotes only where
`current` is what was seen (`replaces`), and an app's certificate is replaced only where a read just before the write
still shows the one that was seen (`expecting`).
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from rotator.core.retry import BackOff, Waiting
from rotator.errors import HistoryError, LockLost, RotationRunning

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_LOG: Final = logging.getLogger(__name__)

T = TypeVar("T")

PAUSE: Final = timedelta(seconds=1)
"""Between two tries to take a lost lock again: consumers may be waiting for the run to go on."""


class Lock(Protocol):
    """What a run needs of the credential's lock (`rotator.history.locks.locks.Hold`)."""

    def check(self) -> None:
        """Raises LockLost when the lock was lost, so that another process may have it."""
        ...

    def take_again(self) -> None:
        """Takes a lost lock again, without waiting for it.

        Raises RotationRunning when somebody else has it, or has come between; HistoryError when it cannot be had just
        now.
        """
        ...


class RotationLock:
    """The lock of a run of one rotation: once taken again, it makes sure that the rotation is still the run's own."""

    def __init__(self, held: Lock, resume: Callable[[], None]) -> None:
        """`resume` raises RotationRunning when another process has ended the rotation or begun another."""
        self._held: Final = held
        self._resume: Final = resume

    def check(self) -> None:
        """See Lock."""
        self._held.check()

    def take_again(self) -> None:
        """See Lock."""
        self._held.take_again()
        self._resume()

    def write(self, down: Callable[[], T]) -> T:
        """Writes something down under the lock, which is taken again if it was lost.

        Raises LockLost when somebody else has it, or has come between; HistoryError as `down` and `take_again` do.
        """
        try:
            return down()
        except LockLost as lost:
            try:
                self.take_again()
            except RotationRunning:
                raise lost from None
            return down()


class LockGuard:
    """Keeps a run from acting without its lock."""

    def __init__(
        self, lock: Lock, *, now: Callable[[], datetime], sleep: Callable[[float], None], timeout: timedelta
    ) -> None:
        """For as long as `timeout` a lost lock is asked for again."""
        self._lock: Final = lock
        self._now: Final = now
        self._sleep: Final = sleep
        self._timeout: Final = timeout
        self._lost_at: datetime | None = None

    def loss(self) -> LockLost | None:
        """None while the lock is held, else the error that says what was lost."""
        try:
            self._lock.check()
        except LockLost as lost:
            self._lost_at = self._lost_at or self._now()
            _LOG.debug("lost", extra={"reason": lost.message})
            return lost
        self._lost_at = None
        return None

    def take_again(self, lost: LockLost, *, gives_up: Callable[[], bool]) -> None:
        """Returns when the lock is held again. Store and org may have changed by then.

        Raises `lost` when somebody else has it, when it cannot be had for too long, or as soon as `gives_up()`.
        """
        until = (self._lost_at or self._now()) + self._timeout
        waiting = Waiting(
            (until - self._now()).total_seconds(), elapsed=lambda: self._now().timestamp(), sleep=self._sleep
        )
        for _ in waiting.turns(BackOff(PAUSE, PAUSE, spread=0)):
            if self._is_taken(lost):
                _LOG.debug("taken again")
                return
            if gives_up():
                break
        raise lost

    def _is_taken(self, lost: LockLost) -> bool:
        try:
            self._lock.take_again()
        except RotationRunning:
            raise lost from None
        except HistoryError:
            return False
        return True
