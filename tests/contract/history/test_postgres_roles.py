"""What a role of Postgres has to be granted to work day by day, or to read, and what it cannot do then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from rotator.core.actor import Actor
from rotator.core.attempts import AttemptRecord
from rotator.core.usage.usage import Usage
from rotator.errors import HistoryError
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import Outbox
from rotator.history.attempt_records import AttemptRecords
from rotator.history.audit_findings import AuditFindings
from rotator.history.engine.database import open_database
from rotator.history.journal import verification
from rotator.history.journal.journal import Journal
from rotator.history.kept.kept_rows import KeptRows
from rotator.history.kept.parts import ATTEMPTS
from rotator.history.retention import KEPT, forget
from rotator.history.standstills import Standstills
from rotator.history.usage.consumer_reports import ConsumerReports
from rotator.history.usage.recorded_logins import Login, RecordedLogins
from rotator.history.usage.usages import Usages
from tests.contract.history.databases import NEW_ALERT, NEW_ROTATION, NOW, make_release
from tests.contract.history.findings import WEAK
from tests.contract.servers.postgres import execute, name_of, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.servers.postgres import PostgresServer


@pytest.fixture
def url(postgres_server: PostgresServer, migrated_database: str) -> Iterator[str]:
    """A migrated database of its own."""
    with scratch_database(postgres_server.url("postgres"), migrated_database) as url:
        yield url


def test_a_role_that_cannot_change_the_past_can_do_everything_else(url: str, postgres_server: PostgresServer) -> None:
    role = f"daily_{name_of(url)}"
    grants = [
        f"CREATE ROLE {role} LOGIN PASSWORD '{postgres_server.password}'",
        f"GRANT SELECT, INSERT ON event TO {role}",
        f"GRANT SELECT, INSERT, UPDATE ON rotation, credential_record TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON certificate, sighting, alert, notification, attempt, last_observation,"
        f" standstill, own_login, login_usage, consumer_report, finding, hook, hook_call TO {role}",
        f"GRANT SELECT, UPDATE ON head TO {role}",
        f"GRANT SELECT ON alembic_version, change TO {role}",
        f"GRANT USAGE ON SEQUENCE sighting_id_seq, notification_id_seq, own_login_id_seq TO {role}",
    ]
    execute(postgres_server.url(name_of(url), "postgres"), ";".join(grants))
    with open_database(postgres_server.url(name_of(url), role)) as database:
        journal = Journal(database)
        with database.rotation_locks(lambda: NOW).hold("billing"):
            rotation = journal.begin_rotation(NEW_ROTATION, NOW)
            journal.finish_rotation(rotation.id, outcome="rotated", now=NOW)
        alert, _ = AlertRecords(database).open(NEW_ALERT, NOW)
        Outbox(database).add(alert.id, "60d", "ops", NOW)
        AlertRecords(database).acknowledge(alert.id, actor=Actor("alex"), reason="known", now=NOW)
        AttemptRecords(database).put(AttemptRecord("look", "production"))
        Standstills(database).pause("all", until=None, reason="audit", actor=Actor("alex"), now=NOW)
        assert Standstills(database).resume("all", reason="", actor=Actor("alex"), now=NOW)
        number = RecordedLogins(database).begins(Login("production", "billing@example.com", "key", "Billing"), NOW)
        RecordedLogins(database).ended(number, is_accepted=True)
        Usages(database).put(Usage(credential="billing", promoted_at=NOW))
        AuditFindings(database).put("production", [WEAK], NOW)
        AuditFindings(database).forget(NOW, [])
        ConsumerReports(database).note("billing", "web", "a" * 64, logged_in_at=NOW, via="post", now=NOW)
        assert verification.verify(database).intact
        AlertRecords(database).add_closed(replace(NEW_ALERT, key="over"), NOW)
        assert forget(database, NOW + 2 * KEPT, {})["alerts"] == 1
        assert set(KeptRows(database).read(ATTEMPTS).of(ATTEMPTS)) == {"production"}
        with pytest.raises(HistoryError, match="does not permit"), database.writing() as connection:
            connection.execute(text("ALTER TABLE event DISABLE TRIGGER USER"))


def test_a_role_that_reads_the_history_reads_its_changes_after_an_upgrade(
    postgres_server: PostgresServer,
) -> None:
    with scratch_database(postgres_server.url("postgres")) as url:
        role = f"reader_{name_of(url)}"
        with open_database(url) as database:
            make_release(database, "0013")
            execute(
                postgres_server.url(name_of(url), "postgres"),
                f"CREATE ROLE {role} LOGIN PASSWORD '{postgres_server.password}';"
                f"GRANT SELECT ON head, alembic_version, attempt TO {role}",
            )
            database.upgrade()
            AttemptRecords(database).put(AttemptRecord("look", "production"))
        with open_database(postgres_server.url(name_of(url), role)) as database:
            assert set(KeptRows(database).read(ATTEMPTS).of(ATTEMPTS)) == {"production"}
