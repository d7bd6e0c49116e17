"""What is shown is gathered from the history, and agrees with what people are told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.actor import Actor
from rotator.core.alert import NewAlert
from rotator.core.attempts import AttemptBackOff, AttemptRecord
from rotator.core.credentials import Stage
from rotator.core.crypto.names import THROWAWAY_SUBJECT
from rotator.core.decision.options import RotationOptions
from rotator.core.lifecycle.states import CertificateState, CredentialState
from rotator.core.observed import ObservedApp, ObservedCertificate, ObservedCredential
from rotator.core.schedule import Beginning
from rotator.core.severity import Severity
from rotator.errors import OrgUnavailable
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.attempt_records import AttemptRecords
from rotator.history.journal.journal import Journal
from rotator.history.last_observations import LastObservations
from rotator.history.records import NewRotation
from rotator.history.sightings import last_sightings, record_sightings
from rotator.services.alerting.catalog import unreadable_org, unreadable_store, unstored
from rotator.services.alerting.kinds import DELIVERY, ROTATION, key
from rotator.services.reporting.reader import HistoryReader
from tests.unit.services.alerting.every_kind import tried
from tests.unit.web.scene import DAY, FOREVER, NOW, fingerprint_of, observe, rotate, settings_of, sighting

if TYPE_CHECKING:
    from rotator.config.settings import Settings
    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.history.engine.database import Database
    from rotator.services.reporting.overview import Overview

OLD, NEW = fingerprint_of("old"), fingerprint_of("new")
PAIR = {"warehouse": {"org": "production", "apps": ["Warehouse_A", "Warehouse_B"]}}
ONE = {"billing": {"org": "production", "apps": ["Billing"]}}


def overview(database: Database, settings: Settings | None = None) -> Overview:
    return HistoryReader(lambda: settings or settings_of(), database, lambda: NOW).overview()


def lives(found: Overview) -> dict[str, CertificateLife]:
    return {life.seen.app: life for life in found.certificates}


def test_a_history_without_a_look_is_an_overview_of_nothing(database: Database) -> None:
    found = overview(database, settings_of(credentials=ONE))
    assert [*found.certificates, *found.alerts, *found.troubles, *found.rotations.newest] == []
    assert not found.orgs[0].is_readable
    assert found.orgs[0].inventory.last_at is None
    assert (found.credentials[0].state, found.credentials[0].why_unknown) == (
        CredentialState.UNKNOWN, "It was not observed yet.",
    )  # fmt: skip


def test_only_what_is_there_still_is_shown(database: Database) -> None:
    seen = [sighting("production", app, NOW + 90 * DAY) for app in ("Billing", "Gone")]
    record_sightings(database, seen, NOW - DAY)
    gone = [each for each in last_sightings(database) if each.app == "Gone"]
    replaced = sighting("production", "Billing", NOW + 365 * DAY)
    elsewhere = sighting("no longer configured", "Other", NOW + DAY)
    record_sightings(database, [replaced, elsewhere], NOW, gone=gone)
    found = overview(database)
    assert [(life.seen.app, life.seen.fingerprint) for life in found.certificates] == [
        ("Billing", replaced.fingerprint)
    ]


def test_apps_without_a_certificate_are_counted_and_have_no_line(database: Database) -> None:
    bare = ObservedCertificate(org="production", app="Bare")
    record_sightings(database, [bare, sighting("production", "Billing", NOW + 5 * DAY)], NOW)
    org = overview(database).orgs[0]
    assert (org.apps, org.certificates, org.urgent, org.soonest) == (2, 1, 1, NOW + 5 * DAY)


def test_a_certificate_of_which_only_the_date_is_known_has_a_line(database: Database) -> None:
    bare = ObservedCertificate(
        org="production", app="SelfSigned", type="Certificate", not_after=NOW + DAY, key_bits=2048
    )
    record_sightings(database, [bare], NOW)
    life = lives(overview(database))["SelfSigned"]
    assert (life.seen.fingerprint, life.urgency, life.seen.not_before) == ("", Severity.CRITICAL, None)


def test_an_app_is_its_credentials_whatever_the_case_of_its_name(database: Database) -> None:
    saml = sighting("production", "Billing", NOW + DAY, type_="SamlSsoConfig")
    record_sightings(database, [sighting("production", "BILLING", NOW + 365 * DAY), saml], NOW)
    found = lives(overview(database, settings_of(credentials=ONE)))
    assert (found["BILLING"].seen.credential, found["Billing"].seen.credential) == ("billing", None)


@pytest.fixture
def taken_turns(database: Database) -> Database:
    """A pair of apps: the new version is live on B, the old one still on A."""
    standby = sighting("production", "Warehouse_A", NOW + 2 * DAY, fingerprint=OLD)
    current = sighting("production", "Warehouse_B", NOW + 360 * DAY, fingerprint=NEW)
    record_sightings(database, [standby, current], NOW)
    observe(database, "warehouse", current, standby, previous=standby, promoted_at=NOW - 2 * DAY)
    looked_at(database)
    return database


def looked_at(database: Database) -> None:
    AttemptRecords(database).put(AttemptRecord("look", "production").succeeded(NOW))


def test_of_a_pair_of_apps_the_one_whose_turn_it_is_not_is_nobodys_business(taken_turns: Database) -> None:
    found = overview(taken_turns, settings_of(credentials=PAIR))
    standby, current = lives(found)["Warehouse_A"], lives(found)["Warehouse_B"]
    assert (standby.state, standby.seen.stage, standby.due_at) == (CertificateState.RESTING, Stage.PREVIOUS, None)
    assert (current.state, current.seen.stage, current.due_at) == (
        CertificateState.OK, Stage.CURRENT, NOW + 330 * DAY,
    )  # fmt: skip
    assert found.cared_for == (current,)
    assert found.orgs[0].soonest == NOW + 360 * DAY
    assert (found.credentials[0].state, found.credentials[0].fingerprint) == (CredentialState.OK, NEW)


def test_the_previous_version_is_kept_for_its_grace(taken_turns: Database) -> None:
    (line,) = overview(taken_turns, settings_of(credentials=PAIR)).credentials
    assert line.life.previous_until == NOW + 5 * DAY


def test_a_previous_version_that_goes_at_once_has_no_grace(taken_turns: Database) -> None:
    at_once = NewRotation(
        credential="warehouse", org="production", strategy="alternating", trigger="manual", actor="alex",
        options=RotationOptions(retire_now=True),
    )  # fmt: skip
    Journal(taken_turns).begin_rotation(at_once, NOW)
    (line,) = overview(taken_turns, settings_of(credentials=PAIR)).credentials
    assert line.life.previous_until is None


def test_what_was_brought_back_has_its_next_rotation_when_its_grace_is_over(database: Database) -> None:
    back = sighting("production", "Billing", NOW + 20 * DAY)
    newer = sighting("production", "Billing", NOW + 300 * DAY)
    record_sightings(database, [back], NOW)
    observe(database, "billing", back, previous=newer, promoted_at=NOW - 2 * DAY)
    looked_at(database)
    (line,) = overview(database, settings_of(credentials=ONE)).credentials
    assert line.state is CredentialState.DEFERRED
    assert line.life.begins
    assert line.life.due_at == line.life.begins.at == line.life.previous_until == NOW + 5 * DAY


def test_a_certificate_that_ended_an_old_key_is_nobodys_business(database: Database) -> None:
    thrown = sighting("production", "Warehouse_A", NOW - DAY, subject=THROWAWAY_SUBJECT)
    record_sightings(database, [thrown], NOW)
    assert overview(database).cared_for == ()


def test_a_look_that_fails_leaves_the_dates_and_makes_the_state_unknown(taken_turns: Database) -> None:
    AttemptRecords(taken_turns).put(failed("look", "production"))
    (line,) = overview(taken_turns, settings_of(credentials=PAIR)).credentials
    assert (line.state, line.why_unknown) == (CredentialState.UNKNOWN, "It cannot.")
    assert line.life.not_after == NOW + 360 * DAY


def test_what_is_not_in_its_store_has_no_next_rotation(database: Database) -> None:
    held = sighting("production", "Billing", NOW + 10 * DAY)
    record_sightings(database, [held], NOW)
    seen = ObservedCredential({"Billing": ObservedApp.of("Billing", held)})
    LastObservations(database).put("billing", seen, NOW, NOW)
    looked_at(database)
    found = overview(database, settings_of(credentials=ONE))
    (line,) = found.credentials
    assert (line.state, line.life.due_at, line.life.begins) == (CredentialState.UNSTORED, None, None)
    assert line.life.not_after == NOW + 10 * DAY
    assert lives(found)["Billing"].due_at is None, "nobody replaces it"


def test_of_a_pair_that_was_never_looked_at_nobody_knows_which_is_in_use(database: Database) -> None:
    record_sightings(database, [sighting("production", "Warehouse_A", NOW + 60 * DAY)], NOW)
    found = overview(database, settings_of(credentials=PAIR))
    assert found.credentials[0].current is None
    assert lives(found)["Warehouse_A"].state is CertificateState.UNREADABLE


@pytest.mark.parametrize(
    ("left", "window", "begins", "overrides"),
    [
        (60, [], 30, False),
        (60, [{"cron": "0 12 30 12 *", "lasts": "2h"}], 37, False),
        (20, [{"cron": "0 12 30 11 *", "lasts": "2h"}], 7, False),
        (5, [{"cron": "0 12 30 11 *", "lasts": "2h"}], 0, True),
    ],
)
def test_a_rotation_begins_when_it_is_due_and_a_window_opens(
    database: Database, left: int, window: list[Any], begins: int, *, overrides: bool
) -> None:
    observe(database, "billing", sighting("production", "Billing", NOW + left * DAY))
    settings = settings_of(credentials={"billing": ONE["billing"] | {"windows": window}})
    (line,) = overview(database, settings).credentials
    assert line.life.begins == Beginning(NOW + begins * DAY, overrides=overrides)


def test_year_9999_has_a_window_too(database: Database) -> None:
    observe(database, "billing", sighting("production", "Billing", FOREVER))
    windows = [{"days": ["sat"], "since": "02:00", "until": "05:00"}, {"cron": "0 2 * * sat", "lasts": "1h"}]
    settings = settings_of(credentials={"billing": ONE["billing"] | {"windows": windows}})
    assert overview(database, settings).credentials[0].life.begins is not None


def failed(kind: str, name: str) -> AttemptRecord:
    back_off = AttemptBackOff(attention_after=1)
    return AttemptRecord(kind, name).failed(NOW, back_off, problem="It cannot.", hint="Mend it.", lasting=True)


def test_what_needs_a_person_is_shown_once(database: Database) -> None:
    settings = settings_of(credentials=ONE, channels=("crm-team",))
    for kind, name in (("rotate", "billing"), ("deliver", "crm-team"), ("look", "production")):
        AttemptRecords(database).put(failed(kind, name))
    assert [attempt.kind for attempt in overview(database, settings).untold] == ["deliver", "look", "rotate"]
    AlertRecords(database).open(unreadable_org(failed("look", "production"), OrgUnavailable("It cannot.")), NOW)
    for kind, name in ((ROTATION, "billing"), (DELIVERY, "crm-team")):
        told = NewAlert(key=key(kind, name), kind=kind, severity=Severity.WARNING, title="It failed", text="Why.")
        AlertRecords(database).open(told, NOW)
    found = overview(database, settings)
    assert found.untold == ()
    assert [attempt.kind for attempt in found.troubles] == ["deliver", "look", "rotate"]


@pytest.mark.parametrize("kind", ["rotate", "look", "deliver", "store"])
def test_what_is_no_longer_configured_troubles_nobody(database: Database, kind: str) -> None:
    AttemptRecords(database).put(failed(kind, "gone"))
    assert (overview(database).troubles, overview(database).untold) == ((), ())


def test_alerts_of_what_is_no_longer_configured_are_shown_to_nobody(database: Database) -> None:
    refused = OrgUnavailable("Away.", hint="Wait.")
    for new in (
        unstored("gone", "production"),
        unreadable_org(tried("gone"), refused),
        unreadable_store("gone", refused, tried("gone")),
        NewAlert(key=key(DELIVERY, "gone"), kind=DELIVERY, severity=Severity.WARNING, title="No", text="No."),
    ):
        AlertRecords(database).open(new, NOW)
    assert overview(database).alerts == ()


def test_the_most_severe_alerts_come_first_and_those_taken_on_do_not_press(database: Database) -> None:
    alerts = AlertRecords(database)
    for severity in (Severity.WARNING, Severity.INFO, Severity.CRITICAL):
        new = NewAlert(key=severity, kind="expiry", severity=severity, title=severity, text="Why.")
        alerts.open(new, NOW)
    found = overview(database)
    assert [alert.key for alert in found.alerts] == ["critical", "warning", "info"]
    assert [alert.key for alert in found.pressing] == ["critical", "warning"]
    alerts.acknowledge(found.alerts[0].id, actor=Actor("Robin"), reason="Mine.", now=NOW)
    alerts.snooze(found.alerts[1].id, until=NOW + DAY, actor=Actor("Robin"), reason="Later.", now=NOW)
    assert overview(database).pressing == ()
    assert len(overview(database).alerts) == 3


def test_who_is_refused_now_comes_before_all_other_alerts(
    database: Database,
) -> None:
    alerts = AlertRecords(database)
    critical = NewAlert(key="org:uat", kind="org", severity=Severity.CRITICAL, title="Away", text="Why.")
    refused = replace(critical, key="rotation:billing", kind="refused", refused_since=NOW - DAY, not_after=NOW + DAY)
    for new in (refused, critical, replace(critical, key="org:emea")):
        alerts.open(new, NOW)
    assert overview(database).alerts[0].key == refused.key


def test_a_configuration_that_is_read_again_shows_at_once(database: Database) -> None:
    settings = [settings_of(("production",))]
    gathering = HistoryReader(lambda: settings[0], database, lambda: NOW)
    assert [org.name for org in gathering.overview().orgs] == ["production"]
    settings[0] = settings_of(("production", "emea"))
    assert [org.name for org in gathering.overview().orgs] == ["production", "emea"]


def test_what_the_history_does_not_know_is_none(database: Database) -> None:
    gathering = HistoryReader(settings_of, database, lambda: NOW)
    assert gathering.rotation("20200101-000000-aaaaaaaa") is None
    assert gathering.certificate("0" * 64) is None
    assert gathering.alert("20200101-aaaaaaaa") is None
    assert gathering.alert("") is None


def test_to_try_writing_changes_nothing(database: Database) -> None:
    rotate(database, "billing", at=NOW, old=OLD, new=NEW)
    gathering = HistoryReader(settings_of, database, lambda: NOW)
    before = gathering.rotation(overview(database).rotations.newest[0].id)
    gathering.try_writing()
    assert gathering.rotation(overview(database).rotations.newest[0].id) == before
