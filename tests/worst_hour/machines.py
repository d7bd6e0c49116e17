"""A machine with `rotator` on it: a configuration, a history, a clock that can be set, and the processes that run."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import yaml

from tests.end_to_end.processes import Process, start

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.worst_hour.lives import Life

CONFIRMATIONS: Final = 2
VERIFICATION: Final = {
    "confirmations": CONFIRMATIONS,
    "interval": "1s",
    "max_interval": "1s",
    "hold": "1s",
    "timeout": "3s",
}
POLL: Final = timedelta(seconds=1)
"""`max_interval` above: the longest time between two test logins."""
HOLD: Final = timedelta(seconds=1)
"""`hold` above."""


@dataclass
class Machine:
    """Where commands run."""

    folder: Path
    off: timedelta = timedelta(0)
    """By how much its clock is wrong."""
    was_off: list[timedelta] = field(default_factory=lambda: [timedelta(0)])
    """By how much it ever was."""
    patience: float = 2.0
    """Seconds for which its processes repeat a call of the Metadata API, instead of two minutes."""
    _running: set[Process] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    @property
    def config(self) -> Path:
        """Its config.yaml."""
        return self.folder / "config.yaml"

    @property
    def _clock(self) -> Path:
        return self.folder / "clock"

    def furnish(self, lives: Iterable[Life], **sections: Any) -> None:
        """Writes the configuration of the lives that are led here."""
        self._clock.write_text("0")
        settings = {
            "database": "sqlite:///rotator.db",
            "orgs": {},
            "stores": {},
            "credentials": {},
            "rotation": {"verification": VERIFICATION},
            **sections,
        }
        for life in lives:
            for section, of_life in life.configuration().items():
                settings[section] |= of_life
        self.config.write_text(yaml.safe_dump(settings, sort_keys=False))

    def now(self) -> datetime:
        """What its clock says."""
        return datetime.now(UTC) + self.off

    @property
    def was_slow(self) -> bool:
        """Whether its clock was ever set back."""
        return any(off < timedelta(0) for off in self.was_off)

    def in_truth(self, time: datetime) -> datetime:
        """What everybody's clock said when this machine's said so: it was never set by less than the tests last."""
        return min((time - off for off in self.was_off), key=lambda each: abs(each - datetime.now(UTC)))

    def start(self, script: str, *arguments: str, largest_file: int | None = None) -> Process:
        """A process that begins."""
        environ = {**os.environ, "ROTATOR_CONFIG": str(self.config), "COLUMNS": "250"}
        with self._lock:
            process = start(
                script,
                *arguments,
                environ=environ,
                largest_file=largest_file,
                clock=self._clock,
                patience=self.patience,
            )
            self._running.add(process)
        return process

    def ended(self, process: Process) -> None:
        """The process needs to be told of the clock no more."""
        with self._lock:
            self._running.discard(process)

    def set_clock(self, off: timedelta) -> None:
        """Sets the clock, for the processes that run as well."""
        with self._lock:
            self.off = off
            self.was_off.append(off)
            self._clock.write_text(str(off.total_seconds()))
            for process in self._running:
                process.finds_its_clock_set()
