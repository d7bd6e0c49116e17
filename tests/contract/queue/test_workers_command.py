"""`rotator workers` over Postgres: what it prints and ends with as machines come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from sqlalchemy import make_url, text

from rotator.cli.error_output import run
from rotator.cli.main import cli
from rotator.core.machines.fleet import Role
from rotator.queue.machines import ThisMachine
from rotator.services.schedule.jobs import LEADER_LOCK
from tests.contract.history.databases import NOW
from tests.contract.queue.dispatchers import now
from tests.contract.servers.postgres import scratch_database
from tests.unit.cli.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rotator.history.engine.database import Database
    from rotator.queue.jobs_database import JobsDatabase

LOGIN = {"client_id": "a", "username": "b", "private_key": {"env": "NOWHERE"}}


@pytest.fixture
def workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Runs the command over the database of a URL."""

    def command(url: str, *options: str, name: str = "workers") -> Outcome:
        parsed = make_url(url)
        monkeypatch.setenv("DATABASE_PASSWORD", parsed.password or "none")
        plain = parsed._replace(password=None).render_as_string()
        config = tmp_path / f"{parsed.database}.yaml"
        settings = {"database": {"url": plain, "password": {"env": "DATABASE_PASSWORD"}}, "stores": {}}
        orgs: dict[str, Any] = {"production": {"login_url": "https://127.0.0.1:1", "login": LOGIN}}
        config.write_text(yaml.safe_dump({**settings, "orgs": orgs, "credentials": {}}))
        code = run(cli, "rotator", ["--config", str(config), name, *options])
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return command


def test_it_ends_with_nought_where_a_machine_leads_and_works(
    workers: Callable[..., Outcome], jobs_url: str, history: Database, jobs: JobsDatabase
) -> None:
    machine = ThisMachine(jobs, Role.BOTH, now=now, monotonic=lambda: 0.0)
    machine.beat(leads=True, concurrency={"look": 4})
    with history.rotation_locks(lambda: NOW).hold(LEADER_LOCK):
        shown, told = workers(jobs_url, "--json"), workers(jobs_url)
    assert (shown.code, shown.err, shown.json["troubles"]) == (0, "", [])
    assert shown.json["leader"]["machine"] == machine.id == shown.json["machines"][0]["id"]
    assert shown.json["machines"][0]["concurrency"] == {"inventory": 4}
    assert (told.code, told.err) == (0, "")
    assert "alive" in told.out

    alone = workers(jobs_url)
    assert (alone.code, "No machine leads, so nobody asks what is due." in alone.out) == (1, True)


def test_it_ends_with_one_where_the_machine_is_lost(
    workers: Callable[..., Outcome], jobs_url: str, jobs: JobsDatabase
) -> None:
    ThisMachine(jobs, Role.BOTH, now=now, monotonic=lambda: 0.0).beat(leads=False, concurrency={})
    with jobs.transaction() as connection:
        connection.execute(text("UPDATE machine SET seen_at = seen_at - interval '5 minutes'"))
    shown = workers(jobs_url, "--json")
    assert (shown.code, [each["trouble"] for each in shown.json["troubles"]]) == (1, ["no leader", "no worker"])
    [line] = shown.json["machines"]
    assert (line["state"], line["gone"]) == ("silent", True)


def test_where_there_is_no_history_yet_it_says_so_and_makes_none(
    workers: Callable[..., Outcome], postgres_url: str
) -> None:
    with scratch_database(postgres_url) as url:
        for _ in range(2):
            said = workers(url)
            assert (said.code, said.out) == (1, "")
            assert "There is no history in postgresql+psycopg://" in said.err
            assert "SQLite" not in said.err


def test_a_server_that_is_away_is_exit_code_3(workers: Callable[..., Outcome]) -> None:
    said = workers("postgresql+psycopg://rotator:secret@127.0.0.1:1/rotator")
    assert (said.code, said.out) == (3, "")


def test_a_check_says_beforehand_whether_machines_can_share_the_history(
    workers: Callable[..., Outcome], jobs_url: str, jobs: JobsDatabase
) -> None:
    del jobs
    [line] = [each for each in workers(jobs_url, "--json", name="check").json if each["name"] == "machines"]
    assert (line["result"], line["sentence"]) == (
        "ok",
        "Several machines can share it, by the schema rotator_jobs beside it.",
    )
