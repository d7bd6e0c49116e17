"""What pages show is what the history has, and what commands read there: nothing is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from rotator.core.actor import Actor
from rotator.core.alert import NewAlert
from rotator.core.attempts import AttemptBackOff, AttemptRecord
from rotator.core.lifecycle.states import CredentialState
from rotator.core.posture.assessment import Result
from rotator.core.posture.checks import CHECKS
from rotator.core.posture.judgements import Verdict
from rotator.core.severity import Severity
from rotator.core.usage.told_reports import ToldReport
from rotator.core.usage.usage import Usage
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import OPENED, Outbox
from rotator.history.attempt_records import AttemptRecords
from rotator.history.audit_findings import AuditFindings
from rotator.history.engine.database import Database
from rotator.history.engine.transactions import Within
from rotator.history.journal.journal import Journal
from rotator.history.records import NewRotation
from rotator.history.sightings import record_sightings
from rotator.history.standstills import Standstills
from rotator.history.usage.consumer_reports import ConsumerReports
from rotator.history.usage.usages import Usages
from rotator.services.inventory.credential_history import histories_of
from rotator.services.inventory.ownership import last_known
from rotator.services.machines.fleet_reader import MachinesShown
from rotator.services.reporting import reader
from rotator.services.reporting.reader import HistoryReader
from tests.unit.revoked import revoke
from tests.unit.web.scene import DAY, NOW, fingerprint_of, observe, rotate, settings_of, sighting

if TYPE_CHECKING:
    from datetime import datetime

    import pytest

    from rotator.config.settings import Settings
    from rotator.services.reporting.overview import OrgLine, Overview

CREDENTIALS: Final[dict[str, Any]] = {
    "billing": {"org": "production", "apps": ["Billing"], "consumers": ["batch"]},
    "warehouse": {"org": "production", "apps": ["Warehouse"]},
    "support": {"org": "emea", "apps": ["Support"]},
}
SETTINGS: Final = settings_of(("production", "emea"), CREDENTIALS, ("crm-team", "on-call"))
ALEX: Final = Actor("alex@laptop")
OLD, NEW = fingerprint_of("old"), fingerprint_of("new")


def reading(database: Database, settings: Settings = SETTINGS) -> HistoryReader:
    return HistoryReader(lambda: settings, database, lambda: NOW)


def shown(database: Database) -> Overview:
    return reading(database).overview()


def production(database: Database) -> OrgLine:
    return shown(database).orgs[0]


def begin(database: Database, credential: str = "billing", at: datetime = NOW) -> str:
    new = NewRotation(credential=credential, org="production", strategy="in_place", trigger="manual", actor="alex")
    return Journal(database).begin_rotation(new, at).id


def failing(kind: str, name: str, at: datetime = NOW) -> AttemptRecord:
    return AttemptRecord(kind, name).failed(at, AttemptBackOff(), problem="It is away.", lasting=True)


def warning(key: str, kind: str = "expiry", severity: Severity = Severity.WARNING, **more: Any) -> NewAlert:
    return NewAlert(key=key, kind=kind, severity=severity, title="It is so.", text="Why.", **more)


def test_of_each_credential_it_shows_what_commands_read(database: Database) -> None:
    held = sighting("production", "Billing", NOW + 90 * DAY, fingerprint=NEW)
    record_sightings(database, [held], NOW)
    rotate(database, "billing", at=NOW - DAY, old=OLD, new=NEW)
    observe(database, "billing", held, promoted_at=NOW - DAY)
    AttemptRecords(database).put(failing("rotate", "billing"))
    revoke(Journal(database), NOW, "warehouse")
    pauses = Standstills(database)
    for scope in ("org production", "credential billing"):
        now = NOW - DAY if scope == "org production" else NOW - 2 * DAY
        pauses.pause(scope, until=None, reason="audit", actor=ALEX, now=now)
    Usages(database).put(Usage(credential="billing", promoted_at=NOW - DAY, looked_at=NOW))
    ConsumerReports(database).note("billing", "batch", NEW, logged_in_at=NOW, via="post", now=NOW)
    with database.rotation_locks(lambda: NOW).hold("billing"):
        read = histories_of(database, CREDENTIALS)
        assert {each.credential: each.history for each in shown(database).credentials} == read
    assert all((read["billing"].running, read["billing"].usage, read["billing"].reports, read["billing"].noted))
    assert read["warehouse"].record.revoked


def test_it_shows_who_rotates_for_as_long_as_that_is_so(database: Database) -> None:
    begin(database)
    read = reading(database)

    def state() -> CredentialState:
        return read.overview().credentials[0].state

    assert state() is not CredentialState.RUNNING
    with database.rotation_locks(lambda: NOW).hold("billing"):
        assert (state(), state()) == (CredentialState.RUNNING, CredentialState.RUNNING)
    assert state() is not CredentialState.RUNNING


def test_a_rotation_that_ends_while_it_is_read_is_not_shown_as_one_that_nobody_is_at(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotation = begin(database)
    holders = Database.holders

    def ends(self: Database, names: Any) -> Any:
        journal = Journal(self)
        if journal.open_rotation("billing"):
            journal.finish_rotation(rotation, outcome="rotated", now=NOW)
        return holders(self, names)

    monkeypatch.setattr(Database, "holders", ends)
    last = shown(database).credentials[0].last_rotation
    assert last
    assert last.outcome == "rotated"


def test_of_each_certificate_it_shows_what_commands_read(database: Database) -> None:
    held = sighting("production", "Billing", NOW + 90 * DAY, fingerprint=NEW)
    revoked = sighting("production", "Warehouse", NOW + 80 * DAY)
    record_sightings(database, [sighting("production", "Older", NOW + 70 * DAY)], NOW - DAY)
    record_sightings(database, [held, revoked, sighting("emea", "Other", NOW + 60 * DAY)], NOW)
    observe(database, "billing", held)
    observe(database, "warehouse", revoked)
    revoke(Journal(database), NOW, "warehouse")
    AttemptRecords(database).put(AttemptRecord("look", "production").succeeded(NOW))
    read = last_known(SETTINGS, database, NOW)
    found = shown(database).certificates
    assert [*found] == sorted(read, key=lambda life: life.not_after)
    assert [life.seen.credential for life in found] == [None, None, "warehouse", "billing"]
    assert [life.seen.is_readable for life in found] == [True, False, True, True]
    counts = {(mine, state): number for (mine, state, _), number in production(database).counts.items()}
    assert counts == {(False, "unreadable"): 1, (True, str(found[2].state)): 1, (True, "ok"): 1}
    urgent = {urgency: number for (_, _, urgency), number in production(database).counts.items() if urgency}
    assert sum(urgent.values()) == sum(life.urgency is not None for life in found if life.seen.org == "production")


def test_a_revocation_is_shown_at_once_of_an_org_that_is_kept(database: Database) -> None:
    record_sightings(database, [sighting("production", "Billing", NOW + DAY)], NOW)
    read = reading(database)
    assert not read.overview().certificates[0].is_revoked
    revoke(Journal(database), NOW, "billing")
    assert read.overview().certificates[0].is_revoked


def test_of_an_audit_it_shows_what_is_asked_still(database: Database) -> None:
    by_name = {each.name: each for each in CHECKS}
    about = [("key-age", "billing"), ("key-age", "warehouse"), ("key-age", "support"), ("management-key", None)]
    results = [
        Result(check=by_name[check], org="production", credential=credential, verdict=Verdict.FINDING, seen="So.")
        for check, credential in about
    ]
    AuditFindings(database).put("production", results, NOW)
    done = AttemptRecord("audit", "production").succeeded(NOW)
    AttemptRecords(database).put(done)
    revoke(Journal(database), NOW, "warehouse")
    org = production(database)
    assert org.audit == done
    assert {(each.check, each.credential) for each in org.audited} == {("key-age", "billing"), ("management-key", None)}


def test_a_rotation_is_shown_with_its_own_steps(database: Database) -> None:
    first = rotate(database, "billing", at=NOW - 2 * DAY, old=OLD, new=NEW)
    second = rotate(database, "warehouse", at=NOW - DAY, gap=None)
    details = reading(database).rotation(first)
    assert details
    assert details.rotation.id == first
    assert {each.rotation_id for each in details.events} == {first}
    rotations = shown(database).rotations
    assert [each.id for each in rotations.newest] == [second, first]
    assert rotations.last_gaps == {"billing": 4.2}


def test_no_more_rotations_are_shown_than_a_page_has_room_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "NEWEST", 1)
    for credential in ("billing", "warehouse"):
        rotate(database, credential, at=NOW - DAY)
    assert len(shown(database).rotations.newest) == 1


def test_a_certificate_is_shown_with_where_it_was_seen_and_what_brought_and_replaced_it(database: Database) -> None:
    brought = rotate(database, "billing", at=NOW - 2 * DAY, old=OLD, new=NEW)
    replaced = rotate(database, "billing", at=NOW - DAY, old=NEW, new=fingerprint_of("newer"))
    read = reading(database)
    unseen = read.certificate(NEW)
    assert unseen
    assert (unseen.places, unseen.last_seen) == ((), None)
    assert [each.id for each in unseen.brought] == [brought]
    assert [each.id for each in unseen.replaced] == [replaced]
    alone = sighting("production", "Other", NOW + DAY)
    record_sightings(database, [alone], NOW)
    seen = read.certificate(alone.fingerprint)
    assert seen
    assert ([each.app for each in seen.places], seen.last_seen, seen.brought) == (["Other"], NOW, ())


def test_what_presses_most_comes_first_and_then_the_newest(database: Database) -> None:
    alerts = AlertRecords(database)
    alerts.open(warning("soon", not_after=NOW + DAY), NOW)
    alerts.open(warning("later", not_after=NOW + 9 * DAY), NOW + DAY)
    alerts.open(warning("older"), NOW)
    alerts.open(warning("newer"), NOW + DAY)
    assert [each.key for each in shown(database).alerts] == ["newer", "older", "soon", "later"]


def test_of_each_channel_it_shows_what_it_has_not_accepted(database: Database) -> None:
    alert, _ = AlertRecords(database).open(warning("soon"), NOW)
    with database.writing() as connection:
        Outbox(Within(connection)).add(alert.id, OPENED, "on-call", NOW)
    attempt = failing("deliver", "on-call")
    AttemptRecords(database).put(attempt)
    first, second = shown(database).channels
    assert (first.name, first.kind, first.pending, first.attempt) == (
        "crm-team",
        "slack",
        0,
        AttemptRecord("deliver", "crm-team"),
    )
    assert (second.name, second.pending, second.attempt) == ("on-call", 1, attempt)
    assert reading(database).readiness().channels == (first, second)


def test_whether_all_is_there_follows_from_inventories_stores_and_machines(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    machines = MachinesShown(None, "The role may not read them.")

    def shows(*of: object) -> MachinesShown:
        asked.append(of)
        return machines

    monkeypatch.setattr(reader, "shown_machines", shows)
    read = reading(database)
    attempts = AttemptRecords(database)
    attempts.put(AttemptRecord("look", "production").succeeded(NOW))
    AlertRecords(database).open(warning("store:keys", "store"), NOW)
    AlertRecords(database).open(warning("soon"), NOW)
    ready = read.readiness()
    assert [each.name for each in ready.inventories] == ["emea", "production"]
    assert [each.key for each in ready.stores] == ["store:keys"]
    assert ready.machines is read.overview().machines is machines
    assert isinstance(asked[0][1], Within), "in the transaction that reads the rest"
    attempts.put(AttemptRecord("look", "emea").succeeded(NOW + DAY))
    AlertRecords(database).close("store:keys", "", NOW)
    ready = read.readiness()
    assert ([each.name for each in ready.inventories], ready.stores) == (["production", "emea"], ())


def test_a_configuration_that_is_read_again_counts_at_once(database: Database) -> None:
    settings = [SETTINGS]
    read = HistoryReader(lambda: settings[0], database, lambda: NOW)
    AlertRecords(database).open(warning("store:keys", "store"), NOW)
    AlertRecords(database).open(warning("org:emea", "org"), NOW)
    assert len(read.readiness().inventories) == len(read.overview().alerts) == 2
    assert len(read.readiness().stores) == 1
    settings[0] = settings_of(("production",)).model_copy(update={"stores": {}})
    assert len(read.readiness().inventories) == 1
    assert (read.overview().alerts, read.readiness().stores) == ((), ())


def test_what_a_consumer_says_is_noted_where_it_is_named(database: Database) -> None:
    read = reading(database)
    assert read.note_report("billing", ToldReport("batch", NEW, NOW))
    assert not read.note_report("billing", ToldReport("guest", NEW, NOW))
    assert not read.note_report("nobody", ToldReport("batch", NEW, NOW))
    noted = ConsumerReports(database).all()
    assert [(name, [each.consumer for each in told]) for name, told in noted.items()] == [("billing", ["batch"])]


class TestForAPerson:
    """Where a person is needed, that is shown whether or not an alert tells of it yet."""

    def halted(self, database: Database) -> Overview:
        observe(database, "billing", sighting("production", "Billing", NOW + 90 * DAY))
        told: dict[str, Any] = {"error": "Somebody changed it.", "hint": "Look.", "needs_person": True, "actor": "alex"}
        Journal(database).record("stopped", now=NOW, credential="billing", rotation_id=begin(database), **told)
        return shown(database)

    def test_a_halt_is_mentioned_by_any_alert_of_it(self, database: Database) -> None:
        assert [each.credential for each in self.halted(database).unmentioned] == ["billing"]
        AlertRecords(database).open(warning("rotation:billing", "rotation"), NOW)
        found = shown(database)
        assert found.credentials[0].state is CredentialState.HALTED
        assert found.unmentioned == ()

    def test_that_consumers_are_refused_is_mentioned_by_an_alert_that_says_so(self, database: Database) -> None:
        AlertRecords(database).open(warning("rotation:billing", "rotation"), NOW)

        def unmentioned() -> list[str]:
            found = self.halted(database)
            refused, *others = found.credentials
            refused = replace(refused, life=replace(refused.life, refused_since=NOW))
            return [each.credential for each in replace(found, credentials=(refused, *others)).unmentioned]

        assert unmentioned() == ["billing"]
        AlertRecords(database).open(warning("rotation:billing", "rotation", refused_since=NOW), NOW)
        assert unmentioned() == []

    def test_what_cannot_succeed_before_a_person_acts_is_shown_whoever_tried_it(self, database: Database) -> None:
        attempts = AttemptRecords(database)
        attempts.put(replace(failing("deliver", "on-call"), needs_attention=True))
        found = self.halted(database)
        billing, *others = found.credentials
        needing = replace(billing, life=replace(billing.life, needs_attention=True))
        found = replace(found, credentials=(needing, *others))
        assert found.needs_attention == [("deliver", "on-call"), ("rotate", "billing")]

    def test_when_something_is_tried_again_is_shown(self, database: Database) -> None:
        rotating, looking = failing("rotate", "billing"), failing("look", "emea")
        begin(database)
        observe(database, "billing", sighting("production", "Billing", NOW + 90 * DAY))
        observe(database, "warehouse", sighting("production", "Warehouse", NOW + 90 * DAY))
        for each in (rotating, looking):
            AttemptRecords(database).put(each)
        found = shown(database)
        assert found.tried_again_at(looking) == looking.next_at
        goes_on_at = found.credentials[0].life.goes_on_at
        assert found.tried_again_at(rotating) == goes_on_at is not None
        begins = found.credentials[1].life.begins
        assert begins
        assert found.tried_again_at(failing("rotate", "warehouse")) == begins.at
        assert found.tried_again_at(failing("rotate", "support")) is None, "it was never seen"
        assert found.tried_again_at(failing("rotate", "gone")) is None

    def test_how_a_rotation_ended_or_stands_is_shown(self, database: Database) -> None:
        ended = rotate(database, "warehouse", at=NOW - DAY, outcome="reverted")
        found = self.halted(database)
        halted, former = found.rotations.newest
        assert (former.id, found.ending_of(former)) == (ended, "reverted")
        assert found.ending_of(halted) == "halted"
        unknown = replace(halted, credential="gone")
        assert (found.ending_of(unknown), found.gap_open_since(unknown)) == ("unfinished", None)
        assert found.ending_of(replace(former, credential="gone")) == "reverted"
