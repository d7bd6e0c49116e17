"""What is kept in memory is at every moment what a fresh look at the database shows, whoever has written meanwhile."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import text

from rotator.core.actor import Actor
from rotator.core.attempts import AttemptRecord
from rotator.core.observed import ObservedCertificate
from rotator.core.usage.sources import Source
from rotator.core.usage.usage import Usage
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import Outbox
from rotator.history.attempt_records import AttemptRecords
from rotator.history.audit_findings import AuditFindings
from rotator.history.engine.database import Database, open_database
from rotator.history.engine.transactions import Within
from rotator.history.journal.journal import Journal
from rotator.history.kept.kept_rows import KeptRows
from rotator.history.kept.parts import (
    ALERTS,
    ATTEMPTS,
    FINDINGS,
    LEARNT,
    OBSERVATIONS,
    PENDING,
    REPORTED,
    ROTATIONS,
    STANDING,
    STANDSTILLS,
    USAGE,
)
from rotator.history.last_observations import LastObservations
from rotator.history.retention import forget_unconfigured
from rotator.history.sightings import record_sightings
from rotator.history.standstills import Standstills
from rotator.history.usage.consumer_reports import ConsumerReports
from rotator.history.usage.usages import Usages
from tests.contract.history.databases import NEW_ALERT, NEW_ROTATION, NOW
from tests.contract.history.findings import EXCEPTED, WEAK
from tests.contract.history.test_last_observations import PAIR
from tests.contract.servers.postgres import scratch_database
from tests.end_to_end.processes import start
from tests.statements import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rotator.history.kept.kept_rows import Part
    from tests.contract.servers.postgres import PostgresServer

ALL: Final[tuple[Part[Any], ...]] = (
    STANDING,
    OBSERVATIONS,
    ATTEMPTS,
    LEARNT,
    ROTATIONS,
    ALERTS,
    PENDING,
    STANDSTILLS,
    USAGE,
    FINDINGS,
    REPORTED,
)
LATER: Final = NOW + timedelta(hours=1)
ALEX: Final = Actor("alex")
USED: Final = Usage(
    credential="billing",
    promoted_at=NOW,
    looked_at=LATER,
    user_id="005000000000001",
    applications=("Billing",),
    sources=(Source("192.0.2.7", "billing/4.1", before_at=NOW, refused_at=LATER, refused=3),),
)
SEEN: Final = ObservedCertificate(
    org="production",
    app="Billing",
    fingerprint="a" * 64,
    subject="CN=Billing",
    issuer="CN=Billing",
    serial_number=7,
    not_before=NOW,
    not_after=LATER,
    key_algorithm="RSA",
    key_bits=2048,
    signature_algorithm="sha256",
)
ATTEMPT: Final = AttemptRecord("look", "production", last_at=NOW)

ONE_MORE: Final = """
import sys
from datetime import UTC, datetime
from rotator.core.attempts import AttemptRecord
from rotator.history.attempt_records import AttemptRecords
from rotator.history.engine.database import open_database
with open_database(sys.argv[1]) as database:
    AttemptRecords(database).put(AttemptRecord("look", "sandbox", last_at=datetime.now(UTC)))
"""


def see(database: Database) -> None:
    record_sightings(database, [SEEN, replace(SEEN, org="sandbox")], NOW)


def see_another(database: Database) -> None:
    record_sightings(database, [replace(SEEN, fingerprint="b" * 64)], LATER)


def find(database: Database) -> None:
    AuditFindings(database).put("production", [WEAK, EXCEPTED], NOW)


def find_nothing(database: Database) -> None:
    AuditFindings(database).put("production", [], LATER)


def see_nothing(database: Database) -> None:
    record_sightings(database, [], LATER, gone=[replace(SEEN, org="sandbox")])


def void(_: object) -> None:
    """For a write that gives something."""


def pause(database: Database) -> None:
    Standstills(database).pause("all", until=None, reason="audit", actor=ALEX, now=NOW)


def begin(database: Database) -> None:
    Journal(database).begin_rotation(NEW_ROTATION, NOW)


def report(database: Database, fingerprint: str = "a" * 64) -> None:
    ConsumerReports(database).note("billing", "web", fingerprint, logged_in_at=NOW, via="post", now=LATER)


def promote(database: Database) -> None:
    journal = Journal(database)
    rotation = journal.begin_rotation(NEW_ROTATION, NOW)
    journal.record("promote", now=LATER, credential="billing", rotation_id=rotation.id, version="b" * 64)
    journal.finish_rotation(rotation.id, outcome="rotated", now=LATER, gap_seconds=3.5)


def end_alert(database: Database) -> None:
    AlertRecords(database).close(NEW_ALERT.key, "It was replaced.", LATER)


def deliver(database: Database) -> None:
    outbox = Outbox(database)
    outbox.delivered(outbox.claim("team", NOW, timedelta(minutes=1)), "", NOW)


def alert(database: Database) -> None:
    found, _ = AlertRecords(database).open(NEW_ALERT, NOW)
    Outbox(database).add(found.id, "opened", "team", NOW)


def by_hand(*statements: str) -> Callable[[Database], None]:
    def write(database: Database) -> None:
        with database.writing() as connection:
            for statement in statements:
                connection.execute(text(statement))

    return write


WRITES: Final[tuple[tuple[Part[Any], Callable[[Database], None]], ...]] = (
    (STANDING, see),
    (STANDING, see_another),
    (STANDING, see_nothing),
    (STANDING, by_hand("UPDATE sighting SET org = 'renamed' WHERE org = 'production'")),
    (STANDING, by_hand("DELETE FROM sighting")),
    (OBSERVATIONS, lambda database: LastObservations(database).put("billing", PAIR, NOW, NOW)),
    (OBSERVATIONS, lambda database: LastObservations(database).put_problem("billing", "It is away.")),
    (OBSERVATIONS, lambda database: forget_unconfigured(database, [])),
    (ATTEMPTS, lambda database: AttemptRecords(database).put(ATTEMPT)),
    (ATTEMPTS, lambda database: AttemptRecords(database).put(replace(ATTEMPT, failures=1, problem="It is away."))),
    (ATTEMPTS, lambda database: AttemptRecords(database).forget("look", "production")),
    (ROTATIONS, begin),
    (LEARNT, promote),
    (ROTATIONS, by_hand("UPDATE rotation SET credential = 'other'")),
    (ALERTS, alert),
    (PENDING, deliver),
    (ALERTS, end_alert),
    (STANDSTILLS, lambda database: void(Standstills(database).first_start(ALEX, NOW))),
    (USAGE, lambda database: Usages(database).put(USED)),
    (USAGE, lambda database: Usages(database).put(replace(USED, problem="It is not shown."))),
    (USAGE, lambda database: forget_unconfigured(database, [])),
    (FINDINGS, find),
    (FINDINGS, find_nothing),
    (FINDINGS, find),
    (FINDINGS, lambda database: AuditFindings(database).forget(LATER, [])),
    (REPORTED, report),
    (REPORTED, lambda database: report(database, "b" * 64)),
    (REPORTED, lambda database: forget_unconfigured(database, [])),
    (STANDSTILLS, pause),
    (STANDSTILLS, lambda database: void(Standstills(database).resume("all", reason="", actor=ALEX, now=LATER))),
)


@pytest.fixture
def elsewhere(database_url: str) -> Iterator[Database]:
    """The same database, as another process or another machine has it."""
    with open_database(database_url) as elsewhere:
        yield elsewhere


def test_it_is_what_a_fresh_look_shows_after_whatever_another_has_written(
    database: Database, elsewhere: Database
) -> None:
    kept = KeptRows(database)
    kept.read(*ALL)
    for part, write in WRITES:
        before = kept.read(*ALL).of(part)
        write(elsewhere)
        found, fresh = kept.read(*ALL), KeptRows(database).read(*ALL)
        assert [found.of(each) for each in ALL] == [fresh.of(each) for each in ALL]
        assert found.of(part) != before, "the write has changed it"


def test_a_part_that_nothing_has_changed_in_is_the_same_object(database: Database, elsewhere: Database) -> None:
    kept = KeptRows(database)
    see(elsewhere)
    first = kept.read(*ALL)
    AttemptRecords(elsewhere).put(ATTEMPT)
    second = kept.read(*ALL)
    anew = [each for each in ALL if first.of(each) is not second.of(each)]
    assert anew == [ATTEMPTS]
    see_another(elsewhere)
    assert kept.read(STANDING).of(STANDING)["sandbox"] is first.of(STANDING)["sandbox"]


def test_parts_are_read_when_they_are_first_asked_for(database: Database, elsewhere: Database) -> None:
    kept = KeptRows(database)
    kept.read(ATTEMPTS)
    see(elsewhere)
    AttemptRecords(elsewhere).put(ATTEMPT)
    assert set(kept.read(STANDING).of(STANDING)) == {"production", "sandbox"}
    assert set(kept.read(ATTEMPTS).of(ATTEMPTS)) == {"production"}


def test_one_look_is_one_statement_where_nothing_has_changed(database: Database) -> None:
    see(database)
    kept = KeptRows(database)
    kept.read(*ALL)
    with statements(database) as made:
        kept.read(*ALL)
    assert len(made) == 1, "what has changed"


def test_the_first_look_reads_of_all_changes_the_newest(database: Database, elsewhere: Database) -> None:
    for number in range(30):
        AttemptRecords(elsewhere).put(replace(ATTEMPT, name=f"org{number}"))
    with statements(database) as made:
        KeptRows(database).read(ATTEMPTS)
    [looked] = [each for each in made if "FROM change" in each]
    assert "LIMIT" in looked


def test_a_number_that_cannot_be_read_hides_no_change(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/rotator.db"
    with open_database(url) as database, open_database(url) as elsewhere:
        AttemptRecords(elsewhere).put(ATTEMPT)
        with elsewhere.writing() as connection:
            connection.execute(text("UPDATE change SET number = 'many'"))
        kept = KeptRows(database)
        assert kept.read(ATTEMPTS).of(ATTEMPTS)[ATTEMPT.name][ATTEMPT.kind] == ATTEMPT
        AttemptRecords(elsewhere).put(replace(ATTEMPT, failures=7))
        assert kept.read(ATTEMPTS).of(ATTEMPTS)[ATTEMPT.name][ATTEMPT.kind].failures == 7


def test_more_changes_than_a_statement_may_name_are_read_all_the_same(database: Database, elsewhere: Database) -> None:
    kept = KeptRows(database)
    kept.read(ATTEMPTS)
    with elsewhere.writing() as connection:
        rows = [{"name": f"org{number}"} for number in range(600)]
        statement = "INSERT INTO attempt VALUES ('look', :name, NULL, NULL, 0, 0, NULL, false, '', '', '')"
        connection.execute(text(statement), rows)
    assert len(kept.read(ATTEMPTS).of(ATTEMPTS)) == 600


def test_what_is_rolled_back_is_not_seen(database: Database, elsewhere: Database) -> None:
    kept = KeptRows(database)
    before = kept.read(ATTEMPTS).of(ATTEMPTS)
    with elsewhere.writing() as connection:
        AttemptRecords(Within(connection)).put(ATTEMPT)
        connection.rollback()
    assert kept.read(ATTEMPTS).of(ATTEMPTS) is before


def test_a_database_that_was_put_back_is_read_anew(database: Database, elsewhere: Database) -> None:
    kept = KeptRows(database)
    for number in range(3):
        AttemptRecords(elsewhere).put(replace(ATTEMPT, failures=number))
    kept.read(ATTEMPTS)
    by_hand("DELETE FROM attempt", "DELETE FROM change")(elsewhere)
    assert kept.read(ATTEMPTS).of(ATTEMPTS) == {}


def test_a_server_that_takes_the_place_of_another_and_lacks_its_last_changes_is_read_anew(
    postgres_server: PostgresServer, migrated_database: str
) -> None:
    """Their numbers are those of other changes by then."""
    with scratch_database(postgres_server.url("postgres"), migrated_database) as url, open_database(url) as database:
        kept = KeptRows(database)
        AttemptRecords(database).put(ATTEMPT)
        assert set(kept.read(ATTEMPTS).of(ATTEMPTS)) == {ATTEMPT.name}
        by_hand("DELETE FROM attempt", "DELETE FROM change")(database)
        AttemptRecords(database).put(replace(ATTEMPT, name="sandbox"))
        postgres_server.restart()
        assert set(kept.read(ATTEMPTS).of(ATTEMPTS)) == {"sandbox"}


def test_another_process_is_noticed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/rotator.db"
    with closing(open_database(url)) as database:
        kept = KeptRows(database.upgrade())
        assert kept.read(ATTEMPTS).of(ATTEMPTS) == {}
        assert start("python", "-c", ONE_MORE, url).ran().code == 0
        assert set(kept.read(ATTEMPTS).of(ATTEMPTS)) == {"sandbox"}


def test_orgs_that_one_statement_changes_are_each_changed(database: Database, elsewhere: Database) -> None:
    kept, orgs = KeptRows(database), [f"org{number:03}" for number in range(60)]
    record_sightings(elsewhere, [replace(SEEN, org=org) for org in orgs], NOW)
    assert set(kept.read(STANDING).of(STANDING)) == set(orgs)
    with elsewhere.writing() as connection:
        connection.execute(text("UPDATE sighting SET app = 'Another' WHERE org > 'org029'"))
    found = kept.read(STANDING).of(STANDING)
    assert [found[org][0].app for org in orgs] == ["Billing"] * 30 + ["Another"] * 30
    with elsewhere.writing() as connection:
        connection.execute(text("DELETE FROM sighting WHERE org > 'org009'"))
    assert set(kept.read(STANDING).of(STANDING)) == set(orgs[:10])
