"""Whatever one column of one row holds, in whichever table: that row is named, and costs the others nothing.

What is put there is what types allow: SQLite takes anything in any column, Postgres times and numbers that are none,
texts that are no JSON or a word that only a later release knows, and, where somebody has taken the constraint away,
nothing at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import Float, Integer, String, text

from rotator.config.daemon import HttpSettings
from rotator.core.actor import Actor
from rotator.core.attempts import AttemptRecord
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import Outbox
from rotator.history.attempt_records import AttemptRecords
from rotator.history.audit_findings import AuditFindings
from rotator.history.engine.tables import EVENT, HEAD, METADATA
from rotator.history.engine.times import UtcDateTime
from rotator.history.hooks import HookCalls
from rotator.history.journal import queries, verification
from rotator.history.journal.journal import Journal
from rotator.history.last_observations import LastObservations
from rotator.history.row_check import READERS, unreadable_rows
from rotator.history.sightings import last_sightings, record_sightings
from rotator.history.standstills import Standstills
from rotator.history.usage.consumer_reports import ConsumerReports
from rotator.history.usage.recorded_logins import Login, RecordedLogins
from rotator.history.usage.usages import Usages
from rotator.services.alerting.rules import AlertRules
from rotator.services.inventory.credential_history import histories
from rotator.services.reporting.reader import HistoryReader
from rotator.web.routes import application
from rotator.web.source import Liveness
from tests.contract.history.databases import NEW_ROTATION, SQLITE_FIRST, unguard
from tests.contract.history.findings import EXCEPTED, WEAK
from tests.contract.history.test_kept_rows import USED
from tests.tiers import more_in_thorough, of_tier
from tests.unit.web import scene
from tests.unit.web.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Column

    from rotator.config.settings import Settings
    from rotator.history.engine.database import Database
    from tests.contract.history.databases import Kind

NOW: Final = scene.NOW
MINUTE: Final = timedelta(minutes=1)

JSON_COLUMNS: Final = {"options", "details", "stages", "apps", "facts", "applications", "sources"}
NOTED_BY: Final = {("sighting", "org"), ("rotation", "credential"), ("notification", "channel")}
"""By these a trigger notes that a row has changed, and refuses a change to nothing."""
WORDS_OF_OURS: Final = {("alert", "severity"), ("standstill", "why"), ("finding", "risk"), ("finding", "verdict")}

ALIVE: Final = Liveness(
    started_at=NOW, ticked_at=NOW, since_tick=MINUTE / 60, tick=MINUTE, lag=MINUTE / 600, is_working=True
)


def values_for(column: Column[Any], kind: str) -> Iterator[str]:
    """What a damaged column may hold, as SQL."""
    is_key = column.primary_key or bool(column.foreign_keys)
    if column.primary_key or (kind == "postgres" and is_key):
        # With another key it is another row; and Postgres lets a key of another table be nothing else.
        return
    if isinstance(column.type, UtcDateTime):
        yield "'noon'" if kind == "sqlite" else "'infinity'"
    elif column.name in JSON_COLUMNS:
        yield from ("'{'", "'[[7]]'", """'{"current": {"fingerprint": 7}}'""", "'null'")
    elif (column.table.name, column.name) in WORDS_OF_OURS:
        yield "'quarantined'"
    elif isinstance(column.type, Float):
        yield "9e999" if kind == "sqlite" else "'NaN'"
    if kind == "sqlite":
        yield "'x'" if isinstance(column.type, Integer) else "x'ff00'"
        if isinstance(column.type, String):
            yield "CAST(x'ff' AS TEXT)"
    if not column.nullable and not is_key and (column.table.name, column.name) not in NOTED_BY:
        yield "NULL"


@dataclass
class Ground:
    """A history with a row of everything, and all that reads and writes it."""

    kind: str
    database: Database
    settings: Settings
    reader: HistoryReader
    pages: Client

    def damage(self, column: Column[Any], number: int) -> tuple[str, dict[str, Any]] | None:
        """Damages a value of a column; gives what puts it back, None where types allow no damage."""
        values = list(values_for(column, self.kind))
        if not values:
            return None
        where, stored = self.first_row(column.table, column)
        statement = f'UPDATE "{column.table.name}" SET "{column.name}" = '  # noqa: S608 - names of ours
        self.write(f"{statement}{values[number % len(values)]} WHERE {where}")
        return f"{statement}:stored WHERE {where}", {"stored": stored}

    def first_row(self, table: Any, column: Column[Any]) -> tuple[str, Any]:
        """A condition for a row of a table that has a value in the column, or for any, and what is there."""
        keys = [each.name for each in table.primary_key.columns]
        names = ", ".join([*keys, column.name])
        query = f"SELECT {names} FROM {table.name} ORDER BY {column.name} IS NULL, {', '.join(keys)} LIMIT 1"  # noqa: S608 - names of our own
        with self.database.reading() as connection:
            row = connection.execute(text(query)).one()
        *key, stored = row
        return " AND ".join(f"{name} = {value!r}" for name, value in zip(keys, key, strict=True)), stored

    def write(self, statement: str, values: dict[str, Any] | None = None) -> None:
        with self.database._transaction(reading=False) as connection:
            connection.execute(text(statement), values or {})

    def show(self) -> None:
        """All that is shown of it."""
        for page in ("/", "/metrics"):
            assert self.pages.get(page).status == 200, page
        found = self.reader.overview()
        # Of 21, those whose row and whose place may be damaged.
        assert len(found.certificates) >= 19
        assert {each.credential for each in found.credentials} == set(scene.COMPANY)
        assert len(found.rotations.newest) >= 6
        for name in scene.COMPANY:
            queries.events(self.database, credential=name)
        histories(self.database, self.settings.credentials)
        verification.verify(self.database)

    def go_on(self) -> None:
        """All that is written into it by a round of the service and by commands."""
        database, now = self.database, NOW
        rules, outbox, alerts = AlertRules(self.settings, database), Outbox(database), AlertRecords(database)
        rules.evaluate(now)
        dated = [each for each in last_sightings(database) if each.not_before or not each.fingerprint]
        record_sightings(database, dated, now)
        for name, last in LastObservations(database).all().items():
            if last.seen:
                LastObservations(database).put(name, last.seen, now, now)
        attempts = AttemptRecords(database)
        for kind, name in (("look", "production"), ("look", "uat"), ("rotate", "telephony"), ("deliver", "crm-team")):
            attempts.put(replace(attempts.get(kind, name), last_at=now))
        journal = Journal(database)
        for name in ("billing", "warehouse"):
            journal.open_rotation(name), journal.last_promotion(name), journal.gap_counter(name)
            rotation = journal.begin_rotation(replace(NEW_ROTATION, credential=name), now)
            journal.record("upload_begins", now=now, credential=name, rotation_id=rotation.id, opens_gap=True)
            journal.finish_rotation(rotation.id, outcome="abandoned", now=now)
        for alert in alerts.open_alerts():
            rules.problem(replace(scene._expiry("uat", "Sync", 3, alert.severity, "expires"), key=alert.key), now)
        rules.solved("org:uat", "", now)
        outbox.delivered(outbox.claim("on-call", now, MINUTE), "", now)
        logins = RecordedLogins(database)
        logins.of("production", "billing@example.com", apps=["Billing"], client_ids=[], since=NOW)
        Usages(database).put(replace(USED, looked_at=now))
        calls = HookCalls(database)
        calls.note({"reload": lambda _: True}, since=NOW)
        for due in calls.due():
            calls.event(due)
        ConsumerReports(database).note("billing", "web", "b" * 64, logged_in_at=now, via="post", now=now)
        pauses = Standstills(database)
        pauses.first_start(Actor("rotator on a test"), now)
        pauses.pause("org emea", until=None, reason="again", actor=Actor("Robin"), now=now)


@pytest.fixture
def ground(database: Database, database_kind: Kind) -> Ground:
    settings = scene.company(database)
    Standstills(database).first_start(Actor("rotator on a test"), NOW - scene.DAY)
    Standstills(database).pause("org emea", until=None, reason="audit", actor=Actor("Robin"), now=NOW - scene.DAY)
    Journal(database).record("verify", now=NOW, credential="billing", of_current=True, outcome="refused")
    AttemptRecords(database).put(AttemptRecord("heartbeat", ""))
    RecordedLogins(database).begins(Login("production", "billing@example.com", "key", "Billing"), NOW)
    Usages(database).put(USED)
    AuditFindings(database).put("production", [WEAK, EXCEPTED], NOW)
    HookCalls(database).note({"reload": lambda _: True}, since=NOW)
    ended = Journal(database).begin_rotation(NEW_ROTATION, NOW)
    Journal(database).finish_rotation(ended.id, outcome="rotated", now=NOW)
    HookCalls(database).note({"reload": lambda _: True}, since=NOW)
    ConsumerReports(database).note("billing", "web", "a" * 64, logged_in_at=NOW, via="post", now=NOW)
    unguard(database_kind, database)
    kind = "sqlite" if database.name.startswith("sqlite") else "postgres"
    without_constraints(database, kind)
    reader = HistoryReader(lambda: settings, database, lambda: NOW)
    pages = Client(application(reader, HttpSettings(), token=None, alive=lambda: ALIVE))
    return Ground(kind, database, settings, reader, pages)


def without_constraints(database: Database, kind: str) -> None:
    """Nothing may be where something must be."""
    if kind == "sqlite":
        with database.writing() as connection:
            connection.execute(text("PRAGMA writable_schema = ON"))
            connection.execute(text("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '') WHERE type = 'table'"))
            connection.execute(
                text("UPDATE sqlite_master SET sql = replace(sql, 'FOREIGN KEY', 'CHECK (1) --') WHERE type = 'table'")
            )
            connection.execute(text("PRAGMA writable_schema = RESET"))
        database.close()
        return
    with database.writing() as connection:
        for table in METADATA.sorted_tables:
            for column in table.columns:
                if not column.nullable and not column.primary_key:
                    connection.execute(text(f'ALTER TABLE "{table.name}" ALTER COLUMN "{column.name}" DROP NOT NULL'))


@SQLITE_FIRST
@more_in_thorough
def test_damaged_values_are_named_and_cost_no_other_row(ground: Ground) -> None:
    """In each round more columns of every table are damaged, each in one row."""
    columns = [[column for column in table.columns if not column.primary_key] for table in METADATA.sorted_tables]
    at_once = of_tier(4, thorough=2)
    for number in range(0, max(map(len, columns)), at_once):
        damaged = [column for of_table in columns for column in of_table[number : number + at_once]]
        undo = {column: ground.damage(column, number // at_once) for column in damaged}
        ground.show()
        named = {(each.table, each.column) for each in unreadable_rows(ground.database)}
        wanted = {(column.table.name, column.name) for column in damaged if undo[column] and column.table is not EVENT}
        assert wanted <= named
        ground.go_on()
        ground.reader.overview()
        for column, back in undo.items():
            # The next event writes the record of the last one anew.
            if back and column.table is not HEAD:
                ground.write(*back)


def test_every_table_is_looked_at() -> None:
    read = {column.table.name for reader in READERS for column in reader.columns.values()}
    assert read == {table.name for table in METADATA.sorted_tables} - {"event"}
