"""Which authorities a TLS server's certificate may come from: one context for each file of them in a process.

To read the 120 to 150 certificates of a usual bundle takes some 15 ms of the processor and 0.7 MB, which urllib3 does
for every new connection where it is given the file.
"""

from __future__ import annotations

import os
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from urllib3.util.ssl_ import ALPN_PROTOCOLS, create_urllib3_context

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

_MOST: Final = 16
"""Contexts that are kept: a company has one or two bundles of its own."""

_LOCK: Final = Lock()


def context(bundle: str | Path) -> ssl.SSLContext:
    """For the authorities in a PEM file as it is now; who has it goes on with it when the file changes.

    Threads may share it. Raises OSError (ssl.SSLError is one) for a file that cannot be read or holds no certificate.
    """
    state = os.stat(bundle)  # noqa: PTH116 - a call is not to wait for a Path
    # `lru_cache` alone would let two threads read it at once.
    with _LOCK:
        return _read(str(bundle), (state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size))


@lru_cache(_MOST)
def _read(bundle: str, _state: tuple[int, ...]) -> ssl.SSLContext:
    # As urllib3 makes it for itself: the versions and ciphers that it leaves, host names checked.
    made: Any = create_urllib3_context()
    made.load_verify_locations(bundle)
    made.set_alpn_protocols(ALPN_PROTOCOLS)
    # urllib3 says so before every connection, and OpenSSL copies it for those that other threads are opening meanwhile.
    made.set_alpn_protocols = _set_already
    found: ssl.SSLContext = made
    return found


def _set_already(_protocols: list[str]) -> None:
    """In the place of `set_alpn_protocols`: does nothing."""
