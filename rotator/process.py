"""What the system knows of this process: who runs it, and how long the machine has been running."""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rotator.core.actor import Actor

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOGIN_UID: Final = Path("/proc/self/loginuid")
_SINCE_START: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux has one that counts while the machine is suspended, too."""
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_NEVER_SET: Final = 2**32 - 1
"""What the kernel says of a process that nobody logged in for: a service, or a container (proc(5))."""

_CLAIMS: Final = ("SUDO_USER", "DOAS_USER", "LOGNAME", "USER")
"""Variables that name a user, the most telling first."""


_PR_SET_DUMPABLE: Final = 4
"""prctl(2), of linux/prctl.h."""


def close_memory() -> None:
    """Has no core file written of this process, and no other process of the user look into it (ptrace(2)).

    Its memory holds private keys. Root can look all the same. Where the system does not allow it (a unit may forbid to
    change limits, and sets them itself), it goes on as it is.
    """
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


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


def seconds_since_start() -> float:
    """Seconds since the machine was started, those too in which it was suspended: by a clock that nobody sets."""
    return time.clock_gettime(_SINCE_START)


def start_of_machine(boot_id: Path = _BOOT_ID) -> str:
    """Names the start from which `seconds_since_start` counts; empty where the kernel does not tell."""
    try:
        return boot_id.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


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
