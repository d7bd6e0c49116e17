"""What the system knows of this process: who runs it, and how long the machine has been running."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import pwd
import resource
import signal
import socket
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rotator.core.actor import Actor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

_LOGIN_UID: Final = Path("/proc/self/loginuid")
_SINCE_START: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux has one that counts while the machine is suspended, too."""
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_NEVER_SET: Final = 2**32 - 1
"""What the kernel says of a process that nobody logged in for: a service, or a container (proc(5))."""

_LIMITS: Final = Path("/proc/self/limits")
_MOST_FILES: Final = 65_536
"""Of more the program has no use."""
_FEW_FILES: Final = 1024
"""What Linux begins with, where it cannot be asked."""

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


@contextmanager
def interrupted_once() -> Iterator[None]:
    """Has the first Ctrl-C interrupt what is done here; another one, or one that comes later, ends the process at once.

    Python raises KeyboardInterrupt for each, also while the first one is told of and as the process ends, and prints
    where that was. A signal that is ignored, as `nohup` has it, stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt


_M_ARENA_MAX: Final = -8
"""mallopt(3), of malloc.h."""
_ARENAS: Final = 2


def keep_memory_together() -> None:
    """Has threads share few heaps: glibc makes a new one for nearly each, and gives none of them back (mallopt(3))."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def give_memory_back() -> None:
    """Gives memory that is free back to the system (malloc_trim(3)); a C library that cannot does it by itself."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def keep_what_is_loaded() -> None:
    """Has Python look for garbage in what is made from now on, and not in what was imported, which stays.

    It looks through everything when what is new has come to a quarter of what is there (`gc`, "set_threshold"): beside
    all that a service imports, a cycle over many orgs would never be looked through.
    """
    gc.collect()
    gc.freeze()


_USUAL: Final = gc.get_threshold()
_SELDOM: Final = (200_000, 10, 10)


def collect_seldom() -> None:
    """Has Python look for garbage so seldom that it costs nothing: for a process that ends soon.

    What its imports make stays, and would be looked through again and again.
    """
    gc.set_threshold(*_SELDOM)


class QuickEnd:
    """Has the process end with its memory as it is, which the system takes back whole.

    Python would look through all that was imported, and take it apart object by object: 4 % of the processor time of
    `rotator status`, 15 ms. What is registered after this one is called before it (`atexit`).
    """

    def __init__(self) -> None:
        self._code: int | None = None
        atexit.register(self._end)

    def with_code(self, code: int) -> int:
        """Says that everything is done, and gives the exit code back; without one the process ends as any other."""
        self._code = code
        return code

    def _end(self) -> None:
        # Of what cannot be written any more Python tells as it ends by itself.
        with suppress(OSError, ValueError, AttributeError):
            sys.stdout.flush()
            sys.stderr.flush()
            if self._code is not None:
                os._exit(self._code)


def without_plugins_of_pydantic() -> None:
    """Has pydantic not look for plugins, as it does when it builds the first model (Pydantic, "Plugins").

    It would read the metadata of every installed package for that, and show config.yaml to whoever is found. This is
    for a process of our own, and not for one that imports a part of us.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def collect_as_usual() -> None:
    """Has Python look for garbage as often as it does by itself: for a process that goes on."""
    gc.set_threshold(*_USUAL)


def raise_file_limit() -> int:
    """Has this process keep as many files and connections open as the system lets it, and gives that number.

    Many systems begin with 1,024, for programs that know no better than select(2). Where the system does not allow to
    change it (a unit sets it itself, by LimitNOFILE=), it stays as it is.
    """
    with suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return file_limit()


def file_limit(limits: Path = _LIMITS) -> int:
    """How many files and connections this process may have open."""
    with suppress(OSError, ValueError, StopIteration):
        # Not by getrlimit(2), which is prlimit64(2) today and so may be forbidden together with its setting.
        lines = limits.read_text("ascii").splitlines()
        soft = next(line.split()[3] for line in lines if line.startswith("Max open files"))
        return _MOST_FILES if soft == "unlimited" else int(soft)
    return _FEW_FILES


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
