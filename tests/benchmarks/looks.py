"""What a look at an org costs of the processor, against a bare client that asks for the same; and a call, by library.

`.venv/bin/python -m tests.benchmarks.looks` measures it all and writes the tables into docs/performance.md, with
`calls` the last one alone; run it with nothing else to do for the machine. The orgs are simulated in two further
processes on loopback. The bare client is that of tests/benchmarks/cycles.py: it logs in, lists, reads ten apps a call,
and keeps, checks and tells nothing. Both trust a bundle of 117 authorities, as most systems do. Each number is the
least of rounds in turns, of this process alone: what a round takes more, others on the machine have taken (`timeit`).
"""

from __future__ import annotations

import gc
import re
import ssl
import sys
import tempfile
import time
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import certifi
import requests
import urllib3
from sqlalchemy import delete

from rotator.application import Application
from rotator.config.loading import parse
from rotator.core.actor import Actor
from rotator.core.crypto.keys import PrivateKey
from rotator.core.secret import Secret
from rotator.history.engine.tables import CERTIFICATE, SIGHTING
from rotator.salesforce.transport import Transport
from rotator.services.schedule.context import ServiceContext
from rotator.services.schedule.cycle import Cycle
from tests.benchmarks.cycles import bare_inventory, configuration
from tests.benchmarks.fleet import fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.benchmarks.fleet import Member

APPS: Final = (20, 500, 2000)
AUTHORITIES: Final = 117
CALLS: Final = 200
"""Of each library."""

_Works: TypeAlias = "dict[str, Callable[[], object]]"

PAGE: Final = Path(__file__).parents[2] / "docs" / "performance.md"
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----\n"


def usual_bundle(member: Member, folder: Path) -> Member:
    """The org, behind a bundle with its own authority and as many others as most systems trust."""
    others = re.findall(f"{_BEGIN}.*?{_END}", Path(certifi.where()).read_text(), re.DOTALL)
    bundle = folder / f"{member.name}.pem"
    bundle.write_text("".join([*others * 2][: AUTHORITIES - 1]) + Path(member.ca).read_text())
    return replace(member, ca=str(bundle))


def least(
    works: Mapping[str, Callable[[], object]], rounds: int, beforehand: Mapping[str, Callable[[], object]] | None = None
) -> dict[str, float]:
    """Milliseconds of the processor that each takes, the least of so many rounds; not what is done beforehand."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        # In turns, so that a busy machine slows all.
        for name, work in works.items():
            if beforehand and name in beforehand:
                beforehand[name]()
            # What one leaves behind is not to be tidied up in the time of the next.
            gc.collect()
            began = time.process_time()
            work()
            taken[name].append((time.process_time() - began) * 1000)
    return {name: min(times) for name, times in taken.items()}


class Looks:
    """Looks at one org, as the service takes them."""

    def __init__(self, app: Application, org: str) -> None:
        self._app: Final = app
        self._org: Final = org
        context = ServiceContext(app.settings, app.database, app.fork, app.now, lambda: 0.5, Actor("a benchmark"))
        self._cycle: Final = Cycle(context)

    def whole(self) -> None:
        """A look at all."""
        self._app.read_all_of(self._org)
        self._cycle.take_inventory(self._org)

    def steady(self) -> None:
        """A look at what has changed, which is nothing."""
        self._cycle.take_inventory(self._org)

    def forget(self) -> None:
        """The history knows nothing of the org any more."""
        with self._app.database.writing() as connection:
            connection.execute(delete(SIGHTING))
            connection.execute(delete(CERTIFICATE))


def looks(apps: int, folder: Path) -> list[str]:
    """A line of the table: an org with so many apps."""
    key = PrivateKey.generate()
    with fleet(2, apps, key) as members:
        member = usual_bundle(members[0], folder)
        robot, config = folder / "robot.pem", folder / "config.yaml"
        robot.touch(0o600)
        robot.write_text(key.pem().reveal())
        text = configuration(folder, [member], folder / f"{apps}.db")
        with Application(parse(text, config), environ={}) as app:
            mine = Looks(app, member.name)
            works: dict[str, Callable[[], object]] = {
                "bare": lambda: bare_inventory(member, key),
                "first": mine.whole,
                "whole": mine.whole,
                "steady": mine.steady,
            }
            for work in works.values():
                work()
            cost = least(works, 15 if apps < 100 else 9, {"first": mine.forget})
    bare = cost["bare"]
    ours = (f"{cost[name]:.0f} ms, {cost[name] / bare:.2f}" for name in ("first", "whole", "steady"))
    return [f"{apps:,}", f"{bare:.0f} ms", *ours]


def calls(folder: Path) -> list[list[str]]:
    """A line for each way to make one small call over a connection that is open."""
    with fleet(2, 1, PrivateKey.generate()) as members:
        member = usual_bundle(members[0], folder)
        url, token = f"{member.url}/services/data/", Secret("t")
        pool = urllib3.PoolManager(ssl_context=ssl.create_default_context(cafile=member.ca))
        transport, session = Transport(ca=Path(member.ca)), requests.Session()
        session.trust_env, session.verify = False, member.ca

        def times(call: Callable[[], object]) -> Callable[[], object]:
            return lambda: [call() for _ in range(CALLS)]

        works = {
            "urllib3": times(lambda: pool.request("GET", url).data),
            **_httpx(times, url, member),
            "requests": times(lambda: session.get(url, timeout=30).content),
            "`Transport`: by requests, with limits on time and size, budget, log": times(
                lambda: transport.get(url, token=token).content
            ),
            "`Transport`: a call to the Metadata API, by urllib3 with the same": times(
                lambda: transport.post_bytes(url, b"").content
            ),
            "one by requests over a connection of its own": times(lambda: _alone(member, url, token)),
        }
        for work in works.values():
            work()
        cost = least(works, 5)
        transport.close()
        session.close()
        pool.clear()
    return [[name, f"{taken / CALLS:.2f} ms"] for name, taken in cost.items()]


def _httpx(times: Callable[[Callable[[], object]], Callable[[], object]], url: str, member: Member) -> _Works:
    """A line for httpx, where it is installed: the program does without (`pip install --target FOLDER httpx`)."""
    if not find_spec("httpx"):
        return {}
    client = import_module("httpx").Client(verify=ssl.create_default_context(cafile=member.ca), trust_env=False)
    return {"httpx": times(lambda: client.get(url).content)}


def _alone(member: Member, url: str, token: Secret) -> bytes:
    transport = Transport(ca=Path(member.ca))
    try:
        return transport.get(url, token=token).content
    finally:
        transport.close()


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """In Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def put(name: str, text: str) -> None:
    """Writes a table between its marks in the page."""
    page = PAGE.read_text()
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text(f"{before}{begin}{text}{end}{after}")


def main() -> None:
    """Measures, and writes it down."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        head = ["apps", "bare client", "the first time, and the ratio", "all of it", "without change"]
        if "calls" not in sys.argv:
            put("looks", table(head, [looks(apps, folder) for apps in APPS]))
        put("calls", table(["one call", "of the processor"], calls(folder)))
    sys.stdout.write(PAGE.read_text())


if __name__ == "__main__":
    main()
