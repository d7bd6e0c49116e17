"""A cycle over 200 orgs with 20 apps each, against a bare client that makes the same calls; and an idle daemon.

Run it in the source tree, with nothing else to do for the machine: `.venv/bin/python -m tests.benchmarks.cycles`.
The orgs are simulated in two further processes on loopback. The bare client is what one would write in an afternoon:
requests in as many threads, assertions by PyJWT, envelopes from templates, certificates taken out with a regular
expression and their dates read; nothing is checked, kept or told.
"""

from __future__ import annotations

import base64
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import jwt
import requests
from cryptography import x509

from rotator.application import Application
from rotator.config.loading import parse
from rotator.core.actor import Actor
from rotator.core.crypto.keys import PrivateKey
from rotator.services.schedule.context import ServiceContext
from rotator.services.schedule.cycle import Cycle
from tests.benchmarks.fleet import USER, fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.services.schedule.jobs import Job
    from tests.benchmarks.fleet import Member

ORGS: Final = 200
APPS: Final = 20
THREADS: Final = 4
ROUNDS: Final = 3
IDLE_SECONDS: Final = 60

_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ENVELOPE: Final = (
    '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns="http://soap.sforce.com/2006/04/metadata"><e:Header><SessionHeader><sessionId>{token}</sessionId>'
    "</SessionHeader></e:Header><e:Body>{body}</e:Body></e:Envelope>"
)
_LIST: Final = (
    "<listMetadata><queries><type>ConnectedApp</type></queries><queries><type>SamlSsoConfig</type></queries>"
    "<queries><type>Certificate</type></queries><asOfVersion>63.0</asOfVersion></listMetadata>"
)


@dataclass(frozen=True)
class Cost:
    """What one cycle took."""

    seconds: float
    cpu: float

    @classmethod
    def of(cls, work: Callable[[], object]) -> Cost:
        """Does the work and measures it, in this process alone."""
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        return cls(time.perf_counter() - wall, time.process_time() - cpu)


def bare_inventory(member: Member, key: PrivateKey) -> int:
    """The calls of an inventory, by hand; gives how many certificates were found."""
    with requests.Session() as http:
        # REQUESTS_CA_BUNDLE would be taken instead of `verify`.
        http.trust_env, http.verify = False, member.ca
        claims = {"iss": member.client_id, "sub": USER, "aud": member.url, "exp": int(time.time()) + 180}
        form = {"grant_type": _GRANT, "assertion": jwt.encode(claims, key.signing_key(), "RS256")}
        token = http.post(f"{member.url}/services/oauth2/token", data=form, timeout=30).json()["access_token"]
        http.get(
            f"{member.url}/services/oauth2/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=30
        ).json()
        names = re.findall("<fullName>(.*?)</fullName>", _soap(http, member, token, _LIST))
        found = []
        for start in range(0, len(names), 10):
            wanted = "".join(f"<fullNames>{name}</fullNames>" for name in names[start : start + 10])
            body = f"<readMetadata><type>ConnectedApp</type>{wanted}</readMetadata>"
            found += re.findall("<certificate>(.*?)</certificate>", _soap(http, member, token, body))
        return len([x509.load_der_x509_certificate(base64.b64decode(text)).not_valid_after_utc for text in found])


def _soap(http: requests.Session, member: Member, token: str, body: str) -> str:
    answer = http.post(
        f"{member.url}/services/Soap/m/63.0",
        data=_ENVELOPE.format(token=token, body=body),
        headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'},
        timeout=30,
    )
    answer.raise_for_status()
    return answer.text


def bare_cycle(members: Sequence[Member], key: PrivateKey) -> None:
    """Looks at every org."""
    with ThreadPoolExecutor(THREADS) as pool:
        found = sum(pool.map(lambda member: bare_inventory(member, key), members))
    assert found == ORGS * APPS, found


def configuration(folder: Path, members: Sequence[Member], database: Path) -> str:
    """config.yaml for all of them."""
    login = "{{client_id: {id}, username: {user}, private_key: {{file: {folder}/robot.pem}}}}"
    lines = [
        f"  {member.name}: {{login_url: '{member.url}', ca: {member.ca},"
        f" login: {login.format(id=member.client_id, user=USER, folder=folder)}}}"
        for member in members
    ]
    orgs = "\n".join(lines)
    daemon = "daemon: {inventory_every: 12h, jitter: 0s}\nhttp: {port: 0}\n"
    return f"database: sqlite:///{database}\norgs:\n{orgs}\n{daemon}"


def our_cycle(app: Application) -> None:
    """One full cycle, as `rotator run --once` does it."""
    context = ServiceContext(
        settings=app.settings,
        database=app.database,
        open_adapters=app.fork,
        now=app.now,
        random=lambda: 0.5,
        actor=Actor("rotator on a benchmark"),
    )

    def run_all(jobs: Sequence[Job]) -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda job: job.run(), jobs))

    end = Cycle(context).once(run_all)
    assert not end.failing, end.failing


def idle(folder: Path, members: Sequence[Member]) -> None:
    """Prints what a daemon costs that has taken every inventory once, and waits."""
    config, database = folder / "idle.yaml", folder / "idle.db"
    config.write_text(configuration(folder, members, database))
    command = [str(Path(sys.executable).parent / "rotator"), "run", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            while inventories(database) < len(members):
                time.sleep(1)
            time.sleep(20)
            before = cpu_of(process.pid)
            time.sleep(IDLE_SECONDS)
            used = (cpu_of(process.pid) - before) / IDLE_SECONDS
            sys.stdout.write(f"{'idle daemon':<22}{memory_of(process.pid):7.0f} MB{used:10.2%} of a CPU\n")
        finally:
            process.send_signal(signal.SIGTERM)


def inventories(database: Path) -> int:
    """Of how many orgs the inventory was taken."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(database)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM attempt WHERE kind = 'look'").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def cpu_of(pid: int) -> float:
    """Seconds (proc(5): utime and stime are the 14th and 15th field of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> float:
    """Resident megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


def compare(app: Application, members: Sequence[Member], key: PrivateKey) -> None:
    """Prints what a cycle costs, and what the bare client's does."""
    works: dict[str, Callable[[], object]] = {
        "bare client": lambda: bare_cycle(members, key),
        "cycle": lambda: our_cycle(app),
    }
    costs: dict[str, list[Cost]] = {name: [] for name in works}
    our_cycle(app)
    for _ in range(ROUNDS):
        # In turns, so that a busy machine slows both.
        for name, work in works.items():
            costs[name].append(Cost.of(work))
    medians = {
        name: (median(cost.seconds for cost in taken), median(cost.cpu for cost in taken))
        for name, taken in costs.items()
    }
    for name, (seconds, cpu) in medians.items():
        sys.stdout.write(f"{name:<22}{seconds:7.2f} s{cpu:12.2f} s of CPU\n")
    (bare_seconds, bare_cpu), (seconds, cpu) = medians.values()
    sys.stdout.write(f"{'ratio':<22}{seconds / bare_seconds:7.2f}{cpu / bare_cpu:14.2f}\n")


def main() -> None:
    """Prints everything."""
    key = PrivateKey.generate()
    with fleet(ORGS, APPS, key) as members, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        robot, config = folder / "robot.pem", folder / "config.yaml"
        robot.touch(0o600)
        robot.write_text(key.pem().reveal())
        config.write_text(configuration(folder, members, folder / "rotator.db"))
        with Application(parse(config.read_text(), config), environ={}) as app:
            compare(app, members, key)
        idle(folder, members)


if __name__ == "__main__":
    main()
