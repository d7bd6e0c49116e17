"""An upgrade one machine at a time: the release before works beside this one on one database in Postgres.

The first that shared work does so in either order; the last that did not, until it is stopped, as it does not take the
tables that this one makes. Their code comes from the git history, and is run by the same interpreter with the same
libraries.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Final, Self, cast
from uuid import uuid4

import pytest
import yaml
from sqlalchemy import make_url, text

from rotator import consumer
from rotator.errors import RotatorError
from rotator.history.engine.database import open_database
from rotator.history.journal.queries import rotations
from rotator.queue.asked_jobs import AskedJobs
from rotator.queue.jobs_database import JobsDatabase
from tests.contract.servers.postgres import scratch_database
from tests.end_to_end.daemons import Daemon, configured, running
from tests.end_to_end.places import DEADLINE, hosted_place
from tests.end_to_end.processes import start
from tests.end_to_end.release_before import ALONE, SHARING, code_of
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.history.engine.database import Database
    from tests.contract.servers.postgres import PostgresServer
    from tests.end_to_end.places import Place
    from tests.end_to_end.processes import Process

PASSWORD: Final = "DATABASE_PASSWORD"
ASKED: Final = text("SELECT kind, outcome FROM asked_job ORDER BY kind, name")
DAEMON: Final = {"tick": "1s", "jitter": "0s", "inventory_every": "2s", "first_rotations_after": "0s"}


@pytest.fixture(scope="module")
def before(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source tree of a release before."""
    return code_of(request.param, tmp_path_factory.mktemp("before"))


@dataclass
class Ground:
    """An org, a database, and the two releases that work with them."""

    place: Place
    database: dict[str, Any]
    before: Path
    configs: dict[str, Path] = field(default_factory=dict)

    def configure(self, release: str, *credentials: str) -> None:
        """A release knows these credentials."""
        known = yaml.safe_load((self.place.folder / "config.yaml").read_text())["credentials"]
        chosen = {name: known[name] for name in credentials}
        name = f"{release}-{'-'.join(credentials)}"
        self.configs[release] = configured(
            self.place, name, credentials=chosen, daemon=DAEMON, database=self.database, http={"port": 0}
        )

    @contextmanager
    def running(self, release: str) -> Iterator[Daemon]:
        """The service of a release."""
        config = self.configs[release]
        if release == "now":
            with running(config) as daemon:
                yield daemon
            return
        address = f"@rotator-{uuid4()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
            listening.bind("\0" + address[1:])
            listening.settimeout(DEADLINE)
            environ = self._environ_of_before(NOTIFY_SOCKET=address, ROTATOR_CONFIG=str(config))
            command = [sys.executable, "-P", "-m", "rotator", "run", "--log-format", "json"]
            with subprocess.Popen(
                command, env=environ, cwd=self.before, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as process:
                try:
                    yield Daemon(cast("Process", process), listening)
                finally:
                    process.kill()

    def verified(self, release: str) -> str:
        """How many events of the history a release finds to be as they were written: all of them."""
        code, said = self.verifies(release)
        assert code == 0, said
        assert said.startswith("✓ ok "), said
        return said.partition(",")[0]

    def verifies(self, release: str) -> tuple[int, str]:
        """The exit code of `history verify` of a release, and all that it says."""
        arguments = ["history", "verify", "--config", str(self.configs[release])]
        if release == "now":
            ran = start("rotator", *arguments).ran()
            return ran.code, ran.out + ran.err
        command = [sys.executable, "-P", "-m", "rotator", *arguments]
        said = subprocess.run(
            command, env=self._environ_of_before(), cwd=self.before, capture_output=True, text=True, check=False
        )
        return said.returncode, said.stdout + said.stderr

    def _environ_of_before(self, **variables: str) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.before), **variables}

    def seen(self) -> tuple[int, list[int], list[Any]]:
        """Who leads, which machines are there, and what is wrong."""
        shown = start("rotator", "workers", "--json", "--config", self.configs["now"]).ran().json
        there = sorted(each["pid"] for each in shown["machines"] if each["state"] == "alive")
        return shown["leader"]["pid"], there, shown["troubles"]

    @contextmanager
    def history(self) -> Iterator[Database]:
        """The history that both work on."""
        url = make_url(self.database["url"])._replace(password=os.environ[PASSWORD])
        with open_database(url.render_as_string(hide_password=False)) as history:
            yield history

    def ask(self, *keys: tuple[str, str]) -> None:
        """Asks for jobs, as a leader of this release does."""
        with self.history() as history, closing(JobsDatabase(history.name, lambda: history)) as jobs:
            AskedJobs(jobs).ask(keys)

    def asked(self) -> list[tuple[str, str | None]]:
        """What became of the jobs that were asked for."""
        with (
            self.history() as history,
            closing(JobsDatabase(history.name, lambda: history)) as jobs,
            jobs.transaction() as connection,
        ):
            return [(row.kind, row.outcome) for row in connection.execute(ASKED)]

    def outcomes(self) -> list[tuple[str, str | None, str]]:
        """How each rotation ended, and why it began."""
        with self.history() as history:
            found = [(each.credential, each.outcome, each.trigger) for each in rotations(history)]
        return sorted(found, key=str)


@pytest.fixture
def ground(
    tmp_path: Path, before: Path, monkeypatch: pytest.MonkeyPatch, postgres_server: PostgresServer
) -> Iterator[Ground]:
    monkeypatch.setenv(PASSWORD, postgres_server.password)
    with scratch_database(postgres_server.url("postgres")) as made, hosted_place(tmp_path / "place") as place:
        url = make_url(made)._replace(password=None).render_as_string()
        yield Ground(place, {"url": url, "password": {"env": PASSWORD}}, before)


class Consumer:
    """A program that follows the dual-key rule, and logs in again and again."""

    def __init__(self, place: Place, credential: str) -> None:
        ca = place.folder / "ca.pem"
        self._login: Final = consumer.from_files(place.folder / "store", credential, ca=ca, waiting=consumer.Waiting(5))
        self._stopped: Final = Event()
        self._thread: Final = Thread(target=self._consume, name=f"consumer of {credential}", daemon=True)
        self._lock: Final = Lock()
        self._logins = 0
        self._refusals: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        self._thread.join(DEADLINE)

    def _consume(self) -> None:
        while not self._stopped.wait(0.1):
            try:
                self._login.token()
            except RotatorError as error:
                with self._lock:
                    self._refusals.append(str(error))
            else:
                with self._lock:
                    self._logins += 1

    @property
    def logins(self) -> int:
        """How often it was let in."""
        with self._lock:
            return self._logins

    @property
    def refusals(self) -> list[str]:
        """What it was told each time it was not."""
        with self._lock:
            return [*self._refusals]


def rotated(*credentials: str) -> list[tuple[str, str, str]]:
    """Each of them once, as it was due."""
    return [(each, "rotated", "schedule") for each in credentials]


@contextmanager
def consumers(ground: Ground) -> Iterator[list[Consumer]]:
    """Programs that are refused by neither release."""
    with ExitStack() as stack:
        both = [stack.enter_context(Consumer(ground.place, name)) for name in ("billing", "warehouse")]
        yield both
    assert [each.refusals for each in both] == [[], []]


def log_in(both: list[Consumer], beside: Daemon) -> None:
    """Returns when each has logged in from now on."""
    logins = [each.logins for each in both]
    beside.comes(lambda: all(each.logins > count for each, count in zip(both, logins, strict=True)))


def assert_well(*daemons: Daemon) -> None:
    """A look beside a rotation may warn of an app that has changed between its two questions; more there may not be."""
    wrong = [each for daemon in daemons for each in daemon.events if is_wrong(each)]
    assert wrong == [], json.dumps(wrong)


def is_wrong(event: dict[str, Any]) -> bool:
    return event.get("level") == "error" or "Traceback" in str(event)


@thorough
@pytest.mark.parametrize("before", [SHARING], indirect=True, ids=["sharing"])
@pytest.mark.parametrize(("first", "second"), [("before", "now"), ("now", "before")])
def test_both_releases_share_the_work_and_each_has_all_of_it_when_the_other_ends(
    ground: Ground, first: str, second: str
) -> None:
    ground.configure(first, "billing")
    ground.configure(second, "billing", "warehouse")
    with consumers(ground) as both, ExitStack() as stack:
        leads = stack.enter_context(ground.running(first))
        leads.logs("the lock was taken")
        follows = stack.enter_context(ground.running(second))
        assert f"process {leads.process.pid} " in follows.logs("stands by")["worker"]
        pids = sorted([leads.process.pid, follows.process.pid])
        leads.comes(lambda: ground.seen() == (leads.process.pid, pids, []))
        leads.comes(lambda: ground.outcomes() == rotated("billing"))
        for org in ("production", "sandbox"):
            leads.events.clear()
            follows.events.clear()
            leads.comes(lambda org=org: any(has_looked_at(org, each) for each in (leads, follows)))  # type: ignore[misc] # bound at once
        assert ground.verified(first) == ground.verified(second)

        assert leads.asked_to_stop() == 0
        follows.logs("the lock was taken")
        follows.logs("the run ended: rotated", credential="warehouse")
        follows.comes(lambda: ground.seen() == (follows.process.pid, [follows.process.pid], []))
        assert ground.outcomes() == rotated("billing", "warehouse")
        log_in(both, follows)
        assert follows.asked_to_stop() == 0
    assert_well(leads, follows)
    assert ground.verified("before") == ground.verified("now")


def has_looked_at(org: str, daemon: Daemon) -> bool:
    """Whether it has logged a look at the org."""
    return any(each["event"] == "inventory ended" and each.get("org") == org for each in list(daemon.events))


@thorough
@pytest.mark.parametrize("before", [ALONE], indirect=True, ids=["alone"])
def test_one_that_shared_nothing_works_on_until_it_is_stopped_and_is_not_started_again(ground: Ground) -> None:
    ground.configure("before", "billing")
    ground.configure("now", "billing", "warehouse")
    with consumers(ground) as both, ExitStack() as stack:
        leads = stack.enter_context(ground.running("before"))
        leads.logs("the lock was taken")
        stands_by = stack.enter_context(ground.running("now"))
        assert f"process {leads.process.pid} " in stands_by.logs("stands by")["worker"]
        leads.logs("the run ended: rotated", credential="billing")
        stands_by.comes(lambda: ground.seen() == (leads.process.pid, [stands_by.process.pid], []))
        # It does all that it finds due by itself; what this release has left in the queue is carried out once.
        ground.ask(("rotate", "billing"), ("look", "production"))
        stands_by.comes(lambda: ground.asked() == [("look", "done"), ("rotate", "done")])
        leads.events.clear()
        leads.logs("inventory ended", org="production")
        assert ground.outcomes() == rotated("billing"), "who stands by begins no rotation"
        code, said = ground.verifies("before")
        assert code, "its commands find tables of a later release"
        assert "Install the newer release of rotator" in said

        assert leads.asked_to_stop() == 0
        stands_by.logs("the lock was taken")
        stands_by.logs("the run ended: rotated", credential="warehouse")
        stands_by.comes(lambda: ground.seen() == (stands_by.process.pid, [stands_by.process.pid], []))
        assert ground.outcomes() == rotated("billing", "warehouse")
        log_in(both, stands_by)
        assert stands_by.asked_to_stop() == 0
    assert_well(leads, stands_by)
    assert ground.verified("now")
