"""Ports of loopback for servers that cannot be asked which one they were given."""

from __future__ import annotations

import socket
from random import SystemRandom
from typing import Final

_NEVER_GIVEN: Final = range(20_000, 32_000)
"""Below those that a kernel gives to whoever asks for any (`ip_local_port_range`): the next connection or server of
another process could have it before it is taken."""


def free_port() -> int:
    """A port that nobody listens on."""
    ports = SystemRandom().sample(_NEVER_GIVEN, len(_NEVER_GIVEN))
    return next(port for port in ports if _is_free(port))


def _is_free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False
