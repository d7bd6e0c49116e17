"""Addresses of servers that private keys are sent to."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def secure_address(value: str, example: str) -> str:
    """The address, without a slash at its end.

    Raises ValueError, with what it must be, for one that leads nowhere or would send keys in the clear.
    """
    try:
        parts = urlsplit(value)
        whole = bool(parts.hostname) and parts.port != 0 and not any(map(str.isspace, value))
    except ValueError:
        whole = False
    if not whole or "@" in parts.netloc or parts.query or parts.fragment or parts.scheme not in {"http", "https"}:
        raise ValueError(f"must be an address such as {example}")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("must begin with https://, as private keys go over it; http:// is for this machine only")
    return value.rstrip("/")
