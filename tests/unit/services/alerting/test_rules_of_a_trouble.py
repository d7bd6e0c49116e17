"""What a trouble comes to is told in its thread, each once, and it ends by what has ended it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.actor import Actor
from rotator.core.severity import Severity
from rotator.errors import OrgError
from rotator.history.alerts.outbox import OPENED
from rotator.history.journal.journal import Journal
from rotator.history.records import NewRotation
from rotator.services.alerting import catalog, drift_alerts, rotation_alerts
from tests.unit.revoked import revoke
from tests.unit.services.alerting.every_kind import tried
from tests.unit.services.alerting.test_rules_credentials import observed, version
from tests.unit.services.alerting_bench import APPS, DAY, NOW, bench, holds

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.alert import NewAlert
    from rotator.core.observed import ObservedCertificate
    from rotator.history.engine.database import Database
    from tests.unit.services.alerting_bench import AlertingBench

ERROR: Final = OrgError("The org answered no.", hint="Unlock the user.")
FAILED: Final = rotation_alerts.failed(tried("billing"), "production", ERROR)
HALTED: Final = rotation_alerts.halted(tried("billing"), "production", "It stands.", "Look.")
REFUSED: Final = rotation_alerts.refused(tried("billing"), "production", NOW - DAY, "It stands.", "Look.")
DRIFT: Final = drift_alerts.drift("billing", "production", "Billing", "b" * 64)
REVOKED_WHY: Final = "billing was revoked: nobody is to log in by it."
ROTATION: Final = NewRotation(
    credential="billing", org="production", strategy="in_place", trigger="manual", actor="alex"
)


@pytest.fixture
def at(database: Database) -> AlertingBench:
    return bench(database)


def managed(at: AlertingBench, database: Database, days: float) -> ObservedCertificate:
    """A certificate of billing that stands in its store and that was looked at now."""
    held = holds("Billing", days)
    observed(database, held, current=version(held))
    at.sees([held], NOW)
    return held


def test_that_consumers_are_refused_and_log_in_again_is_told_with_the_time(at: AlertingBench) -> None:
    for new in (FAILED, REFUSED, REFUSED):
        at.alerting.problem(new, NOW)
    assert at.owed() == {"ops": [OPENED, "refused since 2026-11-22 12:00"]}
    for _ in range(2):
        at.alerting.problem(HALTED, NOW + DAY)
    assert at.owed() == {"ops": [OPENED, "refused since 2026-11-22 12:00", "accepted again 2026-11-24 12:00"]}


def test_who_has_taken_it_on_hears_that_consumers_are_refused_and_of_nothing_less(at: AlertingBench) -> None:
    alert = at.alerting.problem(FAILED, NOW)
    at.tell(["ops"])
    at.alerts.acknowledge(alert.id, actor=Actor("ada"), reason="ordered", now=NOW)
    at.alerting.problem(HALTED, NOW)
    assert at.owed() == {"ops": [OPENED]}
    at.alerting.problem(REFUSED, NOW)
    assert at.owed() == {"ops": [OPENED, "refused since 2026-11-22 12:00"]}


@pytest.mark.parametrize("has_ended", [True, False])
def test_that_a_key_was_proven_since_is_told_beside_all_else_that_is_new(
    at: AlertingBench, database: Database, has_ended: bool
) -> None:
    rotation = Journal(database).begin_rotation(ROTATION, NOW)
    if has_ended:
        Journal(database).finish_rotation(rotation.id, outcome="rotated", now=NOW)
    at.sees([holds("Legacy", 59)], NOW - DAY)
    refused = at.alerting.problem(REFUSED, NOW)
    at.alerting.evaluate(NOW + 30 * DAY)
    assert at.owed("expiry") == {"ops": ["60d", "30d"]}
    at.alerting.evaluate(NOW + 31 * DAY)
    known = at.alerts.get(refused.id)
    assert (known.kind, known.severity, known.refused_since) == ("accepted", Severity.WARNING, None)
    assert ("its rotation has not ended" in known.title) is not has_ended
    assert at.owed(refused.key) == {"ops": [OPENED, "accepted again 2026-12-23 12:00"]}


def test_while_no_key_was_proven_consumers_are_told_of_as_refused(at: AlertingBench, database: Database) -> None:
    rotation = Journal(database).begin_rotation(ROTATION, NOW)
    Journal(database).record(
        "upload_begins", now=NOW, credential="billing", rotation_id=rotation.id, opens_gap=True, app="Billing"
    )
    assert Journal(database).credential_record("billing").refused_since == NOW
    refused = at.alerting.problem(REFUSED, NOW)
    at.alerting.evaluate(NOW + DAY)
    assert at.alerts.get(refused.id) == refused


def test_a_new_channel_is_told_of_everything_that_is_open(at: AlertingBench, database: Database) -> None:
    for new in (FAILED, DRIFT, catalog.unstored("other", "production")):
        at.alerting.problem(replace(new, credential="billing"), NOW)
    more = bench(database, "ops: {}\nnew: {}")
    more.alerting.evaluate(NOW)
    assert more.owed() == {"ops": [OPENED] * 3, "new": [OPENED] * 3}


def test_what_was_wrong_ends_with_the_reason_that_is_known(at: AlertingBench) -> None:
    at.alerting.problem(FAILED, NOW)
    ended = at.alerting.solved(FAILED.key, "Somebody has seen to it.", NOW + DAY)
    assert ended
    assert ended.closed_why == "Somebody has seen to it."


@pytest.mark.parametrize(
    ("new", "opened_at", "why"),
    [
        (FAILED, NOW - DAY, REVOKED_WHY),
        (DRIFT, NOW, REVOKED_WHY),
        (FAILED, NOW + DAY, "Seen to."),
        (catalog.unreadable_stored("billing", "production", "keys", ERROR), NOW - DAY, "Seen to."),
        (replace(FAILED, credential=None), NOW - DAY, "Seen to."),
        (replace(FAILED, credential="other"), NOW - DAY, "Seen to."),
    ],
)
def test_a_revocation_ends_what_was_wrong_with_logins_before_it_and_nothing_else(
    at: AlertingBench, database: Database, new: NewAlert, opened_at: datetime, why: str
) -> None:
    at.alerting.problem(new, opened_at)
    revoke(Journal(database), NOW)
    ended = at.alerting.solved(new.key, "Seen to.", NOW + 2 * DAY)
    assert ended
    assert ended.closed_why == why


def test_a_threshold_is_told_in_the_thread_of_why_the_certificate_was_not_replaced(
    at: AlertingBench, database: Database
) -> None:
    trouble = at.alerting.problem(replace(FAILED, app=None, type=None), NOW)
    held = managed(at, database, 2)
    [alert] = at.alerts.open_alerts()
    assert (alert.id, alert.kind, alert.severity) == (trouble.id, "rotation", Severity.CRITICAL)
    assert (alert.app, alert.type) == (held.app, held.type)
    assert (alert.fingerprint, alert.not_after) == (held.fingerprint, held.not_after)
    assert at.owed() == {"ops": [OPENED, "14d", "7d", "3d"]}


def test_that_there_is_time_still_makes_no_trouble_less_urgent(at: AlertingBench, database: Database) -> None:
    at.alerting.problem(HALTED, NOW)
    managed(at, database, 10)
    [alert] = at.alerts.open_alerts()
    assert (alert.kind, alert.severity) == ("halted", Severity.CRITICAL)


def test_a_certificate_that_no_rotation_replaces_expires_beside_the_trouble(
    at: AlertingBench, database: Database
) -> None:
    by_hand = holds("Billing", 2)
    observed(database, by_hand, current=version(holds("Billing", 300, "b")))
    at.alerting.problem(FAILED, NOW)
    at.sees([by_hand], NOW)
    assert {alert.kind for alert in at.alerts.open_alerts()} == {"expiry", "rotation"}


@pytest.mark.parametrize(("days", "severity"), [(2, Severity.CRITICAL), (10, Severity.WARNING), (100, Severity.INFO)])
def test_a_trouble_is_as_urgent_as_the_last_threshold_that_its_certificate_has_crossed(
    at: AlertingBench, database: Database, days: float, severity: Severity
) -> None:
    held = managed(at, database, 2)
    failed = replace(FAILED, severity=Severity.INFO)
    assert held.not_after
    alert = at.alerting.problem(failed, held.not_after - days * DAY)
    assert (alert.kind, alert.severity, alert.not_after) == ("rotation", severity, held.not_after)


def test_an_inventory_ends_what_is_told_of_certificates_and_nothing_else(at: AlertingBench) -> None:
    at.sees([holds("Elsewhere", 5, org="sandbox"), holds("Legacy", 5), holds("Old", 5)], NOW)
    for new in (DRIFT, catalog.unreadable("production", APPS[1], "Gone", ERROR)):
        at.alerting.problem(new, NOW)
    at.sees([], NOW, whole=[APPS])
    assert sorted(alert.kind for alert in at.alerts.open_alerts()) == ["drift", "expiry", "unreadable"]
    assert at.alerts.open_alerts(kind="expiry")[0].org == "sandbox"


def test_what_goes_on_in_one_place_keeps_nothing_open_in_another(at: AlertingBench) -> None:
    at.sees([holds("Signing", 6, type="Certificate")], NOW - DAY)
    at.sees([holds("Legacy", 5)], NOW)
    at.sees([], NOW, whole=[APPS])
    assert [alert.app for alert in at.alerts.open_alerts()] == ["Signing"]
