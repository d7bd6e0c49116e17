"""Looks a second of one leader and 1, 2, 4 and 8 workers on one Postgres, at 300 ms a call.

`.venv/bin/python -m tests.benchmarks.throughput` measures it and writes the table into docs/performance.md; run it with
nothing else to do for the machine. A worker does so few looks at once (`--concurrency inventory=N`) that it mostly
waits: machines that share two processors show what more machines bring only as far as these have time. What is at its
bound, says the last column. The orgs are simulated in two further processes on loopback.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import make_url

from rotator.core.crypto.keys import PrivateKey
from rotator.history.engine.database import open_database
from rotator.queue.jobs_database import JobsDatabase
from rotator.services.schedule.jobs import JobKind
from tests.benchmarks.cycles import cpu_of
from tests.benchmarks.fleet import USER, fleet
from tests.benchmarks.looks import PAGE, put, table
from tests.contract.servers.postgres import execute, migrated_scratch, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.benchmarks.fleet import Member
    from tests.contract.servers.postgres import PostgresServer

LATENCY: Final = 0.3
WORKERS: Final = (1, 2, 4, 8)
WANTED: Final = {2: 1.8, 4: 3.2}
"""By the number of workers: how many times the looks of one, at the least, where the processors are not the bound."""
AT_ONCE: Final = 2
"""Looks of one worker: with more of them, four workers would have more to do than two processors can."""
ORGS: Final = 120
APPS: Final = 20
SECONDS: Final = 40.0
"""For which is counted."""
BUSY: Final = 0.8
"""A share of what there is from which on it is the bound."""
KNOWN_WITHIN: Final = 300.0
"""Seconds."""

_LOOKS: Final = f"""
    SELECT count(*) FROM rotator_jobs.asked_job WHERE kind = '{JobKind.INVENTORY.value}' AND outcome = 'done'
"""  # noqa: S608 - of our own words alone
_ROWS: Final = """
    SELECT sum((xpath('/row/c/text()', query_to_xml('SELECT count(*) AS c FROM ' || relid::regclass, false, true, '')))
        [1]::text::int)
    FROM pg_stat_user_tables WHERE schemaname = 'public'
"""
_SIZE: Final = "SELECT pg_database_size(current_database())"
_SESSIONS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@dataclass(frozen=True)
class Measured:
    """What some workers did, a second, and what of the processors it took."""

    workers: int
    looks: float
    leader: float
    """Processors, as all that follow."""
    work: float
    """Of all workers."""
    postgres: float
    orgs: float
    """The simulated ones, which no installation has."""
    sessions: int
    """With Postgres, of all machines."""
    rows: int
    """Of the history, when all orgs are known."""
    size: int
    """Bytes of the database that came with them."""

    @property
    def waiting(self) -> float:
        """The share of its places for looks in which a worker waits for an org that answers its one call."""
        return self.looks * LATENCY / (self.workers * AT_ONCE)

    @property
    def busy(self) -> float:
        """The share of all processors."""
        return (self.leader + self.work + self.postgres + self.orgs) / (os.cpu_count() or 1)

    @property
    def bound(self) -> str:
        """What holds it up."""
        if self.busy >= BUSY:
            return f"the {os.cpu_count()} processors"
        if self.postgres >= BUSY:
            return "Postgres"
        return "waiting for the orgs"


def configuration(folder: Path, members: Sequence[Member], database: str) -> Path:
    """A configuration by which each org is due again as soon as it was looked at."""
    login = f"{{{{client_id: {{id}}, username: {USER}, private_key: {{{{file: {folder}/robot.pem}}}}}}}}"
    orgs = "\n".join(
        f"  {each.name}: {{login_url: '{each.url}', ca: {each.ca}, login: {login.format(id=each.client_id)}}}"
        for each in members
    )
    url = make_url(database)._replace(password=None).render_as_string()
    path = folder / "config.yaml"
    path.write_text(
        f"database: {{url: '{url}', password: {{env: THROUGHPUT_PASSWORD}}}}\norgs:\n{orgs}\n"
        "daemon: {tick: 1s, inventory_every: 1s, jitter: 0s}\nhttp: null\n"
    )
    return path


def robots_key(folder: Path, key: PrivateKey) -> None:
    """Writes the key that the configuration names."""
    path = folder / "robot.pem"
    path.touch(0o600)
    path.write_text(key.pem().reveal())


@contextmanager
def machine(config: Path, password: str, *options: str) -> Iterator[int]:
    """A process of `rotator run`; gives its id."""
    rotator = Path(sys.executable).parent / "rotator"
    environ = {**os.environ, "ROTATOR_CONFIG": str(config), "THROUGHPUT_PASSWORD": password}
    with subprocess.Popen([rotator, "run", *options], stderr=subprocess.DEVNULL, env=environ) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def measured(workers: int, server: PostgresServer, members: Sequence[Member], folder: Path) -> Measured:
    """With so many, once each knows each org: it logs in the first time, and then looks for what has changed."""
    worker = ("--role", "worker", "--concurrency", f"{JobKind.INVENTORY.label}={AT_ONCE}")
    with migrated_scratch(server.url("postgres")) as url, ExitStack() as stack:
        config = configuration(folder, members, url)
        _make_jobs_schema(url)
        rows, size = _count(url, _ROWS), _count(url, _SIZE)
        leader = stack.enter_context(machine(config, server.password, "--role", "leader"))
        crew = [stack.enter_context(machine(config, server.password, *worker)) for _ in range(workers)]
        until = time.monotonic() + KNOWN_WITHIN
        while _count(url, _LOOKS) < 2 * workers * len(members):
            time.sleep(0.5)
            assert time.monotonic() < until, "the orgs never became known"
        looks, before, began = _count(url, _LOOKS), _used(leader, crew, server), time.perf_counter()
        time.sleep(SECONDS)
        looks, after, seconds = _count(url, _LOOKS) - looks, _used(leader, crew, server), time.perf_counter() - began
        sessions, rows, size = _count(url, _SESSIONS), _count(url, _ROWS) - rows, _count(url, _SIZE) - size
    used = {name: (after[name] - before[name]) / seconds for name in after}
    return Measured(workers, looks / seconds, **used, sessions=sessions, rows=rows, size=size)


def _make_jobs_schema(url: str) -> None:
    with open_database(url) as database:
        jobs = JobsDatabase.of(database)
        assert jobs
        with closing(jobs):
            jobs.open()


def _count(url: str, statement: str) -> int:
    return int(execute(url, statement)[0][0])


def _used(leader: int, crew: Sequence[int], server: PostgresServer) -> Mapping[str, float]:
    """Seconds of the processor that each has had until now."""
    return {
        "leader": cpu_of(leader),
        "work": sum(map(cpu_of, crew)),
        "postgres": sum(cpu_of_all(server.process_id)),
        "orgs": sum(cpu_of(pid) for pid in children_of(os.getpid()) if "fleet" in _command(pid)),
    }


def cpu_of_all(pid: int) -> Iterator[float]:
    """Of a process, of those of its children that have ended (proc(5): cutime and cstime), and of those that run."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    yield (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    yield cpu_of(pid)
    for child in children_of(pid):
        # One that has ended by now is told of by the first line the next time.
        with suppress(FileNotFoundError, ProcessLookupError):
            yield cpu_of(child)


def children_of(pid: int) -> list[int]:
    """The processes that a process has begun, and that run."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


@contextmanager
def surroundings() -> Iterator[tuple[PostgresServer, Sequence[Member], Path]]:
    """A server, orgs at 300 ms a call, and a folder with the key by which they are logged in to."""
    key = PrivateKey.generate()
    with (
        tempfile.TemporaryDirectory() as name,
        running_server() as server,
        fleet(ORGS, APPS, key, latency=LATENCY) as members,
    ):
        robots_key(Path(name), key)
        yield server, members, Path(name)


def main() -> None:
    """Measures, and writes it down."""
    with surroundings() as (server, members, folder):
        found = []
        for workers in WORKERS:
            found.append(measured(workers, server, members, folder))
            sys.stdout.write(f"{found[-1]}\n")
            sys.stdout.flush()
    head = [f"workers, {AT_ONCE} looks at once each", "looks a second", "ratio", "of its time a look waits"]
    head += [f"processors: {who}" for who in ("workers", "leader", "Postgres", "simulated orgs")]
    lines = [
        [str(each.workers), f"{each.looks:.1f}", f"{each.looks / found[0].looks:.2f}", f"{each.waiting:.0%}"]
        + [f"{share:.2f}" for share in (each.work, each.leader, each.postgres, each.orgs)]
        + [each.bound]
        for each in found
    ]
    put("throughput", table([*head, "the bound"], lines))
    sys.stdout.write(PAGE.read_text())
    ratios = {each.workers: each.looks / found[0].looks for each in found}
    missed = [
        f"{ratios[workers]:.2f} for {workers} workers" for workers, least in WANTED.items() if ratios[workers] < least
    ]
    if missed:
        sys.exit(f"the ratio is only {', '.join(missed)}: {WANTED} are wanted")


if __name__ == "__main__":
    main()
