"""What the system knows of this process: who runs it."""

from __future__ import annotations

import os
import pwd
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rotator.core.actor import Actor

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOGIN_UID: Final = Path("/proc/self/loginuid")
_NEVER_SET: Final = 2**32 - 1
"""What the kernel says of a process that nobody logged in for: a service, or a container (proc(5))."""

_CLAIMS: Final = ("SUDO_USER", "DOAS_USER", "LOGNAME", "USER")
"""Variables that name a user, the most telling first."""


def actor(environ: Mapping[str, str], *, name: str = "", login_uid: Path = _LOGIN_UID) -> Actor:
    """Who runs this process. `name` is what a service calls itself; a person's is the user's, with the machine."""
    uid = os.getuid()
    user = _name_of(uid)
    login = _login(login_uid)
    claims = (environ.get(variable, "") for variable in _CLAIMS)
    return Actor(
        name=name or f"{user}@{socket.gethostname()}",
        uid=uid,
        login_uid=login,
        login_name="" if login is None else _name_of(login),
        claimed_name=next((claim for claim in claims if claim and claim != user), ""),
    )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _login(place: Path) -> int | None:
    """None where nobody has logged in, or the kernel keeps no record of it."""
    try:
        uid = int(place.read_text("ascii"))
    except (OSError, ValueError):
        return None
    return None if uid == _NEVER_SET else uid
