"""What is told of the certificates of a managed credential follows from how that was last seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.credentials import Fingerprint
from rotator.core.observed import KnownVersion, ObservedApp, ObservedCertificate, ObservedCredential
from rotator.history.alerts.outbox import CLOSED
from rotator.history.last_observations import LastObservations
from tests.unit.services.alerting_bench import APPS, DAY, NOW, bench, holds

if TYPE_CHECKING:
    from rotator.history.engine.database import Database
    from tests.unit.services.alerting_bench import AlertingBench

EXPIRY = "expiry:production/ConnectedApp/Billing"
BILLING = holds("Billing", 40)


def version(seen: ObservedCertificate) -> KnownVersion:
    assert seen.not_after
    return KnownVersion(Fingerprint(seen.fingerprint), seen.app, f"key {seen.fingerprint}", seen.not_after)


def observed(database: Database, held: ObservedCertificate, **stages: Any) -> None:
    seen = ObservedCredential({"Billing": ObservedApp.of("Billing", held)}, **stages, promoted_at=NOW - DAY)
    LastObservations(database).put("billing", seen, NOW, NOW)


@pytest.fixture
def at(database: Database) -> AlertingBench:
    return bench(database)


def test_what_is_not_in_its_store_is_rotated_by_nobody_and_told_of_from_the_first_threshold_on(
    at: AlertingBench, database: Database
) -> None:
    observed(database, BILLING)
    at.sees([BILLING], NOW)
    assert at.owed() == {"ops": ["60d"]}
    assert "`rotator adopt billing --key FILE`" in at.newest().to_do


def test_what_somebody_put_there_by_hand_is_rotated_by_nobody(at: AlertingBench, database: Database) -> None:
    observed(database, BILLING, current=version(holds("Billing", 300, "b")))
    at.sees([BILLING], NOW)
    assert at.owed() == {"ops": ["60d"]}
    assert "somebody put it there by hand" in at.newest().to_do


def test_what_was_brought_back_is_told_of_as_left_alone_for_a_while(at: AlertingBench, database: Database) -> None:
    older = holds("Billing", 10)
    observed(database, older, current=version(older), previous=version(holds("Billing", 300, "b")))
    at.sees([older], NOW)
    assert "left alone until 2026-11-29 12:00" in at.newest().meanwhile
    at.alerting.evaluate(NOW + 7 * DAY)
    assert "should have been rotated 30d before that and was not" in at.newest().text


def test_an_alert_is_over_once_the_certificate_is_rotated_by_schedule(at: AlertingBench, database: Database) -> None:
    observed(database, BILLING)
    at.sees([BILLING], NOW)
    at.tell(["ops"])
    observed(database, BILLING, current=version(BILLING))
    at.sees([BILLING], NOW + DAY, whole=[APPS])
    assert at.open() == {}
    assert at.newest().closed_why == "The rotation of billing replaces it, from 2026-12-03 on."
    assert at.owed() == {"ops": ["60d", CLOSED]}


def test_an_alert_is_not_over_because_the_clock_was_set_back(at: AlertingBench, database: Database) -> None:
    observed(database, BILLING)
    at.sees([BILLING], NOW)
    at.sees([BILLING], NOW - 100 * DAY, whole=[APPS])
    assert list(at.open()) == [EXPIRY]


def test_an_alert_is_over_when_smaller_thresholds_are_configured(database: Database) -> None:
    legacy = holds("Legacy", 50)
    bench(database).sees([legacy], NOW)
    at = bench(database, thresholds=[timedelta(days=7)])
    at.sees([legacy], NOW + DAY, whole=[APPS])
    assert at.open() == {}
    assert at.newest().closed_why == "No threshold that counts is crossed yet."


def test_nothing_is_over_while_it_cannot_be_read(at: AlertingBench, database: Database) -> None:
    observed(database, BILLING)
    at.sees([BILLING], NOW)
    at.sees([replace(BILLING, is_readable=False)], NOW + DAY, whole=[APPS])
    assert list(at.open()) == [EXPIRY]
