"""Of several daemons on one database one says what is due, the leader; the others stand by to take its place.

The leader is the one that holds a lock in the database, which ends with its process and can be lost with its connection
(`rotator.history.locks`). So it is checked on every tick. A daemon that has lost it begins nothing more; where it also
did all of the work, it lets its rotations end where nothing is half done, as another may lead by then.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.errors import DaemonRunning

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from rotator.history.locks.locks import Hold

_LOG: Final = logging.getLogger(__name__)


class LeaderLock:
    """The lock of the one daemon that leads, held as far as it can be had."""

    def __init__(self, *, does_all: bool) -> None:
        """`does_all`: whether who leads carries out as well what is due, and nobody else does."""
        self._verb: Final = "works" if does_all else "leads"
        self._what_runs: Final = "what runs ends where nothing is half done" if does_all else "what runs goes on"
        self._stack: Final = ExitStack()
        self._hold: Hold | None = None
        self.other = ""
        """Who holds it while this daemon stands by."""

    @property
    def is_held(self) -> bool:
        """Whether this daemon leads, as it was last seen."""
        return self._hold is not None

    def take(self, lead: Callable[[], AbstractContextManager[Hold]]) -> bool:
        """Takes the lock by `lead`, or sees whether it is still held; False when another daemon has it. Never waits.

        Raises HistoryError when the lock cannot be had at all; it is not held then.
        """
        if self._hold is not None:
            if self._hold.still_held():
                return True
            _LOG.warning("the lock was lost; %s", self._what_runs)
            self.let_go()
        try:
            self._hold = self._stack.enter_context(lead())
        except DaemonRunning as other:
            self._stand_by(other)
            return False
        self.other = ""
        _LOG.info("the lock was taken; this one %s", self._verb)
        return True

    def let_go(self) -> None:
        """Lets go of the lock, so that another may take it at once."""
        self._hold = None
        self._stack.close()

    def _stand_by(self, running: DaemonRunning) -> None:
        other = words.holder(running.holder)
        if other != self.other:
            _LOG.info("stands by for another that %s", self._verb, extra={"worker": other})
        self.other = other
