"""The schema that several machines share: made once, apart from the history, with Procrastinate's tables and ours."""

from __future__ import annotations

import threading
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, text

from rotator.errors import HistoryError
from rotator.history.engine.database import open_database
from rotator.history.engine.tables import METADATA as HISTORY
from rotator.queue.jobs_database import JobsDatabase
from rotator.queue.jobs_schema import bring_procrastinate_up
from rotator.queue.queue_tables import METADATA
from tests.contract.servers.postgres import execute, name_of, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.servers.postgres import PostgresServer

TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = '{}' ORDER BY 1"


@pytest.fixture
def url(postgres_url: str, postgres_template: str) -> Iterator[str]:
    with scratch_database(postgres_url, postgres_template) as url:
        yield url


def opened(url: str) -> None:
    with open_database(url) as history:
        jobs = JobsDatabase.of(history)
        assert jobs
        jobs.open()
        jobs.close()


def tables(url: str, schema: str) -> set[str]:
    return {row[0] for row in execute(url, TABLES.format(schema))}


def test_the_first_use_makes_it_and_the_history_stays_as_it_is(url: str) -> None:
    before = tables(url, "public")
    opened(url)
    assert tables(url, "rotator_jobs") > {table.name for table in METADATA.sorted_tables} | {"procrastinate_jobs"}
    assert tables(url, "public") == before


def test_a_history_in_another_schema_has_one_of_its_own_whatever_it_is_called(url: str) -> None:
    execute(url, 'CREATE SCHEMA "two words\\"')
    opened(f'{url}?options=-csearch_path="two\\ words\\\\"')
    assert "asked_job" in tables(url, "two words\\_jobs")
    assert tables(url, "rotator_jobs") == set()


def test_many_machines_make_it_at_once(url: str) -> None:
    threads = [threading.Thread(target=opened, args=(url,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert execute(url, "SELECT version_num FROM rotator_jobs.alembic_version") == [("0004",)]


def test_the_tables_are_those_that_the_code_knows(jobs: JobsDatabase) -> None:
    ours = MetaData()
    for table in METADATA.sorted_tables:
        table.to_metadata(ours, schema=None)  # type: ignore[arg-type] # it is documented, and means none
    with jobs.transaction() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or name in ours.tables}
        )
        found = compare_metadata(context, ours)
    # Indexes over some rows are in the migration alone.
    assert [each for each in found if each[0] != "remove_index"] == []


def test_the_migrations_of_the_history_do_not_see_it(url: str) -> None:
    opened(url)
    with open_database(url) as history, history.reading() as connection:
        found = compare_metadata(MigrationContext.configure(connection), HISTORY)
    assert not [each for each in found if "procrastinate" in str(each) or "asked_job" in str(each)]


def test_a_later_version_is_used_as_it_is(url: str) -> None:
    opened(url)
    execute(url, "UPDATE rotator_jobs.alembic_version SET version_num = '9999'")
    opened(url)
    assert execute(url, "SELECT version_num FROM rotator_jobs.alembic_version") == [("9999",)]


def test_a_role_that_may_make_no_schema_is_told_what_the_owner_has_to_run(
    url: str, postgres_server: PostgresServer
) -> None:
    role = f"plain_{name_of(url)}"
    admin = postgres_server.url(name_of(url), "postgres")
    grants = f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
    execute(admin, f"CREATE ROLE {role} LOGIN PASSWORD '{postgres_server.password}'; {grants}")
    theirs = postgres_server.url(name_of(url), role)

    with pytest.raises(HistoryError, match="may not make the schema rotator_jobs") as refused:
        opened(theirs)

    assert refused.value.hint
    statement = refused.value.hint.partition("`")[2].partition("`")[0]
    execute(admin, statement)
    opened(theirs)
    execute(admin, f"DROP SCHEMA rotator_jobs CASCADE; DROP OWNED BY {role}; DROP ROLE {role}")


def test_of_a_newer_package_only_what_is_new_is_applied(jobs: JobsDatabase) -> None:
    """It has a file for each change of its tables; the newest is taken back by hand, and noted as not applied."""
    changes = sorted(
        each.name for each in (files("procrastinate") / "sql" / "migrations").iterdir() if each.name.endswith(".sql")
    )
    with jobs.transaction() as connection:
        level = connection.scalars(text("SELECT change FROM procrastinate_level")).all()
        assert level == [changes[-1]], "a newer package needs a revision in migrations/machines that calls this"
        connection.execute(text("UPDATE procrastinate_level SET change = :one"), {"one": changes[-2]})
        before = connection.scalar(text("SELECT count(*) FROM pg_proc WHERE proname LIKE 'procrastinate%'"))
        bring_procrastinate_up(connection)
        assert connection.scalar(text("SELECT max(change) FROM procrastinate_level")) == changes[-1]
        assert connection.scalar(text("SELECT count(*) FROM pg_proc WHERE proname LIKE 'procrastinate%'")) == before
        connection.rollback()
