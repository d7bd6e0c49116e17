"""An alert goes on as the trouble that it turns out to be, keeps its certificate's date, and tells each thing once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.actor import Actor
from rotator.core.alert import Alert
from rotator.core.severity import Severity
from rotator.errors import OrgError
from rotator.history.alerts.outbox import OPENED
from rotator.services.alerting import catalog, drift_alerts, rotation_alerts
from rotator.services.alerting.details import details_of
from rotator.services.alerting.posture_alerts import check_of
from rotator.services.alerting.rules import is_told_of_versions
from tests.unit.services.alerting.every_kind import DAY, NOW, alerts_of, tried
from tests.unit.services.alerting.test_rules_credentials import observed, version
from tests.unit.services.alerting_bench import bench, holds, settings_with

if TYPE_CHECKING:
    from rotator.history.engine.database import Database
    from tests.unit.services.alerting_bench import AlertingBench

ERROR: Final = OrgError("The org answered no.", hint="Unlock the user.")
HELD: Final = holds("Billing", 5)
FAILED: Final = rotation_alerts.failed(tried("billing"), "production", ERROR)


@pytest.fixture
def at(database: Database) -> AlertingBench:
    """A certificate of a managed credential that expires in five days, which is told."""
    made = bench(database)
    observed(database, HELD, current=version(HELD))
    made.sees([HELD], NOW)
    made.tell(["ops"])
    return made


def test_that_a_certificate_expires_goes_on_as_why_it_was_not_replaced(at: AlertingBench) -> None:
    before = at.newest()
    alert = at.alerting.problem(replace(FAILED, app=None, type=None), NOW)
    assert (alert.id, alert.key, alert.kind) == (before.id, "rotation:billing", "rotation")
    assert (alert.not_after, alert.fingerprint) == (HELD.not_after, HELD.fingerprint)
    assert (alert.app, alert.type) == ("Billing", "ConnectedApp")
    assert alert.severity is before.severity is Severity.WARNING
    assert [*at.open()] == ["rotation:billing"]
    assert at.owed()["ops"][-1] == "rotation"


def test_of_the_trouble_and_the_date_what_matters_more_counts(at: AlertingBench) -> None:
    halted = rotation_alerts.halted(tried("billing"), "production", "It stands.", "Look.")
    alert = at.alerting.problem(halted, NOW)
    assert (alert.severity, alert.not_after) == (Severity.CRITICAL, HELD.not_after)
    later = at.alerting.problem(FAILED, NOW + 4.5 * DAY)
    assert (later.severity, later.not_after) == (Severity.CRITICAL, HELD.not_after)


@pytest.mark.parametrize(
    "new",
    [
        catalog.unreadable("production", "ConnectedApp", "Billing", ERROR),
        replace(FAILED, key="rotation:other", credential="other"),
        drift_alerts.drift("billing", "production", "Billing", "b" * 64),
    ],
)
def test_another_trouble_stands_beside_it(at: AlertingBench, new: object) -> None:
    before = at.newest()
    alert = at.alerting.problem(new, NOW)  # type: ignore[arg-type]
    assert alert.id != before.id
    assert len(at.open()) == 2


def test_the_next_threshold_of_an_open_alert_is_known(at: AlertingBench, database: Database) -> None:
    alert = at.newest()
    assert at.alerting.next_at(alert, NOW) == NOW + 2 * DAY, "three days before"
    assert at.alerting.next_at(replace(alert, closed_at=NOW), NOW) is None
    assert at.alerting.next_at(replace(alert, not_after=None), NOW) is None
    assert at.alerting.next_at(alert, NOW + 6 * DAY) is None
    settings = settings_with("ops: {}")
    [details] = details_of([alert], settings, database, NOW)
    assert (details.next_at, details.delivered_to, details.pending_for) == (NOW + 2 * DAY, ["ops"], [])
    taken = at.alerts.acknowledge(alert.id, actor=Actor("Robin"), reason="Mine.", now=NOW)
    assert taken
    [details] = details_of([at.newest()], settings, database, NOW)
    assert details.next_at is None


def test_the_next_threshold_is_also_one_at_which_a_single_channel_is_told(
    at: AlertingBench, database: Database
) -> None:
    duty = bench(database, "ops: {}\nduty: {within: 4d}")
    assert duty.alerting.next_at(at.newest(), NOW) == NOW + DAY, "four days before"


def test_of_what_a_channel_did_not_accept_it_is_shown_why(at: AlertingBench, database: Database) -> None:
    alert = at.alerting.problem(drift_alerts.drift("billing", "production", "Billing", "b" * 64), NOW)
    [notification] = at.outbox.notifications(alert.id)
    [details] = details_of([alert], settings_with("ops: {}"), database, NOW)
    assert (details.delivered_to, details.pending_for, details.problems) == ([], ["ops"], {})
    refused = replace(details, notifications=(replace(notification, problem="No such token."),))
    assert refused.problems == {"ops": "No such token."}
    told = replace(refused, notifications=(replace(refused.notifications[0], delivered_at=NOW),))
    assert (told.delivered_to, told.pending_for, told.problems) == (["ops"], [], {})


@pytest.mark.parametrize("was_told", [True, False])
def test_what_has_ended_by_something_is_told_as_its_end_or_by_itself(at: AlertingBench, was_told: bool) -> None:
    rotated = next(each for each in alerts_of(ERROR) if each.kind == "rotated")
    trouble = at.alerting.problem(FAILED, NOW) if was_told else None
    at.alerting.mended(["rotation:billing"], rotated, NOW)
    told = {alert.kind for alert in at.alerts.all(10)}
    assert ("rotated" in told) is not was_told
    if trouble:
        assert next(each for each in at.alerts.all(10) if each.id == trouble.id).closed_why == rotated.text
        return
    assert at.owed(rotated.key) == {"ops": [OPENED]}


def test_whether_people_know_that_a_version_cannot_be_read_is_known_by_the_credential(at: AlertingBench) -> None:
    assert not is_told_of_versions(at.alerts, "billing")
    at.alerting.problem(catalog.unreadable("production", "ConnectedApp", "billing", ERROR), NOW)
    assert not is_told_of_versions(at.alerts, "billing")
    at.alerting.problem(catalog.unreadable_stored("billing", "production", "keys", ERROR), NOW)
    assert is_told_of_versions(at.alerts, "billing")
    assert not is_told_of_versions(at.alerts, "bill")


def test_the_check_of_an_alert_is_in_its_key() -> None:
    for alert in alerts_of(ERROR):
        if alert.kind == "posture":
            told = Alert(**vars(alert), id="20261123-7f3k9qzm", opened_at=NOW)
            assert check_of(told) == alert.facts["Check"]
