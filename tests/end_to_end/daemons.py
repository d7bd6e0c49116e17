"""`rotator run`, or `rotator pages`, as a process whose parent listens as systemd does."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import yaml

from tests.end_to_end.places import DEADLINE
from tests.end_to_end.processes import start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import NoReturn

    from rotator.services.schedule.jobs import CycleEnd
    from tests.end_to_end.places import Place
    from tests.end_to_end.processes import Process

SERVICE: Final = {
    "daemon": {"tick": "1s", "jitter": "0s", "inventory_every": "1h", "first_rotations_after": "0s"},
    "http": {"port": 0},
}
"""A service that asks what is due every second, on a port of its own."""


class Daemon:
    """One process: what it tells systemd, and what it logs."""

    def __init__(self, process: Process, listening: socket.socket) -> None:
        self.process: Final = process
        self._listening: Final = listening
        self.told: Final[list[str]] = []
        """What it told systemd, datagram by datagram."""
        self.events: Final[list[dict[str, Any]]] = []
        """Its log."""
        self._reader: Final = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def hears(self, word: str, *, more: bool = True) -> str:
        """Waits until it tells systemd something with this word in it; `more`: from now on."""
        seen = len(self.told) if more else 0
        until = time.monotonic() + DEADLINE
        while True:
            for datagram in self.told[seen:]:
                if word in datagram:
                    return datagram
            seen = len(self.told)
            assert time.monotonic() < until, f"it never said {word}: {self.told}"
            self.told.append(self._listening.recv(4096).decode())

    def quiet_for(self, seconds: float) -> bool:
        """Whether it tells systemd nothing for so long, after what it has said already."""
        self._listening.settimeout(0.05)
        try:
            while True:
                self._listening.recv(4096)
        except TimeoutError:
            pass
        self._listening.settimeout(seconds)
        try:
            self._listening.recv(4096)
        except TimeoutError:
            return True
        finally:
            self._listening.settimeout(DEADLINE)
        return False

    def logs(self, event: str, **values: Any) -> dict[str, Any]:
        """Waits until it has logged an event that begins so, with these values."""
        until = time.monotonic() + DEADLINE
        while True:
            for found in list(self.events):
                if found["event"].startswith(event) and values.items() <= found.items():
                    return found
            assert self.process.poll() is None or self._reader.is_alive(), f"it ended: {self.events}"
            assert time.monotonic() < until, f"it never logged {event!r}: {self.events}"
            time.sleep(0.02)

    def has_logged(self, event: str) -> bool:
        """Whether it has logged an event that begins so."""
        return any(each["event"].startswith(event) for each in self.events)

    def comes(self, is_so: Callable[[], bool]) -> None:
        """Waits until something is so, which it brings about."""
        until = time.monotonic() + DEADLINE
        while not is_so():
            assert self.process.poll() is None, f"it ended: {self.events}"
            assert time.monotonic() < until, f"it never came so far: {self.events}"
            time.sleep(0.02)

    def asked_to_stop(self) -> int:
        """Sends SIGTERM; gives the exit code, once it has ended."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """The exit code, once it has ended, and said all that it had to say."""
        code = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        self._listening.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self.told.append(self._listening.recv(4096).decode())
        return code

    def _read(self) -> None:
        for line in self.process.stderr:
            is_event = line.startswith("{")
            self.events.append(json.loads(line) if is_event else {"event": line})


def configured(place: Place, name: str, **sections: Any) -> Path:
    """A configuration in the place's folder: its own, with these sections replaced."""
    settings = yaml.safe_load((place.folder / "config.yaml").read_text())
    path = place.folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**settings, **SERVICE, **sections}, sort_keys=False))
    return path


def exits(end: CycleEnd) -> NoReturn:
    """In the place of os._exit, where a cycle has to come to its end by itself."""
    raise AssertionError(end)


@contextmanager
def running(
    config: Path,
    *arguments: str,
    watchdog: float = 2.0,
    command: str = "run",
    open_files: tuple[int, int] | None = None,
) -> Iterator[Daemon]:
    """A daemon by this configuration, as systemd would start it."""
    address = f"@rotator-{uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + address[1:])
        listening.settimeout(DEADLINE)
        environ = {
            **os.environ,
            "ROTATOR_CONFIG": str(config),
            "NOTIFY_SOCKET": address,
            "WATCHDOG_USEC": str(round(watchdog * 1e6)),
        }
        with start(
            "rotator", command, "--log-format", "json", *arguments, environ=environ, open_files=open_files
        ) as process:
            yield Daemon(process, listening)
