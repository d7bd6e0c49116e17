"""What a session with Postgres is called by the process that it is of.

Postgres keeps 63 bytes of ASCII of an `application_name`, and every user may read it. Where the name of the host does
not fit, or is not ASCII, it is cut, and a part of its hash takes the place of the rest: hosts whose names begin alike,
as those of containers do, must not be taken for one another.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

LONGEST: Final = 63
_HASH: Final = 8
_NAMED: Final = re.compile(r"(rotator (\d+) (?:since \S+ \S+ UTC )?on )(.+)")
_SINCE: Final = "2026-11-23 12:31:47 UTC"
"""As long as each."""


def session_name(pid: int, host: str) -> str:
    """Of one that holds no lock."""
    return _fitted(f"rotator {pid} on ", host)


def lock_name(pid: int, host: str, since: str) -> str:
    """Of one that has held a lock since then."""
    return _fitted(f"rotator {pid} since {since} on ", host)


def host_of_holder(pid: int, host: str) -> str:
    """What the name of a lock's session tells of the host."""
    whole = lock_name(pid, host, _SINCE)
    return whole[len(lock_name(pid, "", _SINCE)) :]


def is_of(name: str, pid: int, host: str) -> bool:
    """Whether a session of this name is one of that process."""
    said = _NAMED.fullmatch(name)
    return said is not None and int(said[2]) == pid and name == _fitted(said[1], host)


def _fitted(beginning: str, host: str) -> str:
    room = LONGEST - len(beginning)
    if host.isascii() and len(host) <= room:
        return beginning + host
    told = host.encode("ascii", "replace").decode()[: room - _HASH - 1]
    return f"{beginning}{told}~{hashlib.sha256(host.encode()).hexdigest()[:_HASH]}"
