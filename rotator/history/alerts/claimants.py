"""Who has claimed notifications, and whether that process is known to be dead."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_STARTED_AT: Final = 19
"""Of what follows the name in /proc/PID/stat: when the process started, in ticks since the machine did (proc(5))."""

_ZOMBIE: Final = "Z"
"""The state of a process that has ended, and whose parent has not asked yet how."""


@dataclass(frozen=True)
class Claimant:
    """One process that sends."""

    host: str
    pid: int
    started: str
    """Tells processes apart that had the same number one after the other, as the first one in each container has."""

    @classmethod
    def of_this_process(cls) -> Self:
        """The process that asks."""
        pid = os.getpid()
        return cls(socket.gethostname(), pid, _started(pid) or "-")

    @classmethod
    def parse(cls, claim: str) -> Self | None:
        """Who has signed a claim; None for one of an earlier release, which did not say who."""
        match claim.split(" "):
            case [host, pid, started, _] if pid.isdecimal():
                return cls(host, int(pid), started)
        return None

    def claim(self) -> str:
        """The signature of one more claim, unlike any other."""
        return f"{self.host} {self.pid} {self.started} {secrets.token_hex(8)}"

    def is_known_dead(self) -> bool:
        """Whether the process has certainly ended: it was one of this machine, and is there no more."""
        return self.host == socket.gethostname() and _started(self.pid) not in {None, self.started}


def _started(pid: int) -> str | None:
    """When a process of this machine started; empty where there is none, None where that cannot be found out."""
    try:
        os.kill(pid, 0)
        told = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except ProcessLookupError:
        return ""
    except (OSError, OverflowError):
        return None
    fields = told.rpartition(")")[2].split()
    return "" if fields[0] == _ZOMBIE else fields[_STARTED_AT]
