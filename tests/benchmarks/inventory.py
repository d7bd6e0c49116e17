"""What the inventory of one large org costs: calls, seconds, memory, and the record of it in the history.

`.venv/bin/python tests/benchmarks/inventory.py [APPS]`. The org is simulated by another process.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.core.crypto.keys import PrivateKey
from rotator.history.engine.database import open_database
from rotator.history.sightings import last_sightings, record_sightings
from rotator.salesforce.inventory.org_inventory import inventory
from rotator.salesforce.login import LoginTarget
from rotator.salesforce.session import Candidate, OrgSession
from rotator.salesforce.transport import Transport
from rotator.simulator.org.org import Org
from rotator.simulator.serving.server import SimulatorServer, utc_now
from rotator.testing.versions import spare_key
from tests.session_proof import prove_alive

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

OTHERS = 20
"""Certificates of the org's own, and as many identity providers."""


def serve(apps: int, key_pem: str, pipe: Connection) -> None:
    """The org, until something is sent; then the calls that were made are sent back."""
    org = Org("large", clock=utc_now, random=SystemRandom())
    org.add_user("rotator@large.example", may_use_metadata=True)
    key = PrivateKey.from_pem(key_pem)
    for number in range(apps):
        made = self_signed(key, SubjectName(f"App {number}"), now=utc_now(), lifetime=timedelta(days=365))
        org.add_app(f"App_{number}", certificate=made, username="rotator@large.example")
    for number in range(OTHERS):
        org.add_certificate(f"Own_{number}", utc_now() + timedelta(days=number))
        org.add_identity_provider(f"Provider_{number}", made)
    with SimulatorServer([org]) as server:
        pipe.send((org.url, org.app("App_0").client_id, str(server.ca_file)))
        pipe.recv()
        pipe.send(dict(org.calls))


def measured(what: str, do: Callable[[], Any]) -> Any:
    """Does it, and prints the seconds, the processor's seconds, and the most memory that the process ever had."""
    begun, busy = time.perf_counter(), time.process_time()
    result = do()
    seconds, busy = time.perf_counter() - begun, time.process_time() - busy
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{what:<28}{seconds:7.2f} s{busy:7.2f} s of CPU{memory:7.0f} MB at most\n")
    return result


def main() -> None:
    """Prints what an inventory of so many apps costs, the second time beside the first."""
    apps = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    key = spare_key(0)
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(apps, key.pem().reveal(), theirs))
    process.start()
    url, client_id, ca = ours.recv()
    transport = Transport(ca=Path(ca))
    target = LoginTarget(url, client_id, "rotator@large.example", url)
    session = OrgSession("large", transport, lambda: [Candidate(target, key)], utc_now)
    measured("login and userinfo", lambda: prove_alive(session))
    found = measured(f"inventory of {apps} apps", lambda: inventory(session))
    found = measured("the same again", lambda: inventory(session))
    seen = list(found.entries)
    with tempfile.TemporaryDirectory() as folder, open_database(f"sqlite:///{folder}/history.db") as database:
        measured("history made", database.upgrade)
        for what in ("recorded first", "recorded again"):
            measured(what, lambda: record_sightings(database, seen, utc_now()))
        measured("last sightings read", lambda: last_sightings(database, "large"))
    ours.send("stop")
    sys.stdout.write(f"calls in all: {ours.recv()}\n")
    process.join()


if __name__ == "__main__":
    main()
