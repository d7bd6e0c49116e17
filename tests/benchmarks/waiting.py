"""What people wait for at 300 ms a call: commands, an inventory of 100 orgs, the first round over 1,000.

`.venv/bin/python -m tests.benchmarks.waiting` measures it all and writes the tables into docs/performance.md; with
`commands`, `inventory` or `round` that part alone. The orgs are simulated in further processes on loopback, and answer
each call so much later. A command is a whole process, from its start to its end, and of several runs the least counts,
as whatever else the machine does only makes it more; on one that has other work, what it waits for and what it needs of
the processor say more than the time that went by. tests/unit/cli/commands/test_calls.py asserts how many calls it waits
for.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rotator.core.crypto.keys import PrivateKey
from rotator.services.inventory.side_by_side import MOST
from tests.benchmarks.cycles import bare_inventory, configuration, cpu_of, inventories
from tests.benchmarks.fleet import fleet, late
from tests.benchmarks.looks import put, table
from tests.unit.cli.commands.test_calls import LONGEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.benchmarks.fleet import Member

LATENCY: Final = 0.3
RUNS: Final = 5
ORGS: Final = 100
APPS: Final = 20
ORGS_OF_ROUND: Final = 1000
CALLS: Final = 6
"""Of all of an org with so many apps: the login, two lists, two reads, a query."""

ROTATOR: Final = Path(sys.executable).parent / "rotator"


@dataclass(frozen=True)
class Cost:
    """What one run of something took, in seconds."""

    wall: float
    cpu: float

    @classmethod
    def of_process(cls, *command: str) -> Cost:
        """A process from its start to its end; whatever it prints and says at its end is not looked at."""
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
        return cls(time.perf_counter() - began, used.ru_utime + used.ru_stime)

    @classmethod
    def of(cls, work: Callable[[], object]) -> Cost:
        """Something that this process does."""
        began, cpu = time.perf_counter(), time.process_time()
        work()
        return cls(time.perf_counter() - began, time.process_time() - cpu)


def serve_two_orgs(folder: str) -> None:
    """Six credentials in two orgs, until standard input ends; prints where config.yaml is."""
    # Loaded by the process that serves.
    from rotator.cli.commands.simulator import simulated  # noqa: PLC0415

    with simulated(Path(folder), propagation=0.0, flap=0.5) as (config, server):
        for org in server.orgs:
            late(org, LATENCY)
        sys.stdout.write(json.dumps(str(config)) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


@contextmanager
def two_orgs(folder: Path) -> Iterator[str]:
    """The configuration of two orgs, which are served as long as the context lasts."""
    command = [sys.executable, "-m", "tests.benchmarks.waiting", "serve", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield json.loads(process.stdout.readline())
        process.communicate()


def commands(folder: Path) -> None:
    """Whole commands, for six credentials in two orgs with a history."""
    lines = []
    with two_orgs(folder / "two") as config:
        Cost.of_process(str(ROTATOR), "--config", config, "inventory")
        for command, calls in LONGEST.items():
            runs = [Cost.of_process(str(ROTATOR), "--config", config, *command) for _ in range(RUNS)]
            wall, cpu, waits = min(run.wall for run in runs), min(run.cpu for run in runs), calls * LATENCY
            times = [f"{calls}, {waits:.1f} s", *(f"{each:.2f} s" for each in (cpu, waits + cpu, wall))]
            lines.append([f"`rotator {' '.join(command)}`", *times])
            sys.stdout.write(f"{lines[-1]}\n")
    head = ["six credentials in two orgs", "waits for calls", "of the processor", "together", "from start to end"]
    put("commands", table(head, lines))


def inventory(folder: Path) -> None:
    """`rotator inventory` of many orgs, against the bare client in as many threads."""
    key = PrivateKey.generate()
    with fleet(ORGS, APPS, key, latency=LATENCY) as members:
        config = written(folder, members, key, folder / "inventory.db")

        def bare() -> None:
            with ThreadPoolExecutor(MOST) as pool:
                assert sum(pool.map(lambda member: bare_inventory(member, key), members)) == ORGS * APPS

        bares, ours = [], []
        for _ in range(3):
            # In turns, so that a busy machine slows both.
            bares.append(Cost.of(bare))
            ours.append(Cost.of_process(str(ROTATOR), "--config", config, "inventory"))
    names = ("bare client", "`rotator inventory`")
    best = [min(runs, key=lambda run: run.wall) for runs in (bares, ours)]
    lines = [[name, f"{run.wall:.1f} s", f"{run.cpu:.1f} s"] for name, run in zip(names, best, strict=True)]
    lines.append(["ratio", f"{best[1].wall / best[0].wall:.2f}", ""])
    sys.stdout.write(f"{lines}\n")
    head = [f"{ORGS} orgs with {APPS} apps each, {MOST} at a time", "from start to end", "of the processor"]
    put("hundred", table(head, lines))


def first_round(folder: Path) -> None:
    """How long a service that is started takes to know all orgs, and how much of it is work."""
    key = PrivateKey.generate()
    with fleet(ORGS_OF_ROUND, APPS, key, latency=LATENCY) as members:
        config = written(folder, members, key, folder / "round.db")
        began = time.perf_counter()
        with subprocess.Popen([ROTATOR, "--config", config, "run", "--no-http"], stderr=subprocess.DEVNULL) as service:
            while inventories(folder / "round.db") < ORGS_OF_ROUND:
                time.sleep(0.2)
                assert service.poll() is None
            wall, cpu = time.perf_counter() - began, cpu_of(service.pid)
            service.send_signal(signal.SIGTERM)
    waited = ORGS_OF_ROUND * CALLS * LATENCY
    lines = [
        ["until all are known", f"{wall:.0f} s"],
        ["of the processor", f"{cpu:.0f} s"],
        [f"waiting for answers, of all orgs together ({CALLS} calls each)", f"{waited:.0f} s"],
        ["at once, on the average", f"{waited / wall:.0f}"],
    ]
    sys.stdout.write(f"{lines}\n")
    put("round", table([f"{ORGS_OF_ROUND:,} orgs with {APPS} apps each, from a first start", ""], lines))


def written(folder: Path, members: Sequence[Member], key: PrivateKey, database: Path) -> str:
    """Where the configuration of these orgs is."""
    robot, config = folder / "robot.pem", folder / f"{database.stem}.yaml"
    robot.touch(0o600)
    robot.write_text(key.pem().reveal())
    config.write_text(configuration(folder, members, database))
    return str(config)


PARTS: Final = {"commands": commands, "inventory": inventory, "round": first_round}


def main() -> None:
    """Measures, and writes it down."""
    if sys.argv[1:2] == ["serve"]:
        serve_two_orgs(sys.argv[2])
        return
    for name in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](Path(folder))


if __name__ == "__main__":
    main()
