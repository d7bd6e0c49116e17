"""One daemon works at a time: this one is on duty, or stands by for the one that is."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from rotator.errors import DaemonRunning

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from rotator.history.locks.locks import Hold

_LOG: Final = logging.getLogger(__name__)


class Leader:
    """Holds the lock of the daemon that works, as far as it can be had."""

    def __init__(self) -> None:
        self._stack: Final = ExitStack()
        self._hold: Hold | None = None
        self.worker = ""
        """Who works, while this one stands by."""

    @property
    def is_on(self) -> bool:
        """Whether this is the one that works, as it was last seen."""
        return self._hold is not None

    def take(self, lead: Callable[[], AbstractContextManager[Hold]]) -> bool:
        """Takes the lock, or sees whether it is still held; False when another daemon has it. Never waits.

        Raises HistoryError when the lock cannot be had at all; it is not held then.
        """
        if self._hold is not None:
            if self._hold.still_held():
                return True
            _LOG.warning("the lock was lost; what runs ends where nothing is half done")
            self.leave()
        try:
            self._hold = self._stack.enter_context(lead())
        except DaemonRunning as other:
            self._stand_by(other)
            return False
        self.worker = ""
        _LOG.info("the lock was taken; this one works")
        return True

    def leave(self) -> None:
        """Lets go of the lock, so that another may take it at once."""
        self._hold = None
        self._stack.close()

    def _stand_by(self, other: DaemonRunning) -> None:
        worker = other.message.partition(": ")[2].rstrip(".")
        if worker != self.worker:
            _LOG.info("stands by for another that works", extra={"worker": worker})
        self.worker = worker
