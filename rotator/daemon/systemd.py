"""What the service tells systemd, by its own protocol: datagrams to the socket in $NOTIFY_SOCKET (sd_notify(3))."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from rotator.plain_text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PULSE: Final = 1.0
"""Seconds between two checks of the main thread of a service."""

_SEND_TIMEOUT: Final = 1.0
"""Seconds that a full socket is waited for; what did not go through then is told with the next datagram."""


class Notifier:
    """Tells systemd how the service is. Where nobody listens nothing happens."""

    def __init__(self, address: str | None = None, *, watchdog: timedelta | None = None) -> None:
        """`address` is a path, or `@` and an abstract name; `watchdog` how long systemd lets pass without a sign."""
        self._address: Final = address
        self.watchdog: Final = watchdog
        self._said = ""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """As systemd has set it up for this process (sd_notify(3), sd_watchdog_enabled(3))."""
        return cls(environ.get("NOTIFY_SOCKET") or None, watchdog=_watchdog(environ))

    @property
    def pulse(self) -> float:
        """Seconds between two checks of the main thread: often enough for systemd's watchdog."""
        return min(PULSE, self.watchdog.total_seconds() / 8) if self.watchdog else PULSE

    def ready(self, status: str) -> None:
        """It has started, or has read its configuration again."""
        self._say(status, "READY=1")

    def status(self, status: str) -> None:
        """A line for `systemctl status`, where it is another than the one before."""
        if status != self._said:
            self._say(status)

    def reloading(self, monotonic: Callable[[], float]) -> None:
        """It reads its configuration again; `ready` ends it. `monotonic` is CLOCK_MONOTONIC in seconds."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={round(monotonic() * 1e6)}")

    def stopping(self, status: str) -> None:
        """It was asked to end and does so."""
        self._say(status, "STOPPING=1")

    def alive(self) -> None:
        """It makes progress: the watchdog starts to count anew."""
        self._send("WATCHDOG=1")

    def extend(self, by: timedelta) -> None:
        """It needs longer to end than the unit says: at least so long from now, or until this is said again."""
        self._send(f"EXTEND_TIMEOUT_USEC={by // timedelta(microseconds=1)}")

    def _say(self, status: str, *lines: str) -> None:
        self._said = status
        self._send(*lines, f"STATUS={one_line(status)}")

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
                sending.settimeout(_SEND_TIMEOUT)
                sending.sendto("\n".join(lines).encode(), address)
        except OSError:
            # systemd itself is being restarted, perhaps: the service goes on, and says more soon.
            return


def _watchdog(environ: Mapping[str, str]) -> timedelta | None:
    try:
        microseconds = int(environ["WATCHDOG_USEC"])
        meant = int(environ.get("WATCHDOG_PID", os.getpid())) == os.getpid()
    except (KeyError, ValueError):
        return None
    return timedelta(microseconds=microseconds) if meant and microseconds > 0 else None
