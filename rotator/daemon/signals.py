"""The signals that a service takes, one at a time and where it waits for them: no handler interrupts anything."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STOP: Final = frozenset({signal.SIGTERM, signal.SIGINT})
"""Ask it to end."""

RELOAD: Final = signal.SIGHUP
"""Asks it to read its configuration again."""


@contextmanager
def taken() -> Iterator[Callable[[float], signal.Signals | None]]:
    """Gives the way to wait for signals (sigtimedwait(2)); to be entered before any thread begins.

    Those that are ignored, as `nohup` has it, stay so.
    """
    ours = {number for number in (*STOP, RELOAD) if signal.getsignal(number) is not signal.SIG_IGN}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ours)

    def next_signal(seconds: float) -> signal.Signals | None:
        found = signal.sigtimedwait(ours, seconds)
        return signal.Signals(found.si_signo) if found else None

    try:
        yield next_signal
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
