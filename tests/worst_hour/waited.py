"""What a busy machine took from a process: the time in which it was ready to run, and no processor was free for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.end_to_end.processes import Process


def waited_by(process: int) -> timedelta:
    """So far, by the kernel's count (/proc/PID/schedstat, in nanoseconds); none where it does not count."""
    try:
        _ran, waited, *_ = Path(f"/proc/{process}/schedstat").read_text().split()
    except (OSError, ValueError):
        return timedelta(0)
    return timedelta(microseconds=int(waited) // 1000)


@dataclass
class Waited:
    """Of the processes that run one after the other."""

    running: Callable[[], Process | None]
    _by_process: dict[int, timedelta] = field(default_factory=dict)

    def so_far(self) -> timedelta:
        """By all of them together; of those that have ended what was seen last, so it is to be asked often."""
        if process := self.running():
            known = self._by_process.get(process.pid, timedelta(0))
            self._by_process[process.pid] = max(known, waited_by(process.pid))
        return sum(self._by_process.values(), timedelta(0))
