"""What a tick, /readyz, /metrics and pages cost as an installation grows, on SQLite and on Postgres.

`.venv/bin/python -m tests.benchmarks.growth` measures it all and writes the tables into docs/performance.md. Everything
is measured in the processor's time of this process, so that what else the machine does counts for little: the first
time, and the median of those that follow, between which one org's inventory is written down. The histories are written
straight into their tables (`tests.benchmarks.installation`), which takes most of the time.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from prometheus_client.exposition import generate_latest
from starlette.requests import Request

from rotator.core.actor import Actor
from rotator.core.attempts import AttemptRecord
from rotator.history.attempt_records import AttemptRecords
from rotator.history.engine.database import Database, open_database
from rotator.history.engine.transactions import Within
from rotator.history.sightings import last_sightings, record_sightings
from rotator.services.reporting.reader import HistoryReader
from rotator.services.schedule.context import ServiceContext
from rotator.services.schedule.cycle import Cycle
from rotator.web import health
from rotator.web.exposition import Exposition
from rotator.web.source import Liveness
from rotator.web.templates import compile_first_page
from rotator.web.views import Views
from tests.benchmarks.installation import Installation, fingerprint, now, org
from tests.benchmarks.looks import PAGE, put, table
from tests.contract.servers.postgres import running_server, scratch_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotator.config.settings import Settings

LARGE: Final = Installation(1_000, 1_000, events=1_000_000)
SIZES: Final = (Installation(1_000, 1_000), Installation(2_000, 2_000), Installation(4_000, 4_000))
ROUNDS: Final = 7


@dataclass(frozen=True)
class Cost:
    """Milliseconds of the processor."""

    first: float
    then: float

    @classmethod
    def of(cls, work: Callable[[], object], between: Callable[[], object]) -> Cost:
        """Does the work again and again, and something else between, which is not measured."""
        taken = []
        for _ in range(ROUNDS):
            gc.collect()
            begun = time.process_time()
            work()
            taken.append((time.process_time() - begun) * 1000)
            between()
        return cls(taken[0], median(taken[1:]))


class Bench:
    """A service and its pages over a history."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database: Final = database
        self._alive: Final = Liveness(
            started_at=now(),
            ticked_at=now(),
            since_tick=timedelta(0),
            tick=timedelta(seconds=15),
            lag=timedelta(0),
            is_working=True,
        )
        self._reader: Final = HistoryReader(lambda: settings, database, now)
        self._views: Final = Views(self._reader, lambda: self._alive)
        self._exposition: Final = Exposition(settings.http.metrics_unmanaged if settings.http else 0)
        context = ServiceContext(
            settings=settings,
            database=database,
            open_adapters=_nothing,  # type: ignore[arg-type] # nothing that is due is done
            now=now,
            random=lambda: 0.5,
            actor=Actor("rotator on a benchmark"),
        )
        self._cycle: Final = Cycle(context)
        self._inventories = 0

    def look_around(self) -> None:
        """The first round: it notes of each credential when it is due next.

        Of so many orgs a service has compiled templates, and read and written what is shown, before anybody looks.
        """
        compile_first_page()
        self._metrics()
        for status in self._reader.overview().credentials:
            self._cycle._rotations._next_dues.put({status.credential: status.life.next_due})

    def take_inventory(self) -> None:
        """Writes down what an inventory of one org finds, which is what it found before."""
        name, at = org(self._inventories % 100), now()
        self._inventories += 1
        with self._database.writing() as connection:
            here = Within(connection)
            record_sightings(here, [each for each in last_sightings(here, name) if not each.is_vanished], at)
            AttemptRecords(here).put(AttemptRecord("look", name).succeeded(at))

    def tick(self) -> Cost:
        """What a tick costs."""
        return Cost.of(self._cycle.due, self.take_inventory)

    def all(self) -> dict[str, Cost]:
        """What each thing costs."""
        works: dict[str, Callable[[], object]] = {
            "tick": self._cycle.due,
            "/readyz": self._ready,
            "/metrics": self._metrics,
            "status page": lambda: self._views.status(_request()),
            "certificates": lambda: self._views.certificates(_request()),
            "one certificate": lambda: self._views.certificate(_request(fingerprint=fingerprint(1, 0, 0))),
            "rotations": lambda: self._views.rotations(_request()),
        }
        return {name: Cost.of(work, self.take_inventory) for name, work in works.items()}

    def _ready(self) -> None:
        list(health.of_readiness(self._reader.readiness()))
        self._reader.try_writing()

    def _metrics(self) -> None:
        self._exposition.text(self._reader.overview(), self._alive, generate_latest)


def _nothing() -> None:
    raise AssertionError("nothing is done")


def _request(**path: str) -> Request:
    return Request(
        {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], "path_params": path}
    )


@contextmanager
def furnished(installation: Installation, url: str) -> Iterator[Bench]:
    """The installation in an empty database."""
    with tempfile.TemporaryDirectory() as folder, open_database(url) as database:
        installation.write(database.upgrade(), now())
        bench = Bench(database, installation.settings(Path(folder)))
        bench.look_around()
        yield bench


def compare(urls: dict[str, str]) -> list[list[str]]:
    """What everything costs on each database."""
    found = []
    for url in urls.values():
        with furnished(LARGE, url) as bench:
            found.append(bench.all())
    return [[what, *(f"{costs[what].first:.1f}, {costs[what].then:.1f}" for costs in found)] for what in found[0]]


def grow(url_of: Callable[[int], str]) -> list[list[str]]:
    """What a tick costs the first time, when it looks at everything, and then, as the installation grows."""
    lines = []
    for size in SIZES:
        with furnished(size, url_of(size.orgs)) as bench:
            cost = bench.tick()
        lines.append([f"{size.orgs:,}", f"{cost.first:.1f}", f"{cost.then:.1f}"])
    return lines


def main() -> None:
    """Measures, and writes it down."""
    with tempfile.TemporaryDirectory() as name, running_server() as server:
        folder = Path(name)
        with scratch_database(server.url("postgres")) as on_server:
            urls = {"SQLite": f"sqlite:///{folder}/large.db", "Postgres": on_server}
            head = ["milliseconds: the first time, and then", *urls]
            put("growth", table(head, compare(urls)))
        ticks = grow(lambda orgs: f"sqlite:///{folder}/{orgs}.db")
        put("ticks", table(["orgs, and as many credentials", "first tick", "then"], ticks))
    sys.stdout.write(PAGE.read_text())


if __name__ == "__main__":
    main()
