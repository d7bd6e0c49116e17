"""The rotation lock while a run lasts: seen to be held before each action, and taken again when it was lost."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from rotator.errors import HistoryError, HistoryUnavailable, RotationRunning

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_LOG: Final = logging.getLogger(__name__)

PAUSE: Final = timedelta(seconds=1)
"""Between two tries to take a lost lock again: consumers may be waiting for the run to go on."""


class Lock(Protocol):
    """What keeps two rotations of one credential apart (`rotator.history.locks.locks.Hold`)."""

    def check(self) -> None:
        """Raises HistoryUnavailable when the lock was lost, so that another process may have it."""
        ...

    def take_again(self) -> None:
        """Takes a lost lock again, and never waits.

        Raises RotationRunning when somebody else has it, or has come between; HistoryError when it cannot be had just
        now.
        """
        ...


class RotationLock:
    """The lock of a run of one rotation: taken again, it is of use only where the run may go on."""

    def __init__(self, held: Lock, resume: Callable[[], None]) -> None:
        """`resume` does what a run does that starts now. Raises RotationRunning when the rotation is not its own."""
        self._held: Final = held
        self._resume: Final = resume

    def check(self) -> None:
        """See Lock."""
        self._held.check()

    def take_again(self) -> None:
        """See Lock."""
        self._held.take_again()
        self._resume()


class NoLock:
    """For a run that nobody else can come between."""

    def check(self) -> None:
        """Nothing can be lost."""

    def take_again(self) -> None:
        """Nothing was lost."""


class LockGuard:
    """Sees to it that a run acts only while it has the lock."""

    def __init__(
        self, lock: Lock, *, now: Callable[[], datetime], sleep: Callable[[float], None], timeout: timedelta
    ) -> None:
        """A lock that was lost is asked for again for as long as `timeout`."""
        self._lock: Final = lock
        self._now: Final = now
        self._sleep: Final = sleep
        self._timeout: Final = timeout
        self._lost_at: datetime | None = None

    def loss(self) -> HistoryUnavailable | None:
        """None while the lock is held, else what was lost."""
        try:
            self._lock.check()
        except HistoryUnavailable as lost:
            self._lost_at = self._lost_at or self._now()
            _LOG.debug("lost", extra={"reason": lost.message})
            return lost
        self._lost_at = None
        return None

    def take_again(self, lost: HistoryUnavailable, *, gives_up: Callable[[], bool]) -> None:
        """Returns when the lock is held again: the world may be another by then.

        Raises `lost` when somebody else has it, when it cannot be had for too long, or as soon as `gives_up`.
        """
        until = (self._lost_at or self._now()) + self._timeout
        while not self._is_taken(lost):
            if gives_up() or self._now() >= until:
                raise lost
            self._sleep(PAUSE.total_seconds())
        _LOG.debug("taken again")

    def _is_taken(self, lost: HistoryUnavailable) -> bool:
        try:
            self._lock.take_again()
        except RotationRunning:
            raise lost from None
        except HistoryError:
            return False
        return True
