"""Several `rotator run` on one history in Postgres share the work; over a file nothing of that is there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from tests.contract.servers.postgres import scratch_database
from tests.end_to_end.daemons import Daemon, configured, running
from tests.end_to_end.places import DEADLINE, Place
from tests.end_to_end.processes import start
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.servers.postgres import PostgresServer

DAEMON: Final = {"tick": "1s", "jitter": "0s", "inventory_every": "2s"}

TELLS_WHAT_IT_HAS_LOADED: Final = """
import sys
from rotator.cli.main import main
sys.argv = ["rotator", "run", "--log-format", "text"]
main()
print("LOADED", *sys.modules, file=sys.stderr)
"""
OF_SEVERAL_MACHINES: Final = ("procrastinate", "psycopg", "rotator.queue", "rotator.daemon.dispatch.shared_queue")


@pytest.fixture
def on_a_file(place: Place, request: pytest.FixtureRequest, migrated_file: Path) -> Path:
    name = request.node.name
    shutil.copy(migrated_file, place.folder / f"{name}.db")
    return configured(place, name, credentials={}, daemon=DAEMON, http=None, database=f"sqlite:///{name}.db")


@thorough
def test_over_a_file_nothing_of_several_machines_is_loaded(on_a_file: Path) -> None:
    environ = {**os.environ, "ROTATOR_CONFIG": str(on_a_file)}
    command = [sys.executable, "-c", TELLS_WHAT_IT_HAS_LOADED]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        next(line for line in process.stderr if "inventory ended" in line)
        process.send_signal(signal.SIGTERM)
        loaded = next(line for line in process.stderr if line.startswith("LOADED")).split()
        assert process.wait(DEADLINE) == 0
    assert "rotator.daemon.dispatch.dispatcher" in loaded
    assert [name for name in loaded if name.startswith(OF_SEVERAL_MACHINES)] == []


@pytest.mark.parametrize("role", ["leader", "worker"])
def test_a_history_in_a_file_is_led_and_worked_at_by_one_alone(on_a_file: Path, role: str) -> None:
    refused = start("rotator", "run", "--role", role, "--config", on_a_file).ran()
    assert refused.code == 2
    assert f"`--role {role}` leaves the rest to other machines" in refused.err
    assert "keep the history in Postgres" in refused.err


@pytest.fixture
def shared(
    place: Place, postgres_server: PostgresServer, migrated_database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A configuration whose history is in a database of its own."""
    monkeypatch.setenv("DATABASE_PASSWORD", postgres_server.password)
    with scratch_database(postgres_server.url("postgres"), migrated_database) as made:
        url = made.replace(f":{postgres_server.password}@", "@")
        database = {"url": url, "password": {"env": "DATABASE_PASSWORD"}}
        yield configured(place, "shared", credentials={}, daemon=DAEMON, http=None, database=database)


@contextmanager
def machines(config: Path, *roles: str) -> Iterator[list[Daemon]]:
    """So many of them; the first leads before the others are begun, whichever of them might be faster."""
    with ExitStack() as stack:
        begun: list[Daemon] = []
        for role in roles:
            begun.append(stack.enter_context(running(config, "--role", role)))
            begun[0].logs("the lock was taken")
        for each in begun:
            each.logs("started")
        yield begun


def test_one_leads_and_another_works_and_what_works_leads_once_that_is_killed(shared: Path) -> None:
    with machines(shared, "leader", "both") as (leader, other):
        assert "STATUS=leads: orgs 2" in leader.hears("STATUS=leads", more=False)
        for org in ("production", "sandbox"):
            other.logs("inventory ended", org=org)
        assert f"led by process {leader.process.pid}" in other.hears("led by", more=False)
        assert not leader.has_logged("inventory begins")

        leader.process.kill()
        other.logs("the lock was taken")
        other.events.clear()
        other.logs("inventory ended", org="production")
        assert "STATUS=leads and carries out jobs" in other.hears("STATUS=leads and", more=False)
        assert other.asked_to_stop() == 0


def test_a_machine_that_stops_gives_its_part_to_the_others_at_once(shared: Path) -> None:
    with machines(shared, "both", "both", "worker") as (first, *others):
        assert first.asked_to_stop() == 0
        others[0].logs("the lock was taken")
        for each in others:
            each.events.clear()
        others[0].comes(lambda: any(each.has_logged("inventory ended") for each in others))
        assert not others[1].has_logged("the lock was taken"), "a worker never leads"
        assert [each.asked_to_stop() for each in others] == [0, 0]


@thorough
def test_a_leader_that_is_stopped_is_followed_by_another_and_stands_by_when_it_wakes_up(shared: Path) -> None:
    with machines(shared, "both", "both") as (first, second):
        second.logs("stands by")
        os.kill(first.process.pid, signal.SIGSTOP)
        second.logs("silent, and taken for lost")
        second.logs("the lock was taken")
        second.events.clear()
        second.logs("inventory ended")
        os.kill(first.process.pid, signal.SIGCONT)
        first.logs("the lock was lost")
        assert f"process {second.process.pid}" in first.logs("stands by")["worker"]
        assert second.asked_to_stop() == 0
        first.comes(lambda: sum(each["event"].startswith("the lock was taken") for each in first.events) == 2)
        assert first.asked_to_stop() == 0
