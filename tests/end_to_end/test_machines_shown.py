"""Machines that share the work, as processes: whichever is asked shows all of them, and so does one that only reads."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests
from sqlalchemy import make_url

from tests.contract.servers.postgres import scratch_database
from tests.end_to_end.daemons import Daemon, configured, running
from tests.end_to_end.places import DEADLINE, hosted_place
from tests.end_to_end.processes import start
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.servers.postgres import PostgresServer

MOST_CONNECTIONS: Final = 30
"""As docs/operations.md has it, "What Postgres must be"."""

DAEMON: Final = {"tick": "1s", "jitter": "0s", "inventory_every": "2s", "first_rotations_after": "0s"}


@pytest.fixture
def config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_server: PostgresServer, migrated_database: str
) -> Iterator[Path]:
    """Two orgs with nothing to rotate, and a history in Postgres."""
    monkeypatch.setenv("DATABASE_PASSWORD", postgres_server.password)
    with (
        scratch_database(postgres_server.url("postgres"), migrated_database) as made,
        hosted_place(tmp_path / "place") as place,
    ):
        url = make_url(made)._replace(password=None).render_as_string()
        database = {"url": url, "password": {"env": "DATABASE_PASSWORD"}}
        yield configured(place, "shared", credentials={}, daemon=DAEMON, database=database)


def page(shown_by: Daemon, path: str) -> requests.Response:
    return requests.get(shown_by.logs("pages are served")["url"] + path, timeout=DEADLINE)


def leader_of(shown_by: Daemon) -> set[str]:
    """The processes that lead, by the metrics of one machine."""
    return set(re.findall(r'rotator_machine_leads\{[^}]*pid="(\d+)"[^}]*\} 1\.0', page(shown_by, "/metrics").text))


def is_ready(shown_by: Daemon) -> bool:
    """By a check of the machines among others."""
    answer = page(shown_by, "/readyz")
    assert " machines: " in answer.text
    return answer.status_code == 200


def says_that_nobody_works(shown_by: Daemon) -> bool:
    answer = page(shown_by, "/readyz")
    return answer.status_code == 503 and "FAIL machines: No machine carries out jobs" in answer.text


def connections_of(machine: Daemon, server: PostgresServer) -> int:
    """The sessions that it has."""
    named = server.administer("SELECT application_name FROM pg_stat_activity")
    return sum(name.startswith(f"rotator {machine.process.pid} ") for (name,) in named)


def workers(config: Path) -> tuple[int, Any]:
    ran = start("rotator", "workers", "--json", "--config", config).ran()
    return ran.code, ran.json


@thorough
def test_any_machine_shows_who_leads_who_works_and_that_nobody_does(
    config: Path, postgres_server: PostgresServer
) -> None:
    with ExitStack() as stack:
        leader = stack.enter_context(running(config, "--role", "leader"))
        worker = stack.enter_context(running(config, "--role", "worker"))
        reader = stack.enter_context(running(config, command="pages"))
        all_of_them = (leader, worker, reader)
        worker.logs("inventory ended", org="production")
        worker.logs("inventory ended", org="sandbox")
        for shown_by in all_of_them:
            shown_by.comes(partial(is_ready, shown_by))
            assert leader_of(shown_by) == {str(leader.process.pid)}
            text = page(shown_by, "/machines").text
            assert f"process {leader.process.pid} on {os.uname().nodename}" in text
            assert f"process {worker.process.pid}" in text
        assert not leader.has_logged("inventory ended"), "it leads, and carries out nothing"
        code, shown = workers(config)
        assert (code, shown["leader"]["pid"], shown["troubles"]) == (0, leader.process.pid, [])
        assert sorted(each["role"] for each in shown["machines"]) == ["leader", "worker"]

        for each in (leader, worker):
            assert 1 <= connections_of(each, postgres_server) <= MOST_CONNECTIONS

        worker.process.kill()
        for shown_by in (leader, reader):
            shown_by.comes(partial(says_that_nobody_works, shown_by))
        code, shown = workers(config)
        assert (code, [each["trouble"] for each in shown["troubles"]]) == (1, ["no worker"])

        again = stack.enter_context(running(config, "--role", "worker"))
        again.logs("inventory ended", org="production")
        for shown_by in (leader, reader, again):
            shown_by.comes(partial(is_ready, shown_by))
        assert workers(config)[0] == 0
        for each in (again, leader, reader):
            assert each.asked_to_stop() == 0
        code, shown = workers(config)
        assert (code, shown["leader"], len(shown["machines"])) == (1, None, 1), "who is asked to end takes his leave"
