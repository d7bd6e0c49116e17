"""What only a server can do to the history: be away, be full, refuse, end a session. Each is a sentence; none loses."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest
from sqlalchemy import event, make_url, text

from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.core.secret import Secret
from rotator.errors import HistoryError, HistoryUnavailable
from rotator.history.engine.database import Database, open_database
from rotator.history.engine.postgres import checked, open_engine
from rotator.history.engine.upgrades import known_versions, migrate, migrations_folder
from rotator.history.journal import queries, verification
from rotator.history.journal.journal import Journal
from rotator.history.locks.advisory import AdvisoryLocks
from rotator.history.records import Event
from rotator.testing.versions import spare_key
from tests.contract.history.databases import NEW_ROTATION, NOW
from tests.contract.servers.postgres import PostgresServer, execute, name_of, scratch_database
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY: Final = timedelta(days=1)

LOADED = """
import sys
from rotator.history.engine.database import open_database
with open_database(sys.argv[1]) as database:
    database.upgrade()
print([name for name in ("alembic", "sqlalchemy.orm", "psycopg") if name in sys.modules])
"""

FULL_DISK = """
    CREATE FUNCTION fill_the_disk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN COPY (SELECT repeat('x', 100000)) TO '/dev/full'; RETURN NEW; END $$;
    CREATE TRIGGER fill_the_disk AFTER INSERT ON event FOR EACH ROW EXECUTE FUNCTION fill_the_disk()
"""


@pytest.fixture
def url(postgres_server: PostgresServer, migrated_database: str) -> Iterator[str]:
    """A migrated database of its own, on a server that can be stopped."""
    with scratch_database(postgres_server.url("postgres"), migrated_database) as url:
        yield url


@pytest.fixture(scope="module")
def untouched(postgres_server: PostgresServer, migrated_database: str) -> Iterator[str]:
    """A migrated database to which nothing is written: to make one takes a fifth of a second."""
    with scratch_database(postgres_server.url("postgres"), migrated_database) as url:
        yield url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with open_database(url) as database:
        yield database


def as_administrator(server: PostgresServer, url: str) -> str:
    """The URL of the same database for who may do everything."""
    return server.url(name_of(url), "postgres")


def without_password(url: str) -> str:
    """The URL as config.yaml has it."""
    return make_url(url)._replace(password=None).render_as_string()


def on_servers(url: str, *hosts: str) -> str:
    """The URL with other servers, the first of which that can write is meant."""
    plain = make_url(url)._replace(host=None, port=None)
    return plain.update_query_pairs(
        [("target_session_attrs", "read-write"), *(("host", host) for host in hosts)]
    ).render_as_string(hide_password=False)


def with_session(url: str, **settings: str) -> str:
    """The URL with other settings of the session."""
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return make_url(url).update_query_dict({"options": options}).render_as_string(hide_password=False)


def refusal(url: str, password: Secret | None = None) -> HistoryError:
    """What is said of a database that cannot be used."""
    with open_database(url, password=password) as database, pytest.raises(HistoryError) as caught:
        database.upgrade()
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


def test_a_server_that_is_down_is_away_for_a_while(untouched: str, postgres_server: PostgresServer) -> None:
    postgres_server.stop()
    try:
        error = refusal(untouched)
        with (
            open_database(untouched) as database,
            pytest.raises(HistoryUnavailable),
            database.rotation_locks(lambda: NOW).hold("billing"),
        ):
            pass
    finally:
        postgres_server.start()
    assert isinstance(error, HistoryUnavailable)
    assert "cannot be reached: Connection refused" in error.message
    assert postgres_server.password not in str(error)


def test_a_host_that_is_not_there_is_away_for_a_while() -> None:
    error = refusal("postgresql://rotator:s3cret@nowhere.invalid/rotator")
    assert isinstance(error, HistoryUnavailable)
    assert error.message.startswith(
        "The history database postgresql+psycopg://rotator:***@nowhere.invalid/rotator cannot"
    )


def test_the_password_may_come_apart_from_the_url(untouched: str, postgres_server: PostgresServer) -> None:
    plain = without_password(untouched)
    with open_database(plain, password=Secret(postgres_server.password)) as database:
        assert database.version == known_versions()[-1]
        assert "***" not in database.name
        with database.rotation_locks(lambda: NOW).hold("billing") as hold:
            assert hold.still_held()


def test_a_wrong_password_is_said_and_not_shown(untouched: str) -> None:
    error = refusal(without_password(untouched), Secret("s3cret"))
    assert type(error) is HistoryError
    assert "refused the user or the password" in error.message


def test_a_missing_password_is_said(untouched: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", "/nonexistent")
    error = refusal(without_password(untouched))
    assert "asks for a password, and there is none" in error.message
    assert "password: {env: NAME}" in error.hint


def test_a_database_that_is_not_there_is_said(postgres_server: PostgresServer) -> None:
    assert "is not there" in refusal(postgres_server.url("absent")).message


def test_a_server_without_tls_is_said_when_tls_is_asked_for(untouched: str) -> None:
    assert "do not agree on TLS" in refusal(f"{untouched}?sslmode=require").message


def test_a_server_is_proven_by_its_certificate(untouched: str, postgres_server: PostgresServer, tmp_path: Path) -> None:
    trusted, other = tmp_path / "trusted.pem", tmp_path / "other.pem"
    for file, number in ((trusted, 0), (other, 1)):
        file.write_text(self_signed(spare_key(number), SubjectName(file.stem), now=datetime.now(UTC), lifetime=DAY).pem)
    postgres_server.restart_with_tls(trusted.read_text(), spare_key(0).pem().reveal())
    try:
        with open_database(f"{untouched}?sslmode=verify-ca&sslrootcert={trusted}") as database:
            assert database.version == known_versions()[-1]
        assert "do not agree on TLS" in refusal(f"{untouched}?sslmode=verify-ca&sslrootcert={other}").message
        assert (
            "do not agree on TLS" in refusal(f"{untouched}?sslmode=verify-ca&sslrootcert={tmp_path}/absent.pem").message
        )
    finally:
        postgres_server.restart()


def test_of_two_servers_the_one_that_can_write_is_chosen(untouched: str, postgres_server: PostgresServer) -> None:
    with open_database(on_servers(untouched, "127.0.0.1:1", f"127.0.0.1:{postgres_server.port}")) as database:
        assert database.version == known_versions()[-1]
    error = refusal(on_servers(untouched, "127.0.0.1:1", "127.0.0.1:2"))
    assert isinstance(error, HistoryUnavailable)
    assert "cannot be reached" in error.message


def test_too_many_connections_are_said(url: str, postgres_server: PostgresServer) -> None:
    execute(as_administrator(postgres_server, url), f"ALTER DATABASE {name_of(url)} CONNECTION LIMIT 0")
    error = refusal(url)
    assert isinstance(error, HistoryUnavailable)
    assert "has no connection free" in error.message


def test_a_role_that_may_not_make_tables_is_said(url: str, postgres_server: PostgresServer) -> None:
    with scratch_database(as_administrator(postgres_server, url)) as theirs:
        error = refusal(postgres_server.url(name_of(theirs)))
    assert type(error) is HistoryError
    assert "does not permit this role what rotator asks" in error.message


def test_a_read_only_server_can_be_read(url: str) -> None:
    with open_database(url) as database:
        written = Journal(database).record("verify", now=NOW)
    with open_database(with_session(url, default_transaction_read_only="on")) as database:
        with pytest.raises(HistoryError, match="it is read-only"):
            Journal(database).record("verify", now=NOW)
        assert queries.events(database) == [written]


def test_a_full_disk_writes_nothing_and_harms_nothing(
    url: str, database: Database, postgres_server: PostgresServer
) -> None:
    journal = Journal(database)
    journal.record("verify", now=NOW)
    execute(as_administrator(postgres_server, url), FULL_DISK)

    with pytest.raises(HistoryUnavailable, match="the server's disk is full") as caught:
        journal.begin_rotation(NEW_ROTATION, NOW)

    assert "everything before it is as it was" in str(caught.value)
    assert journal.open_rotation("billing") is None
    assert (verification.verify(database).events, verification.verify(database).intact) == (1, True)


def test_a_writer_that_does_not_end_is_not_waited_for_for_ever(url: str, database: Database) -> None:
    with database.writing(), open_database(url, lock_timeout=timedelta(milliseconds=50)) as other:
        with pytest.raises(HistoryUnavailable, match="held by another program"), other.writing():
            pass
        assert queries.events(other) == []


def test_a_writer_that_stands_still_loses_its_turn(url: str, database: Database) -> None:
    still, written = threading.Event(), list[Event]()

    def write() -> None:
        still.wait()
        written.append(Journal(database).record("verify", now=NOW))

    def stand_still(writer: Database, thread: threading.Thread) -> None:
        with writer.writing() as connection:
            # Not before: on a busy machine it would stand still on its way here.
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            still.set()
            thread.join()
            connection.execute(text("SELECT 1"))

    thread = threading.Thread(target=write)
    thread.start()
    with (
        open_database(url) as other,
        pytest.raises(HistoryUnavailable, match="ended a transaction that stood still"),
    ):
        stand_still(other, thread)
    assert written == queries.events(database)


def test_a_statement_that_takes_too_long_is_ended(untouched: str) -> None:
    def sleep(database: Database) -> None:
        with database.reading() as connection:
            connection.execute(text("SELECT pg_sleep(60)"))

    with (
        open_database(with_session(untouched, statement_timeout="50ms")) as database,
        pytest.raises(HistoryUnavailable, match="did not answer in time"),
    ):
        sleep(database)


def test_a_restart_between_two_uses_is_not_noticed(database: Database, postgres_server: PostgresServer) -> None:
    journal = Journal(database)
    journal.record("verify", now=NOW)
    postgres_server.restart()

    assert journal.record("verify", now=NOW).sequence == 2


def test_a_restart_within_a_transaction_is_said_and_writes_nothing(
    database: Database, postgres_server: PostgresServer
) -> None:
    def write() -> None:
        with database.writing() as connection:
            connection.execute(text("UPDATE head SET events = 7"))
            postgres_server.restart()
            connection.execute(text("SELECT 1"))

    with pytest.raises(HistoryUnavailable, match=r"was lost|is being stopped or restarted"):
        write()

    found = verification.verify(database)
    assert (found.events, found.intact) == (0, True)


def test_a_lock_is_lost_with_its_session_and_free_for_others(
    database: Database, postgres_server: PostgresServer
) -> None:
    locks = database.rotation_locks(lambda: NOW)
    with locks.hold("billing") as hold:
        assert hold.still_held()
        postgres_server.restart()
        assert not hold.still_held()
        with pytest.raises(HistoryUnavailable, match="The lock on the credential billing was lost"):
            hold.check()
        with locks.hold("billing") as another:
            assert another.still_held()
            assert not hold.still_held()
            assert another.still_held()


def test_two_histories_in_one_database_have_locks_of_their_own(url: str) -> None:
    execute(url, "CREATE SCHEMA other")
    with open_database(url) as one, open_database(with_session(url, search_path="other")) as two:
        with one.rotation_locks(lambda: NOW).hold("billing"), two.rotation_locks(lambda: NOW).hold("billing"):
            pass
        Journal(two).record("verify", now=NOW)
        assert (verification.verify(one).events, verification.verify(two).events) == (0, 1)


@pytest.mark.parametrize("statement", ["TRUNCATE event", "TRUNCATE rotation CASCADE"])
def test_the_database_itself_refuses_to_empty_the_journal(database: Database, statement: str) -> None:
    written = Journal(database).record("verify", now=NOW)

    with pytest.raises(HistoryError, match="events are never deleted"), database.writing() as connection:
        connection.execute(text(statement))
    assert queries.events(database) == [written]


def test_no_log_line_of_any_library_shows_the_password(untouched: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for logger in ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "psycopg"):
        caplog.set_level(logging.DEBUG, logger)
    password = Secret("s3cret-of-the-database")
    with open_database(without_password(untouched), password=password) as database:
        with pytest.raises(HistoryError):
            database.upgrade()
        with pytest.raises(HistoryError), database.rotation_locks(lambda: NOW).hold("billing"):
            pass
        shown = f"{database!r} {vars(database)} {caplog.text}"
    assert password.reveal() not in shown


@thorough
def test_the_driver_is_loaded_for_a_server_and_nothing_more(untouched: str) -> None:
    found = subprocess.run([sys.executable, "-c", LOADED, untouched], capture_output=True, text=True, check=True)

    assert found.stdout == "['psycopg']\n"


def test_many_locks_one_after_the_other_take_one_session_and_to_ask_takes_none(database: Database) -> None:
    locks = database.rotation_locks(lambda: NOW)
    assert isinstance(locks, AdvisoryLocks)
    locks.holders(["billing"])
    database.prove_sessions()
    sessions: list[object] = []
    for engine in (locks._engine, database._engine):
        event.listen(engine, "connect", lambda connection, _: sessions.append(connection))
    assert [hold.credential for hold in locks.one_by_one(map(str, range(20)))] == [*map(str, range(20))]
    assert locks.holders(["billing"]) == {}
    assert len(sessions) == 1


TIMELESS = """
from alembic import op
revision, down_revision = "0001", None
def upgrade():
    op.execute(
        "CREATE TABLE told AS SELECT current_setting('statement_timeout') AS one_statement,"
        " current_setting('idle_in_transaction_session_timeout') AS between_two"
    )
"""


def test_a_migration_takes_as_long_as_the_history_is_large(postgres_server: PostgresServer, tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "0001_timeless.py").write_text(TIMELESS)
    (tmp_path / "env.py").write_text((migrations_folder() / "env.py").read_text())
    with scratch_database(postgres_server.url("postgres")) as url:
        engine = open_engine(checked(make_url(url)), timedelta(seconds=5))
        with engine.begin() as connection:
            migrate(connection, tmp_path)
        with engine.begin() as connection:
            assert connection.execute(text("SELECT * FROM told")).one() == ("0", "0")
            assert connection.scalar(text("SELECT current_setting('statement_timeout')")) == "1min"
        engine.dispose()
