"""Simulated orgs in processes of their own, for the benchmarks of rounds.

`python -m tests.benchmarks.fleet FIRST COUNT APPS LATENCY` serves orgs until its standard input ends, and prints where.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.core.crypto.keys import PrivateKey
from rotator.simulator.org.org import Org
from rotator.simulator.serving.server import SimulatorServer
from rotator.simulator.wire.faults import Effect, Fault, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

USER: Final = "robot@fleet.example"
PROCESSES: Final = 2


@dataclass(frozen=True)
class Member:
    """How to reach one org."""

    name: str
    url: str
    client_id: str
    ca: str


def _now() -> datetime:
    return datetime.now(UTC)


def late(org: Org, seconds: float) -> None:
    """Has the org answer each call so much later."""
    if seconds:
        org.faults.add(Fault(Kind.ANY, Effect.SLOW, times=None, seconds=seconds))


def _org(number: int, apps: int, keys: list[PrivateKey], robot: PrivateKey) -> Org:
    org = Org(f"org{number:03}", clock=_now, random=Random(number), number=number + 1)
    org.add_user(USER, may_use_metadata=True, profile="Robot")
    for index in range(apps):
        key = keys[index % len(keys)] if index else robot
        subject = SubjectName(f"app {index} of org {number}")
        certificate = self_signed(key, subject, now=_now(), lifetime=timedelta(days=200 + index % 400))
        org.add_app(
            f"App_{index:02}" if index else "Robot", username=USER if not index else None, certificate=certificate
        )
    return org


def serve(first: int, count: int, apps: int, latency: float) -> None:
    """Serves orgs whose robots log in with the key on standard input, until that ends."""
    size = int(sys.stdin.readline())
    robot = PrivateKey.from_pem(sys.stdin.read(size))
    keys = [PrivateKey.generate() for _ in range(3)]
    with SimulatorServer([_org(number, apps, keys, robot) for number in range(first, first + count)]) as server:
        for org in server.orgs:
            late(org, latency)
            told = {
                "name": org.name,
                "url": org.url,
                "client_id": org.app("Robot").client_id,
                "ca": str(server.ca_file),
            }
            sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


@contextmanager
def fleet(orgs: int, apps: int, robot: PrivateKey, *, latency: float = 0.0) -> Iterator[list[Member]]:
    """So many orgs with so many apps each, as long as the context lasts; they answer after `latency` seconds."""
    pem = robot.pem().reveal()
    each = orgs // PROCESSES
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.fleet", *map(str, (index * each, each, apps, latency))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for index in range(PROCESSES)
    ]
    try:
        for process in started:
            assert process.stdin
            process.stdin.write(f"{len(pem)}\n{pem}")
            process.stdin.flush()
        yield [Member(**json.loads(_line(process))) for process in started for _ in range(each)]
    finally:
        for process in started:
            process.communicate()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
