"""How fast the simulated orgs start and what they take: `python -m tests.benchmarks.simulator`.

Each figure comes from a process of its own, so that none counts what another left behind.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from datetime import timedelta
from random import Random
from typing import Final

LIMITS: Final = {
    "start": ("seconds of processor time until two orgs answer", 1.0),
    "serving": ("MB of the process that serves them", 60.0),
    "fleet": ("MB of a process with a thousand orgs of twenty apps", 400.0),
    "growth": ("MB that 100,000 calls add", 5.0),
}
CALLS: Final = 100_000


def main() -> None:
    """Prints each figure beside its limit; the exit code says whether all are kept."""
    if len(sys.argv) > 1:
        measure = {"start": start, "serving": serving, "fleet": fleet, "growth": growth}[sys.argv[1]]
        sys.stdout.write(json.dumps(measure()))
        return
    kept = True
    for name, (what, limit) in LIMITS.items():
        command = [sys.executable, "-m", "tests.benchmarks.simulator", name]
        figure = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        kept = kept and figure <= limit
        sys.stdout.write(f"{what:<60}{figure:>10.1f}  (limit {limit:g})\n")
    sys.exit(not kept)


def start() -> float:
    """From the start of the interpreter until the server listens; processor time, whatever else is at work."""
    from rotator.simulator.org.settings import OrgSettings  # noqa: PLC0415 - importing is a part of it
    from rotator.simulator.serving.hosting import hosted  # noqa: PLC0415

    with hosted(OrgSettings(), port=0) as server:
        assert server.orgs
        return time.process_time()


def serving() -> float:
    """The process's memory while it serves."""
    start()
    return _peak()


def fleet() -> float:
    """Orgs without a server; their apps share one key pair, as the making of keys is not what is measured."""
    from rotator.core.crypto.certificates import PrivateKey, SubjectName, self_signed  # noqa: PLC0415
    from rotator.simulator.org.org import Org  # noqa: PLC0415
    from rotator.simulator.serving.server import utc_now  # noqa: PLC0415

    key = PrivateKey.generate()
    certificate = self_signed(key, SubjectName("app"), now=utc_now(), lifetime=timedelta(days=9))
    random, orgs = Random(1), []
    for number in range(1000):
        org = Org(f"org{number}", clock=utc_now, random=random, number=number)
        org.add_user("admin@acme.example", may_use_metadata=True)
        for app in range(10):
            org.add_app(f"App_{app}", certificate=certificate, username="admin@acme.example", private_key=key)
            org.add_external_app(f"ECA_{app}", certificate=certificate, username="admin@acme.example", private_key=key)
        orgs.append(org)
    return _peak()


def growth() -> float:
    """What a mix of calls adds after the first tenth: queries in pages, sessions, retrieves and deployments."""
    from rotator.simulator.org.org import Org  # noqa: PLC0415
    from rotator.simulator.serving.endpoints import understand  # noqa: PLC0415
    from rotator.simulator.serving.server import utc_now  # noqa: PLC0415
    from rotator.simulator.wire.request import Request  # noqa: PLC0415
    from tests.unit.simulator.helpers import envelope  # noqa: PLC0415

    org = Org("any", clock=utc_now, random=Random(1))
    org.add_user("admin@acme.example", may_use_metadata=True)
    app = org.add_app("Billing", username="admin@acme.example")
    org.add_external_app("Shipping", username="admin@acme.example")
    retrieve = (
        "<retrieve><retrieveRequest><unpackaged><types><members>*</members><name>ConnectedApp</name></types>"
        "<version>67.0</version></unpackaged></retrieveRequest></retrieve>"
    )
    read = "<readMetadata><type>ConnectedApp</type><fullNames>Billing</fullNames></readMetadata>"
    before = 0.0
    for number in range(CALLS):
        if number == CALLS // 10:
            before = _current()
        token = org.start_session(org.users["admin@acme.example"], app).token
        org.record_login("Billing", "admin@acme.example", "Success")
        headers = {"authorization": f"Bearer {token}"}
        if number % 3 == 0:
            request = Request(
                "GET", "/services/data/v67.0/query", {"q": "SELECT Id FROM ConnectedApplication"}, headers
            )
        else:
            body = envelope(retrieve if number % 3 == 1 else read, token)
            request = Request("POST", "/services/Soap/m/67.0", {}, {}, body)
        org.jobs.settle(org.clock())
        answer = understand(org, request).perform(None)
        assert answer.status == 200
    return max(0.0, _current() - before)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _current() -> float:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main()
