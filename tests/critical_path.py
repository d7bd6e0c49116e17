"""How many calls came one after the other, each waiting for the one before: what a command waits for, in calls.

Each thread counts the calls that it has waited for. A thread begins where the one was that started it, and who takes
the result of a future has waited for all that its maker did. So nothing of it depends on how fast anything is.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rotator.net.adapter import BoundedAdapter

if TYPE_CHECKING:
    import pytest

_A = TypeVar("_A")


class CriticalPath:
    """Watches all calls of the process from when it is made."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.longest = 0
        """Calls of the longest row so far."""
        self._lock: Final = threading.Lock()
        self._here: Final = threading.local()
        send, post, start = BoundedAdapter.send, BoundedAdapter.post, threading.Thread.start
        patch.setattr(BoundedAdapter, "send", lambda *given, **named: self._called(send(*given, **named)))
        patch.setattr(BoundedAdapter, "post", lambda *given, **named: self._called(post(*given, **named)))
        patch.setattr(threading.Thread, "start", lambda thread: self._started(thread, start))
        for name in ("set_result", "set_exception"):
            end = getattr(Future, name)
            patch.setattr(Future, name, lambda future, what, end=end: self._ended(future, what, end))
        result = Future.result
        patch.setattr(Future, "result", lambda future, timeout=None: self._waited(future, result, timeout))

    @property
    def _depth(self) -> int:
        return getattr(self._here, "depth", 0)

    def _called(self, answer: _A) -> _A:
        self._here.depth = self._depth + 1
        with self._lock:
            self.longest = max(self.longest, self._depth)
        return answer

    def _started(self, thread: threading.Thread, start: Any) -> None:
        depth, run = self._depth, thread.run

        def runs() -> None:
            self._here.depth = depth
            run()

        thread.run = runs  # type: ignore[method-assign]
        start(thread)

    def _ended(self, future: Any, what: object, end: Any) -> None:
        future.depth = self._depth
        end(future, what)

    def _waited(self, future: Any, result: Any, timeout: float | None) -> Any:
        try:
            return result(future, timeout)
        finally:
            self._here.depth = max(self._depth, getattr(future, "depth", 0))
