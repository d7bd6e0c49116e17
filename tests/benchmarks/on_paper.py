"""50,000 orgs on paper: what they come to in calls, logins, rows, connections and machines, from measured numbers.

`.venv/bin/python -m tests.benchmarks.on_paper` measures what one look, one org in the configuration and one tick cost,
multiplies, and writes the table into docs/performance.md. What an org is asked in a day is counted over a day that is
played (tests/unit/services/schedule/test_calls_of_a_day.py), a rotation in tests/rotation/test_what_it_asks.py; what is
waited for is an answer of 300 ms. It is arithmetic: no 50,000 orgs were ever looked at.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from rotator.config.daemon import DaemonSettings
from rotator.config.rotation.rotation_settings import RotationSettings
from rotator.core.machines.fleet import Role
from rotator.history.engine.database import open_database
from rotator.history.engine.tables import EVENT
from tests.benchmarks.cycles import memory_of
from tests.benchmarks.growth import furnished
from tests.benchmarks.installation import Installation
from tests.benchmarks.looks import PAGE, put, table
from tests.benchmarks.throughput import APPS, KNOWN_WITHIN, LATENCY, ORGS, Measured, measured, surroundings
from tests.end_to_end import processes
from tests.several_machines.hours import hour
from tests.several_machines.led import SMALL
from tests.unit.services.schedule.test_calls_of_a_day import Day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.contract.servers.postgres import PostgresServer

ORGS_ON_PAPER: Final = 50_000
"""With APPS apps and one credential each."""
WORKERS: Final = 2
SIZES: Final = (1_000, 4_000)
"""Of the installations from whose difference follows what one more org costs."""

CALLS_OF_A_LOOK: Final = 2
"""Without change: what has changed by its date, and the apps of its credential."""
CALLS_OF_A_ROTATION: Final = 25 + 9
"""In place, and the end of its grace (docs/performance.md, "A rotation")."""
LOGINS_OF_A_ROTATION: Final = 8 + 1
PROCESS: Final = 0.8
"""Of a processor that one process is given to do: Python's threads share one."""

_DAY: Final = 86_400.0


@dataclass(frozen=True)
class Unit:
    """What one of each costs."""

    look: Measured
    """Looks a second, and the processors for them."""
    settings_seconds: float
    """To read one more org of config.yaml."""
    settings_bytes: float
    """To keep it in memory."""
    tick_seconds: float
    """Of the leader, for one more org, when one in SIZES has changed."""
    calls: int
    """Of a day, but for those of its credential."""
    logins: int
    """Of a day."""
    events: float
    """Rows of the history that a rotation leaves for good."""


def settings_cost(orgs: int) -> tuple[float, float]:
    """Seconds of the processor and bytes of memory to read a configuration, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.on_paper", "settings", str(orgs)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(said[0]), float(said[1])


def read_settings(orgs: int) -> None:
    """Prints both."""
    with tempfile.TemporaryDirectory() as folder:
        Installation(1, 1).settings(Path(folder))
        before, began = memory_of(os.getpid()), time.process_time()
        kept = Installation(orgs, orgs).settings(Path(folder))
        seconds, size = time.process_time() - began, (memory_of(os.getpid()) - before) * 1024**2
        assert len(kept.orgs) == orgs
    sys.stdout.write(f"{seconds} {size}\n")


def tick_cost(orgs: int, folder: Path) -> float:
    """Seconds of the processor for a tick in which one org has been looked at."""
    with furnished(Installation(orgs, orgs), f"sqlite:///{folder}/{orgs}.db") as bench:
        return bench.tick().then / 1000


def day_of_an_org(folder: Path) -> tuple[int, int]:
    """Calls and logins of one with so many apps on a day that is not its first, with looks, audit and all."""
    with open_database(f"sqlite:///{folder}/day.db") as database, closing(Day(folder, database.upgrade())) as day:
        day.add_apps(APPS - 1)
        day.live()
        day.live()
        return sum(day.org.calls.values()), day.logins


def events_of_a_rotation(folder: Path, server: PostgresServer) -> float:
    """Of rotations in place and by turns."""
    place = folder / "rotations"
    place.mkdir()
    with hour(SMALL, {"one": Role.BOTH}, "", place, server, _tell_nobody) as led:
        led.starts()
        led.passes([], within=KNOWN_WITHIN)
        led.exit_codes()
        with led.database.reading() as connection:
            query = select(func.count()).select_from(EVENT).where(EVENT.c.credential.is_not(None))
            return int(connection.scalar(query) or 0) / len(led.place.credentials)


def _tell_nobody(_text: str) -> None:
    pass


def unit() -> Unit:
    """Measures."""
    with surroundings() as (server, members, folder):
        look = measured(WORKERS, server, members, folder)
        few, many = SIZES
        ticks = [tick_cost(orgs, folder) for orgs in SIZES]
        costs = [settings_cost(orgs) for orgs in SIZES]
        calls, logins = day_of_an_org(folder)
        events = events_of_a_rotation(folder, server)
    more = many - few
    return Unit(
        look=look,
        settings_seconds=(costs[1][0] - costs[0][0]) / more,
        settings_bytes=(costs[1][1] - costs[0][1]) / more,
        tick_seconds=(ticks[1] - ticks[0]) / more,
        calls=calls,
        logins=logins,
        events=events,
    )


def on_paper(each: Unit, orgs: int = ORGS_ON_PAPER) -> list[list[str]]:
    """The lines of the table: what, for one, and for all of them."""
    daemon, rotation = DaemonSettings(), RotationSettings()
    looks = _DAY / daemon.inventory_every.total_seconds()
    rotations = 1 / (rotation.lifetime - rotation.rotate_before).days
    calls = each.calls + looks + rotations * CALLS_OF_A_ROTATION
    logins = each.logins + rotations * LOGINS_OF_A_ROTATION
    a_second = orgs * looks / _DAY
    per_look = {who: cpu / each.look.looks for who, cpu in _shares(each.look).items()}
    used = {who: a_second * cpu for who, cpu in per_look.items()}
    tick = each.tick_seconds * orgs
    leading = used["leader"] + tick / daemon.tick.total_seconds()
    waiting = a_second * CALLS_OF_A_LOOK * LATENCY
    by_waiting, by_work = waiting / daemon.orgs_at_once, used["workers"] / PROCESS
    workers = math.ceil(max(by_waiting, by_work))
    machines = workers + 1
    sessions = machines * each.look.sessions / (each.look.workers + 1)
    memory, seconds = each.settings_bytes * orgs / 1024**2, each.settings_seconds * orgs
    added = 365 * rotations * each.events
    return [
        ["calls a day, of which logins", f"{calls:.1f}, {logins:.2f}", f"{calls * orgs:,.0f}, {logins * orgs:,.0f}"],
        ["looks a second", "", f"{a_second:.1f}"],
        ["rotations a day", "", f"{rotations * orgs:.0f}"],
        ["looks that wait for an answer at any moment", "", f"{waiting:.1f}"],
        *(
            [f"processors: {who}", f"{per_look[who] * 1000:.1f} ms a look", f"{processors:.2f}"]
            for who, processors in (used | {"leader": leading}).items()
        ),
        ["a tick of the leader", f"{each.tick_seconds * 1e6:.1f} µs", f"{tick * 1000:.0f} ms"],
        ["config.yaml: memory of each process", f"{each.settings_bytes / 1024:.1f} kB", f"{memory:,.0f} MB"],
        ["config.yaml: to read it at the start", f"{each.settings_seconds * 1000:.2f} ms", f"{seconds:.0f} s"],
        ["rows in Postgres", f"{each.look.rows / ORGS:.0f}", f"{each.look.rows / ORGS * orgs:,.0f}"],
        [
            "its size on disk",
            f"{each.look.size / ORGS / 1024:.0f} kB",
            f"{each.look.size / ORGS * orgs / 1024**3:.1f} GB",
        ],
        ["rows that are added for good, a year", f"{added:.0f}", f"{added * orgs:,.0f}"],
        ["machines that do it: leaders, workers", "", f"1, {workers}"],
        ["with one more of each, so that none is missed", "", f"2, {workers + 1}"],
        [
            "sessions with Postgres",
            f"{sessions / machines:.0f} a machine",
            f"{sessions * (machines + 2) / machines:.0f}",
        ],
    ]


def _shares(look: Measured) -> dict[str, float]:
    return {"workers": look.work, "leader": look.leader, "Postgres": look.postgres}


def main(arguments: Sequence[str]) -> None:
    """Measures, and writes it down."""
    if arguments[:1] == ["settings"]:
        read_settings(int(arguments[1]))
        return
    head = [f"{ORGS_ON_PAPER:,} orgs with {APPS} apps and a credential each", "one", "all"]
    try:
        put("paper", table(head, on_paper(unit())))
    finally:
        processes.end()
    sys.stdout.write(PAGE.read_text())


if __name__ == "__main__":
    main(sys.argv[1:])
