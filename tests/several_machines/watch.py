"""Who holds which lock of the history, asked all the time: who leads, and who rotates what."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final, Self

from rotator.errors import HistoryError
from rotator.services.schedule.jobs import LEADER_LOCK

if TYPE_CHECKING:
    from collections.abc import Collection

    from rotator.history.engine.database import Database

PERIOD: Final = 0.2
"""Seconds."""


@dataclass(frozen=True)
class Taken:
    """A lock was first seen with a process."""

    at: float
    """By the monotonic clock."""
    name: str
    pid: int


@dataclass
class Watch:
    """Asks while the `with` block runs."""

    database: Database
    names: Collection[str]
    """The credentials."""
    taken: list[Taken] = field(default_factory=list)
    _wanting: list[tuple[float, float]] = field(default_factory=list)
    """By the monotonic clock, for how long processors had been wanting then."""
    _held: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _stop: Event = field(default_factory=Event)

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._ask, name="watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def now(self) -> dict[str, int]:
        """The process that holds each lock just now. Raises HistoryError."""
        holders = self.database.holders([LEADER_LOCK, *self.names])
        return {name: holder.pid for name, holder in holders.items()}

    def leader(self) -> int | None:
        """The process that leads, as it was last seen."""
        with self._lock:
            return self._held.get(LEADER_LOCK)

    def wanting(self, since: float, seconds: float) -> float:
        """Seconds of so many in which somebody on this machine waited for a processor."""
        with self._lock:
            told = [total for at, total in self._wanting if since <= at <= since + seconds]
        return told[-1] - told[0] if told else 0.0

    def next_taken(self, name: str, after: float, *, by_another_than: int) -> Taken | None:
        """When another process was first seen with a lock."""
        with self._lock:
            return next(
                (each for each in self.taken if each.name == name and each.at > after and each.pid != by_another_than),
                None,
            )

    def _ask(self) -> None:
        while not self._stop.wait(PERIOD):
            with self._lock:
                self._wanting.append((time.monotonic(), _wanting_until_now()))
            # It may be away just now.
            with suppress(HistoryError):
                self._note(self.now())

    def _note(self, held: dict[str, int]) -> None:
        at = time.monotonic()
        with self._lock:
            for name, pid in held.items():
                if self._held.get(name) != pid:
                    self.taken.append(Taken(at, name, pid))
            self._held = held


def _wanting_until_now() -> float:
    """Seconds in which somebody waited for a processor since this machine was started (PSI); 0 where none are told."""
    try:
        line = Path("/proc/pressure/cpu").read_text().splitlines()[0]
    except OSError:
        return 0.0
    return int(line.rpartition("total=")[2]) / 1e6
