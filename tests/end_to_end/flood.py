"""The attack on the pages: callers who say nothing, callers who say half, callers who ask and take nothing.

It needs no rights but to reach the port. It goes on until it is told to stop: whoever is shown out comes again.
"""

from __future__ import annotations

import selectors
import socket
import time
from contextlib import ExitStack, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from rotator.process import raise_file_limit

if TYPE_CHECKING:
    from collections.abc import Iterator

SILENT: Final = 1100
"""More than a process may have open on most systems."""

HALF_SENT: Final = 120
ASKING: Final = 300

_HALF: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Never-En"
_WHOLE: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

_AGAIN: Final = 0.02
"""Seconds between two callers who come again."""

_PATIENCE: Final = 60.0


class Flood:
    """The attack, by one thread, while the `with` block runs, which begins when all have called once."""

    def __init__(self, url: str, *, silent: int = SILENT) -> None:
        assert raise_file_limit() > silent + HALF_SENT + ASKING + 100, "this process may open too few files"
        parts = urlsplit(url)
        self._address: Final = (parts.hostname or "", parts.port or 0)
        self._silent: Final = silent
        self._thread: Final = Thread(target=self._attack, name="flood", daemon=True)
        self._stands: Final = Event()
        self._stopped: Final = Event()
        self.half_sent_are_gone: Final = Event()
        """Set when the last of those who sent half a request was shown out."""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._stands.wait(_PATIENCE), "it never stood"
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        self._thread.join(_PATIENCE)

    def _attack(self) -> None:
        with selectors.DefaultSelector() as watched, ExitStack() as callers:
            for _ in self._calls(callers, ASKING, _WHOLE):
                pass
            for said, number in ((b"", self._silent), (_HALF, HALF_SENT)):
                for caller in self._calls(callers, number, said):
                    watched.register(caller, selectors.EVENT_READ, said)
            self._stands.set()
            shown_out, half_sent = 0, HALF_SENT
            while not self._stopped.is_set():
                for key, _ in watched.select(_AGAIN):
                    assert isinstance(key.fileobj, socket.socket)
                    watched.unregister(key.fileobj)
                    key.fileobj.close()
                    shown_out += not key.data
                    half_sent -= bool(key.data)
                if not half_sent:
                    self.half_sent_are_gone.set()
                # Who said nothing comes again; who said half does not.
                for caller in self._calls(callers, min(shown_out, 1), b""):
                    watched.register(caller, selectors.EVENT_READ, b"")
                    shown_out -= 1
                self._stopped.wait(_AGAIN)

    def _calls(self, callers: ExitStack, number: int, said: bytes) -> Iterator[socket.socket]:
        for _ in range(number):
            caller = callers.enter_context(socket.create_connection(self._address, timeout=_PATIENCE))
            # He may have been shown out already.
            with suppress(ConnectionError):
                caller.sendall(said)
            yield caller


def is_healthy(url: str) -> bool:
    """Whether /healthz says so, as a supervisor asks: one who gets no answer asks again before he does anything."""
    parts = urlsplit(url)
    for _ in range(3):
        with (
            suppress(ConnectionError),
            socket.create_connection((parts.hostname or "", parts.port or 0), _PATIENCE) as caller,
        ):
            caller.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            if answer := caller.recv(65536):
                return answer.startswith(b"HTTP/1.1 200")
        time.sleep(0.1)
    return False
