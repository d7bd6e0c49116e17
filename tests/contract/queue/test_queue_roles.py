"""A role that cannot change the past shares the work of several machines, with the rights that are documented."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from sqlalchemy import text

from rotator.core.machines.fleet import Role
from rotator.errors import HistoryError
from rotator.history.engine.database import open_database
from rotator.queue.asked_jobs import AskedJobs
from rotator.queue.jobs_database import JobsDatabase
from rotator.queue.machines import ThisMachine
from rotator.queue.org_calls import _ADD
from rotator.queue.queue_tables import Outcome
from rotator.queue.rights import checked_rights
from rotator.queue.sweep import forget, sweep
from tests.contract.history.databases import NOW
from tests.contract.queue.dispatchers import now
from tests.contract.servers.postgres import ADMINISTRATOR, execute, name_of, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.servers.postgres import PostgresServer

OPERATIONS: Final = Path(__file__).parents[3] / "docs" / "operations.md"


def documented(beginning: str) -> list[str]:
    """The statements about the jobs schema, as a person copies them."""
    lines = [line.strip() for line in OPERATIONS.read_text().splitlines()]
    return [line for line in lines if line.startswith(beginning) and "rotator_jobs" in line]


@pytest.fixture
def url(postgres_server: PostgresServer, migrated_database: str) -> Iterator[str]:
    with scratch_database(postgres_server.url("postgres"), migrated_database) as url:
        yield url


@pytest.fixture
def daily(url: str, postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a role with the documented rights, over a schema that its owner has made."""
    role, administrator = f"daily_{name_of(url)}", postgres_server.url(name_of(url), ADMINISTRATOR)
    with open_database(url) as history:
        jobs = JobsDatabase.of(history)
        assert jobs
        jobs.open()
        jobs.close()
    grants = [each for each in documented("GRANT ") if each.endswith("TO rotator_daily;")]
    assert len(grants) == 3
    execute(administrator, f"CREATE ROLE {role} LOGIN PASSWORD '{postgres_server.password}'")
    execute(administrator, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    for statement in grants:
        execute(administrator, statement.replace("rotator_daily", role))
    yield postgres_server.url(name_of(url), role)
    execute(administrator, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_it_does_all_that_a_machine_does(daily: str) -> None:
    with open_database(daily) as history:
        jobs = JobsDatabase.of(history)
        assert jobs
        machine = ThisMachine(jobs, Role.BOTH, now=now, monotonic=lambda: 0.0)
        machine.beat(leads=True, concurrency={"look": 4})
        asked = AskedJobs(jobs)
        assert asked.ask([("look", "production")]) == 1
        with jobs.transaction() as connection:
            number = connection.scalar(text("SELECT id FROM asked_job"))
        assert asked.take(number, machine.id)
        assert asked.begin(number, machine.id)
        assert asked.end(number, machine.id, Outcome.DONE)
        sweep(jobs)
        forget(jobs)
        machine.leave()
        with pytest.raises(HistoryError, match="does not permit"), jobs.transaction() as connection:
            connection.execute(text("DROP TABLE asked_job"))
        jobs.close()


def test_a_check_beforehand_says_whether_it_can(daily: str, url: str, postgres_server: PostgresServer) -> None:
    administrator, role = postgres_server.url(name_of(url), ADMINISTRATOR), f"daily_{name_of(url)}"
    with open_database(daily) as history:
        assert checked_rights(history) == "Several machines can share it, by the schema rotator_jobs beside it."
        execute(administrator, f"REVOKE DELETE ON rotator_jobs.machine FROM {role}")
        with pytest.raises(HistoryError, match=f"The role {role} may not use the table machine"):
            checked_rights(history)
        execute(administrator, f"REVOKE USAGE ON SCHEMA rotator_jobs FROM {role}")
        with pytest.raises(HistoryError, match="may not use the schema rotator_jobs"):
            checked_rights(history)
        execute(administrator, "DROP SCHEMA rotator_jobs CASCADE")
        with pytest.raises(HistoryError, match="may not make the schema rotator_jobs") as refused:
            checked_rights(history)
        assert "rotator db upgrade" in refused.value.hint
    with open_database(url) as history:
        assert "the first `rotator run` makes the schema rotator_jobs" in checked_rights(history)
        assert execute(url, "SELECT count(*) FROM pg_namespace WHERE nspname = 'rotator_jobs'") == [(0,)]


def test_a_role_that_only_rotates_by_hand_takes_a_turn_and_counts_its_calls(
    url: str, daily: str, postgres_server: PostgresServer
) -> None:
    del daily
    role, administrator = f"by_hand_{name_of(url)}", postgres_server.url(name_of(url), ADMINISTRATOR)
    execute(administrator, f"CREATE ROLE {role} LOGIN PASSWORD '{postgres_server.password}'")
    execute(administrator, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    grants = [each for each in documented("GRANT ") if each.endswith("TO rotator_by_hand;")]
    assert len(grants) == 4
    for statement in grants:
        execute(administrator, statement.replace("rotator_by_hand", role))
    with open_database(postgres_server.url(name_of(url), role)) as history:
        with history.rotation_locks(lambda: NOW).hold("billing"):
            assert execute(url, "SELECT name FROM rotator_jobs.turn") == [("billing",)]
        jobs = JobsDatabase(history.name, lambda: history)
        with jobs.transaction() as connection:
            connection.execute(_ADD, {"org": "production", "logins": 1})
        jobs.close()
    assert execute(url, "SELECT org, calls, logins FROM rotator_jobs.org_call") == [("production", 1, 1)]
    execute(administrator, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_its_worker_fetches_jobs_and_hears_of_new_ones(daily: str) -> None:
    """By the tables and functions of Procrastinate's own."""
    from procrastinate import App, PsycopgConnector  # noqa: PLC0415 - for this alone

    with open_database(daily) as history:
        jobs = JobsDatabase.of(history)
        assert jobs
        connect = jobs.connect_args()
        done: list[str] = []

        async def work() -> None:
            app = App(connector=PsycopgConnector(kwargs=connect))

            @app.task(name="carry_out")
            async def carry_out(asked: int, kind: str, name: str) -> None:
                done.append(f"{asked > 0} {kind} {name}")

            async with app.open_async():
                await app.run_worker_async(wait=False, install_signal_handlers=False, listen_notify=True)

        AskedJobs(jobs).ask([("look", "production")])
        asyncio.run(work())
        assert done == ["True look production"]
        jobs.close()


def test_what_a_later_release_adds_is_its_own_by_the_documented_default(url: str, daily: str) -> None:
    defaults = documented("ALTER DEFAULT PRIVILEGES")
    assert len(defaults) == 2
    for statement in defaults:
        execute(url, statement.replace("rotator_daily", f"daily_{name_of(url)}"))
    execute(url, "CREATE TABLE rotator_jobs.newer (id serial PRIMARY KEY, what text)")
    execute(daily, "INSERT INTO rotator_jobs.newer (what) VALUES ('x')")
    assert execute(daily, "SELECT what FROM rotator_jobs.newer") == [("x",)]
