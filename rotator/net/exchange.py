"""One request with its answer, while it is under way: how much time and room is left for it.

The time-out of a socket is for one piece: who sends a byte now and then is never too late for it. So before each piece
the socket is given what is left of all the time, and what it gave is taken off the room. That is done below everything
that reads an answer, so status lines, headers, the sizes of chunks and trailers count as the body does.
"""

from __future__ import annotations

import io
import logging
import time
from contextvars import ContextVar
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, Final, Self

from rotator.net.limits import Limits, TooLarge, TooSlow

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from contextvars import Token

_UNDER_WAY: Final[ContextVar[Exchange | None]] = ContextVar("exchange", default=None)


class Exchange:
    """What is left of the limits of one call. In its `with` statement, connections of this thread heed it."""

    def __init__(self, limits: Limits) -> None:
        self._limits: Final = limits
        self._ends: Final = time.monotonic() + limits.total
        self._room = limits.size
        self._before: Token[Exchange | None] | None = None
        self._told: Callable[[], TooSlow | TooLarge] | None = None

    def __enter__(self) -> Self:
        self._before = _UNDER_WAY.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            _UNDER_WAY.reset(self._before)

    @property
    def passed(self) -> TooSlow | TooLarge | None:
        """An error for the limit that was passed, if one was, however the libraries in between have told it."""
        return self._told() if self._told else None

    def wait(self) -> float:
        """Seconds for which the next piece may be waited for. Raises TooSlow when the time is over."""
        left = self._ends - time.monotonic()
        if left <= 0:
            self._told = self.too_slow
            raise self.too_slow()
        return min(self._limits.silence, left)

    def took(self, size: int) -> None:
        """Takes so many bytes off the room. Raises TooLarge when there is none left."""
        self._room -= size
        if self._room < 0:
            raise self.too_large()

    def too_large(self) -> TooLarge:
        """The error for an answer with more bytes than it may have."""
        self._told = self.too_large
        return TooLarge(f"more than {self._limits.size} bytes")

    def too_slow(self) -> TooSlow:
        """The error for an answer that is not whole in time."""
        return TooSlow(f"not whole within {self._limits.total:g} seconds")


def _tells_no_address(record: logging.LogRecord) -> bool:
    """Whether a record of urllib3's may be kept: while a call is under way, those for debugging name its address."""
    return record.levelno > logging.DEBUG or under_way() is None


# An address may be a secret, as that of a webhook is.
logging.getLogger("urllib3.connectionpool").addFilter(_tells_no_address)


def under_way() -> Exchange | None:
    """The exchange of this thread, if there is one."""
    return _UNDER_WAY.get()


_AT_ONCE: Final = 32 * 1024
"""Bytes that are asked of a socket: an answer with ten apps has 24 kB, which Python's 8 kB would take in pieces."""


class BoundedReader(io.RawIOBase):
    """What a socket gives, within the limits of an exchange."""

    def __init__(self, connection: socket.socket, exchange: Exchange) -> None:
        super().__init__()
        self._connection: Final = connection
        self._exchange: Final = exchange
        # Not the socket itself: a connection may be closed while its last answer is still read.
        self._raw: Final = connection.makefile("rb", buffering=0)

    def readable(self) -> bool:
        """For `io`, which asks before it reads."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """As a file does. Raises TooSlow, TooLarge, and what the socket raises."""
        self._connection.settimeout(self._exchange.wait())
        size = self._raw.readinto(buffer)
        self._exchange.took(size or 0)
        return size

    def close(self) -> None:
        """Lets go of the socket."""
        self._raw.close()
        super().close()


class BoundedResponse(HTTPResponse):
    """An answer that is read within the limits of the exchange that is under way."""

    def __init__(self, sock: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        exchange = under_way()
        if exchange is not None:
            self.fp.close()
            self.fp = io.BufferedReader(BoundedReader(sock, exchange), _AT_ONCE)
