"""A machine: a process of `rotator run` with a configuration and a state of its own, which dies, stops and starts."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from tests.end_to_end.processes import Process, start

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rotator.core.machines.fleet import Role
    from tests.several_machines.network import Network

_ENDS_WITHIN: Final = 60.0
"""Seconds."""


@dataclass
class Machine:
    """One of several that work on one database."""

    name: str
    config: Path
    own_environ: Mapping[str, str]
    """What its processes know beside what this one does."""
    role: Role
    network: Network | None = None
    """Where it has one that can be cut."""
    process: Process | None = None
    """The one that runs, or is stopped."""
    is_stopped: bool = False
    pids: set[int] = field(default_factory=set)
    """Of all its processes."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """What they have logged."""
    _readers: list[Thread] = field(default_factory=list)

    def start(self) -> None:
        """Starts it, as systemd would."""
        process = start("rotator", "run", "--log-format", "json", "--role", self.role, environ=self.environ)
        self.process, self.is_stopped = process, False
        self.pids.add(process.pid)
        reader = Thread(target=self._read, args=(process,), name=f"log of {self.name}", daemon=True)
        reader.start()
        self._readers.append(reader)

    @property
    def environ(self) -> dict[str, str]:
        """The environment of its processes."""
        return {**os.environ, "ROTATOR_CONFIG": str(self.config), **self.own_environ}

    @property
    def is_up(self) -> bool:
        """Whether it runs, and is not stopped."""
        return self.process is not None and not self.is_stopped

    @property
    def is_reached(self) -> bool:
        """Whether its network is up."""
        return self.network is None or self.network.is_up

    @property
    def pid(self) -> int | None:
        """Of the process that runs."""
        return self.process.pid if self.process else None

    def kill(self) -> None:
        """Ends it without a word to it."""
        process, self.process = self.process, None
        if process:
            process.kill()
            self._close(process)

    def stop(self) -> None:
        """Stops it where it is (SIGSTOP)."""
        if self.process:
            self.is_stopped = True
            self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Lets it go on as if nothing had been."""
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.is_stopped = False

    def ends(self) -> int | None:
        """Asks it to end, and gives the exit code; None where it does not run."""
        process, self.process = self.process, None
        if process is None:
            return None
        process.send_signal(signal.SIGTERM)
        code = process.wait(_ENDS_WITHIN)
        self._close(process)
        return code

    def has_ended_by_itself(self) -> bool:
        """Whether nobody asked it to."""
        return self.process is not None and self.process.poll() is not None

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The events that begin so."""
        return [each for each in [*self.events] if str(each["event"]).startswith(event)]

    def logged_from(self, level: str) -> list[dict[str, Any]]:
        """The events of this level or a worse one; what is no event of a log is one of them."""
        order = ("debug", "info", "warning", "error", "critical")
        worse = order[order.index(level) :]
        return [each for each in [*self.events] if each.get("level", order[-1]) in worse]

    def _read(self, process: Process) -> None:
        for line in process.stderr:
            told: dict[str, Any] = json.loads(line) if line.startswith("{") else {"event": line.rstrip()}
            self.events.append({"at": time.monotonic(), **told})

    def _close(self, process: Process) -> None:
        process.wait(_ENDS_WITHIN)
        self._readers[-1].join(_ENDS_WITHIN)
        process.stdout.close()
        process.stderr.close()
