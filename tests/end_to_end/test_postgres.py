"""The programs with their history in Postgres: configured by a URL and a reference, locked across processes."""

from __future__ import annotations

import signal
import socket
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest
from sqlalchemy import make_url

from rotator.history.engine.database import open_database
from rotator.history.engine.upgrades import known_versions
from rotator.history.locks.sessions import LostProcess, end_sessions
from rotator.queue.jobs_database import JobsDatabase
from rotator.simulator.wire.faults import Effect, Kind
from tests.contract.servers.postgres import PostgresServer, execute, scratch_database
from tests.end_to_end.places import DEADLINE, HANG, SLOW, Place, about, wait_until
from tests.end_to_end.processes import Process, start
from tests.end_to_end.strangers import Folder
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.history.engine.database import Database
    from rotator.simulator.org.org import Org

VARIABLE: Final = "DATABASE_PASSWORD"


@pytest.fixture
def shared(place: Place, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    """A configuration whose history is on the server."""
    monkeypatch.setenv(VARIABLE, postgres_server.password)
    with scratch_database(postgres_server.url("postgres")) as url:
        plain = make_url(url)._replace(password=None).render_as_string()
        # A name of its own: a configuration is known by it, and each test has another history.
        name = f"{make_url(url).database}.yaml"
        yield Folder(place.folder).configured(name, database={"url": plain, "password": {"env": VARIABLE}})


def started(folder: Folder, script: str, *arguments: str) -> Process:
    """A process that begins."""
    return start(script, "--config", folder.path / folder.config, *arguments)


@contextmanager
def held(place: Place, folder: Folder, effect: Effect) -> Iterator[Process]:
    """A rotation whose upload the org has taken, and answers late, or has not taken and never answers."""
    here = place.hold(about(Kind.SOAP_UPDATE)(place), effect, DEADLINE)
    with started(folder, "rotate", "now", "billing") as process:
        wait_until(here.is_set, process)
        yield process


def test_a_rotation_is_written_down_and_proven(shared: Folder, postgres_server: PostgresServer) -> None:
    done = shared.run("rotate", "now", "billing", "--verbose")
    assert done.code == 0, done.err
    assert shared.current_logs_in("production", "billing")
    assert postgres_server.password not in done.out + done.err

    assert shared.rotator("history", "verify").code == 0
    (rotation,) = shared.rotator("history", "billing", "--json").json["rotations"]
    assert rotation["outcome"] == "rotated"


def test_two_that_upgrade_at_once_both_succeed(shared: Folder) -> None:
    with started(shared, "rotator", "db", "upgrade") as one, started(shared, "rotator", "db", "upgrade") as two:
        said = [process.communicate(timeout=DEADLINE) for process in (one, two)]
    assert [process.returncode for process in (one, two)] == [0, 0], said
    assert all(f"is at version {known_versions()[-1]}." in out for out, _ in said)


def test_a_wrong_or_missing_password_is_said(
    shared: Folder, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "s3cret")
    wrong = shared.rotate("now", "billing")
    assert (wrong.code, "refused the user or the password" in wrong.err) == (1, True)
    assert "s3cret" not in wrong.out + wrong.err

    monkeypatch.delenv(VARIABLE)
    missing = shared.rotate("now", "billing")
    assert (missing.code, f"{VARIABLE} is not set" in missing.err) == (2, True)
    assert postgres_server.password not in missing.err


def test_a_killed_rotation_holds_nothing_and_is_ended_by_the_next(shared: Folder, place: Place) -> None:
    with held(place, shared, HANG) as process:
        second = shared.rotate("now", "billing")
        assert (second.code, f"by process {process.pid} on" in second.err) == (3, True), second.err
        process.kill()

    third = shared.rotate("now", "billing")
    assert third.code == 0, third.err
    assert shared.current_logs_in("production", "billing")


@thorough
def test_a_rotation_that_is_woken_when_another_has_ended_it_changes_nothing(
    shared: Folder, place: Place, postgres_server: PostgresServer
) -> None:
    assert shared.rotator("db", "upgrade").code == 0
    server = make_url(shared.read()["database"]["url"]).set(password=postgres_server.password)
    url = server.render_as_string(hide_password=False)
    with held(place, shared, SLOW) as process:
        process.send_signal(signal.SIGSTOP)
        try:
            assert shared.rotate("now", "billing").code == 3, "for the server it lives"
            turn = execute(url, TURN)
            with open_database(url) as history, closing(jobs_beside(history)) as jobs:
                with jobs.transaction() as ours:
                    assert end_sessions(ours, [LostProcess(process.pid, socket.gethostname(), datetime.now(UTC))]).ended
                end = time.monotonic() + DEADLINE
                while history.holders(["billing"]):
                    assert time.monotonic() < end
                    time.sleep(0.02)
            assert shared.rotate("now", "billing").code == 0
            assert execute(url, TURN) > turn
            before = world(shared, place.org, url)
        finally:
            place.answer()
            process.send_signal(signal.SIGCONT)
        _, said = process.communicate(timeout=DEADLINE)
    assert (process.returncode, "The lock on the credential billing was lost" in said) == (3, True), said
    assert world(shared, place.org, url) == before
    assert shared.current_logs_in("production", "billing")
    assert shared.rotator("history", "verify").code == 0


TURN: Final = "SELECT number FROM rotator_jobs.turn WHERE name = 'billing'"


def jobs_beside(history: Database) -> JobsDatabase:
    """What several machines share beside a history."""
    jobs = JobsDatabase.of(history)
    assert jobs
    return jobs


def world(folder: Folder, org: Org, url: str) -> tuple[object, ...]:
    """What a rotation could change: the store, the org, the history."""
    stages = [folder.fingerprint("billing", stage) for stage in ("current", "pending", "previous")]
    held = {app.name: app.live_certificate for app in org.client_apps}
    return stages, held, execute(url, "SELECT count(*), max(sequence) FROM event"), execute(url, "TABLE rotation")


def test_a_rotation_goes_on_when_the_server_has_restarted(
    shared: Folder, place: Place, postgres_server: PostgresServer
) -> None:
    with held(place, shared, SLOW) as process:
        postgres_server.restart()
        place.answer()
        told, said = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, said
    assert "The lock on the credential billing was lost" in said
    assert "It was taken again." in told
    assert shared.current_logs_in("production", "billing")
    assert shared.rotator("history", "verify").code == 0
