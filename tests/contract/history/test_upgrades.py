"""What the first use of a database promises, and what is refused then, whatever database it is."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, make_url, text

from rotator.config.database import DatabaseSettings
from rotator.config.secrets import SecretReference
from rotator.errors import HistoryError
from rotator.history.engine import upgrades
from rotator.history.engine.database import Database, open_database
from rotator.history.engine.tables import METADATA
from rotator.history.engine.upgrade_apart import upgrade_apart
from rotator.history.journal import queries, verification
from rotator.history.journal.journal import Journal
from tests.contract.history.databases import NOW, SQLITE_FIRST, together
from tests.end_to_end.processes import start
from tests.tiers import more_in_thorough, of_tier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.history.databases import Kind

NEWEST = upgrades.known_versions()[-1]

FIRST_USE = """
import signal, sys
from datetime import UTC, datetime
from rotator.history.engine.database import open_database
from rotator.history.journal.journal import Journal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
print("ready", flush=True)
signal.sigwait([signal.SIGUSR2])
with open_database(sys.argv[1]) as database:
    Journal(database).record("verify", now=datetime.now(UTC))
"""

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0900"
down_revision = "{newest}"


def upgrade():
    op.create_table("later", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("{statement}")
"""


@pytest.fixture
def empty_url(database_kind: Kind) -> Iterator[str]:
    with database_kind.empty() as url:
        yield url


@pytest.fixture
def migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations that a test may add to."""
    folder = tmp_path / "migrations"
    shutil.copytree(upgrades.migrations_folder(), folder)
    monkeypatch.setattr(upgrades, "migrations_folder", lambda: folder)
    return folder


def test_first_use_brings_the_tables_up_to_date(empty_url: str) -> None:
    with open_database(empty_url) as database:
        versions = [database.version]
        assert queries.events(database) == []
        assert [*versions, database.version] == [None, NEWEST]
        assert database.upgrade() is database


def configured(url: str) -> tuple[DatabaseSettings, dict[str, str]]:
    """The database as config.yaml names it, and the environment with its password."""
    parsed = make_url(url)
    password = SecretReference(env="PASSWORD") if parsed.password else None
    settings = DatabaseSettings(url=parsed._replace(password=None).render_as_string(), password=password)
    return settings, os.environ | {"PASSWORD": str(parsed.password or "")}


@SQLITE_FIRST
def test_a_process_of_its_own_brings_the_tables_up_to_date(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_here(*_: object) -> None:
        raise AssertionError("it was upgraded in this process")

    monkeypatch.setattr(upgrades, "apply", not_here)
    for _ in range(2):
        upgrade_apart(*configured(empty_url))
        with open_database(empty_url) as database:
            assert database.version == NEWEST


@SQLITE_FIRST
def test_a_process_that_cannot_upgrade_leaves_it_to_who_can_say_why(
    empty_url: str,
) -> None:
    with open_database(empty_url) as database, database._transaction(reading=False) as connection:
        connection.execute(text("CREATE TABLE theirs (id integer)"))
    upgrade_apart(*configured(empty_url))
    with open_database(empty_url) as database:
        assert database.version is None


def test_upgrading_again_changes_nothing(database_url: str, database: Database) -> None:
    written = Journal(database).record("verify", now=NOW)

    with open_database(database_url) as again:
        assert again.upgrade().version == database.version
        assert queries.events(again) == [written]


# Processes lock a file otherwise than threads do; to a server both are sessions.
@SQLITE_FIRST
@more_in_thorough
def test_many_processes_may_start_on_a_new_database_at_once(empty_url: str) -> None:
    number = of_tier(2, thorough=4)
    started = [start("python", "-c", FIRST_USE, empty_url) for _ in range(number)]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.send_signal(signal.SIGUSR2)

    assert [process.ran().code for process in started] == [0] * number
    with open_database(empty_url) as database:
        assert verification.verify(database).events == number


def test_many_threads_may_start_on_a_new_database_at_once(empty_url: str) -> None:
    versions = []

    def start(_: int) -> None:
        with open_database(empty_url) as database:
            versions.append(database.upgrade().version)

    together(start)

    assert versions == [NEWEST] * 8


def test_the_migrations_make_the_tables_that_the_models_say(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


def test_a_database_of_a_later_release_is_left_alone(empty_url: str) -> None:
    with open_database(empty_url) as database, database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))

    with open_database(empty_url) as database:
        with pytest.raises(HistoryError, match=f"has version 0999; this release of rotator knows none after {NEWEST}"):
            queries.events(database)
        assert database.version == "0999"


def test_a_database_of_another_program_is_left_alone(empty_url: str) -> None:
    with open_database(empty_url) as database:
        with database._transaction(reading=False) as connection:
            connection.execute(text("CREATE TABLE theirs (id integer)"))

        with pytest.raises(HistoryError, match="is another program's"):
            database.upgrade()
        assert database.version is None


def test_a_migration_that_fails_changes_nothing(empty_url: str, migrations: Path) -> None:
    (migrations / "versions" / "0900_next.py").write_text(
        NEXT.format(newest=NEWEST, statement="INSERT INTO absent VALUES (1)")
    )

    with open_database(empty_url) as database:
        with pytest.raises(HistoryError, match="absent"):
            database.upgrade()

        with database._transaction(reading=True) as connection:
            assert inspect(connection).get_table_names() == []
