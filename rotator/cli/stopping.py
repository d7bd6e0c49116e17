"""Ctrl-C and SIGTERM: the first asks a run to stop where nothing is half done, the second stops it at once.

A terminal that is closed (SIGHUP, which may come twice: from the shell and from the system) only ever asks.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from rotator.cli.output.console import say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """Whether a run was asked to stop."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self) -> bool:
        """Whether it was asked to stop."""
        return self.asked

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self.asked and number != signal.SIGHUP:
            raise KeyboardInterrupt
        if not self.asked:
            self.asked = True
            # Nobody may read it any more; or the signal came while this very stream was being written to.
            with suppress(OSError, RuntimeError):
                say("Stopping where nothing is left half done. Once more stops at once.", err=True)

    @contextmanager
    def listening(self) -> Iterator[StopRequest]:
        """Takes the signals while the context lasts, save those that are ignored, as `nohup` has it."""
        taken = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._take) for number in taken}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
