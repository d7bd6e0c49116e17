"""How long a call may take, how large its answer may be, and the errors when it is more.

The errors are among those of requests, so that libraries which call over our sessions pass them on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from rotator.net.loading import requests

if TYPE_CHECKING:
    from datetime import timedelta

KILOBYTE: Final = 1024
MEGABYTE: Final = 1024 * KILOBYTE


@dataclass(frozen=True)
class Limits:
    """Of one call. Times are in seconds, `size` in bytes."""

    connect: float = 10.0
    """To get a connection to one address, and again for its TLS."""
    silence: float = 60.0
    """Without a byte of the answer, or room for one of the request."""
    total: float = 120.0
    """From the beginning of the call to the last byte of its answer."""
    size: int = MEGABYTE
    """Of an answer with its headers as it comes over the wire, and again of its body when it is unpacked."""

    @classmethod
    def of(cls, connect: timedelta, silence: timedelta, total: timedelta) -> Self:
        """As settings say it."""
        return cls(connect.total_seconds(), silence.total_seconds(), total.total_seconds())

    @classmethod
    def for_patience(cls, seconds: float) -> Self:
        """Of a call that somebody waits for who has so much patience: ten seconds at least, and a minute at most."""
        total = min(max(seconds, 10.0), 60.0)
        return cls(silence=total, total=total)

    @property
    def timeout(self) -> tuple[float, float]:
        """As requests takes it."""
        return min(self.connect, self.total), min(self.silence, self.total)


class TooSlow(requests.Timeout):
    """The answer was not whole within the time for all of the call."""


class TooLarge(requests.RequestException):
    """The answer is larger than what was asked for can be."""


class Misleading(requests.RequestException):
    """The answer leads elsewhere, where a request would go with all that it holds."""
