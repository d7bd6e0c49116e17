"""Signals that are read one after the other where the main thread waits for them: none interrupts anything."""

from __future__ import annotations

import select
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STOP: Final = frozenset({signal.SIGTERM, signal.SIGINT})
"""Ask it to end."""

RELOAD: Final = signal.SIGHUP
"""Asks it to read its configuration again."""

OF_A_SERVICE: Final = STOP | {RELOAD}


@contextmanager
def signals_taken(
    numbers: frozenset[signal.Signals],
) -> Iterator[Callable[[float | None], signal.Signals | None]]:
    """Takes the signals; gives a function that waits so many seconds for the next one, None when none came.

    It waits for as long as it takes when it is given None. For the main thread. Signals that are ignored, as `nohup`
    has it, stay so. They arrive through a socket (signal.set_wakeup_fd): sigtimedwait(2) in CPython 3.11 makes signals
    up after its process was stopped and continued, and a lock that a handler sets may be held by what it interrupts.
    """
    ours = {number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN}
    reading, writing = socket.socketpair()

    def next_signal(seconds: float | None) -> signal.Signals | None:
        if not select.select([reading], [], [], seconds)[0]:
            return None
        number = reading.recv(1)[0]
        return signal.Signals(number) if number in ours else None

    with reading, writing:
        writing.setblocking(False)
        before = {number: signal.signal(number, lambda *_: None) for number in ours}
        descriptor = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        try:
            yield next_signal
        finally:
            signal.set_wakeup_fd(descriptor)
            for number, handler in before.items():
                signal.signal(number, handler)
