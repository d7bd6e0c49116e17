"""What memory an idle service has, pages included, after its first round over 200 orgs with 20 apps each, on SQLite.

`.venv/bin/python -m tests.benchmarks.memory` measures it and writes the table into docs/performance.md, of the service
as it first starts, and as it starts again on the same history, with a round each: what is its own alone, and what is
resident, with the code of libraries that other processes may share (proc(5)); each after its pages were asked for, and
with `http: null`; and of `rotator pages` over the same history. The first line is a process that has imported what a
service does, and has done nothing.
"""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import requests

from rotator.core.crypto.keys import PrivateKey
from rotator.daemon.service import TIDIED_EVERY
from tests.benchmarks.cycles import APPS, ORGS, configuration, inventories, memory_of
from tests.benchmarks.fleet import fleet
from tests.benchmarks.looks import PAGE, put, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.fleet import Member

PREPARED: Final = 15
"""Seconds after `rotator pages` listens, within which what it shows has been read."""

SETTLED: Final = 2 * TIDIED_EVERY.total_seconds() + 15
"""Seconds after the last inventory, within which other jobs have ended, too, and what is free is given back."""

_URL: Final = re.compile(r"http://127\.0\.0\.1:\d+")


@contextmanager
def service(config: Path, database: Path, members: list[Member]) -> Iterator[tuple[int, str]]:
    """A service that has looked at every org and is idle: its process, and its log."""
    log = config.with_suffix(".log")
    with started("run", config, log) as process:
        while inventories(database) < len(members):
            time.sleep(1)
        time.sleep(SETTLED)
        yield process, log.read_text()


@contextmanager
def started(command: str, config: Path, log: Path) -> Iterator[int]:
    """A process of the program, as long as the context lasts."""
    line = [str(Path(sys.executable).parent / "rotator"), command, "--config", str(config)]
    with log.open("w") as output, subprocess.Popen(line, stderr=output) as process:
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)


def pages_alone(folder: Path, members: list[Member], name: str) -> list[str]:
    """A line of the table: of `rotator pages` over the history of a service."""
    config, log = folder / "alone.yaml", folder / "alone.log"
    text = configuration(folder, members, folder / f"{name}.db")
    config.write_text(text.replace("http: {port: 0}", "http: {port: 0, process: own}"))
    with started("pages", config, log) as process:
        while not _URL.search(log.read_text()):
            time.sleep(1)
        time.sleep(PREPARED)
        idle = told(process)
        return ["any start", "`rotator pages`", idle, asked_for_pages(process, log.read_text())]


def asked_for_pages(process: int, log: str) -> str:
    """The memory of a process whose pages were asked for; empty where it serves none."""
    url = _URL.search(log)
    if url is None:
        return ""
    for path in ("/metrics", "/", "/certificates"):
        requests.get(f"{url[0]}{path}", timeout=60).raise_for_status()
    return told(process)


def measured(folder: Path, members: list[Member], name: str, *, with_pages: bool) -> Iterator[list[str]]:
    """Lines of the table: of the first start, and of the second."""
    config, database = folder / f"{name}.yaml", folder / f"{name}.db"
    text = configuration(folder, members, database)
    config.write_text(text if with_pages else text.replace("http: {port: 0}", "http: null"))
    for start in ("first start", "second start"):
        with service(config, database, members) as (process, log):
            idle = told(process)
            yield [start, "served" if with_pages else "`http: null`", idle, asked_for_pages(process, log)]
        with closing(sqlite3.connect(database)) as connection, connection:
            # So that another round is due at the next start.
            connection.execute("DELETE FROM attempt WHERE kind = 'look'")


def imported() -> list[str]:
    """A line of the table: what has been imported, alone."""
    modules = ("rotator.cli.main", "rotator.daemon.start", "rotator.services.schedule.cycle", "rotator.web.server")
    program = f"import sys\nimport {', '.join(modules)}\nprint(flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        found = told(process.pid)
        process.communicate()
    return ["imports alone, before a round", "served", found, ""]


def told(process: int) -> str:
    """The memory of a process that is its own alone, and all that is resident."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text()
    own = sum(int(kilobytes) for kilobytes in re.findall(r"^Private_\w+: +(\d+) kB", lines, re.MULTILINE)) / 1024
    return f"{own:.0f} MB, {memory_of(process):.0f} MB"


def main() -> None:
    """Measures, and writes it down."""
    key = PrivateKey.generate()
    with fleet(ORGS, APPS, key) as members, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        robot = folder / "robot.pem"
        robot.touch(0o600)
        robot.write_text(key.pem().reveal())
        lines = [imported(), *measured(folder, members, "pages", with_pages=True)]
        lines.append(pages_alone(folder, members, "pages"))
        lines += measured(folder, members, "bare", with_pages=False)
    put("memory", table(["after a cycle", "pages", "idle: its own, all", "after its pages were asked for"], lines))
    sys.stdout.write(PAGE.read_text())


if __name__ == "__main__":
    main()
