"""`rotator` and `rotate` as processes that begin at once: forked from one that has imported them (`forking`)."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Thread
from typing import IO, TYPE_CHECKING, Any, Final, Self

from tests.end_to_end import forking

if TYPE_CHECKING:
    from collections.abc import Mapping

_running: Final = ExitStack()


@dataclass(frozen=True)
class Ran:
    """What one command left behind."""

    code: int
    out: str
    err: str

    def __post_init__(self) -> None:
        assert "Traceback" not in self.err, "a traceback is never what a person should see"

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON value."""
        return json.loads(self.out)


class Process:
    """A process, with what tests use of `subprocess.Popen`; what it writes is text."""

    def __init__(self, status: IO[str], out: IO[str], err: IO[str]) -> None:
        self.stdout: Final = out
        self.stderr: Final = err
        self.pid: Final = int(status.readline())
        self._code: Final[Future[int]] = Future()
        Thread(target=self._read_code, args=(status,), daemon=True).start()

    def _read_code(self, status: IO[str]) -> None:
        """Waits in a thread of its own, so that any number of threads may ask for the exit code."""
        with status:
            self._code.set_result(int(status.readline()))

    @property
    def returncode(self) -> int | None:
        """The exit code, as soon as it has ended."""
        return self._code.result() if self._code.done() else None

    def poll(self) -> int | None:
        """The exit code, negative for the signal that it died of; None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended. Raises subprocess.TimeoutExpired after so many seconds."""
        try:
            return self._code.result(timeout)
        except TimeoutError as error:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0) from error

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it has still to say, once it has ended. Raises subprocess.TimeoutExpired after so many seconds."""
        with ThreadPoolExecutor(2) as readers, self.stdout, self.stderr:
            said = [readers.submit(stream.read) for stream in (self.stdout, self.stderr)]
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            out, err = (each.result() for each in said)
            return out, err

    def ran(self) -> Ran:
        """The same, with its exit code; two minutes are enough for any of them."""
        out, err = self.communicate(timeout=120)
        return Ran(self.wait(), out, err)

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def finds_its_clock_set(self) -> None:
        """Has it read anew by how much its clock is wrong."""
        self.send_signal(forking.SET)

    def kill(self) -> None:
        """Ends it without a word to it."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """It does not outlive its test."""
        self.kill()
        self.wait()
        self.stdout.close()
        self.stderr.close()


def start(
    script: str,
    *arguments: str | Path,
    environ: Mapping[str, str] | None = None,
    largest_file: int | None = None,
    open_files: tuple[int, int] | None = None,
    clock: Path | None = None,
    patience: float | None = None,
) -> Process:
    """A process that begins to run a console script, or `python -c`. `environ` is its environment, if not this one's.

    `largest_file` is the most bytes that a file may have which it writes: beyond it every write fails; `open_files` how
    many it may have open, and how many it may raise that to. `clock` is a
    file with the seconds by which its clock is wrong; once they have changed, `Process.finds_its_clock_set` tells it.
    `patience` is for how many seconds a call of the Metadata API is repeated, if not for as long as usual.
    """
    request = {
        "command": [script, *map(str, arguments)],
        "environ": dict(os.environ if environ is None else environ),
        "folder": str(Path.cwd()),
        "largest_file": largest_file,
        "open_files": open_files,
        "clock": None if clock is None else str(clock),
        "patience": patience,
    }
    pipes = [os.pipe() for _ in ("out", "err", "status")]
    socket.send_fds(_starter(), [json.dumps(request).encode()], [writing for _, writing in pipes])
    for _, writing in pipes:
        os.close(writing)
    out, err, status = (os.fdopen(reading, encoding="utf-8") for reading, _ in pipes)
    return Process(status, out, err)


def end() -> None:
    """Ends the process that forks them, once they have ended."""
    _running.close()
    _starter.cache_clear()


@cache
def _starter() -> socket.socket:
    """What the process that forks hears requests by."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-P", forking.__file__, str(theirs.fileno())]
        _running.enter_context(subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL))
    return _running.enter_context(ours)
