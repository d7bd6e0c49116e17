"""What is told beside expiry: orgs, stores, rotations, channels and the history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.credentials import Fingerprint
from rotator.core.decision.policies import Strategy
from rotator.core.severity import Severity
from rotator.errors import OrgError, OrgUnavailable
from rotator.history.alerts.outbox import CLOSED, OPENED
from rotator.services.alerting import catalog, drift_alerts, rotation_alerts, vanished_alerts
from rotator.services.alerting.rules import HICCUP
from rotator.services.rotation.gap import MeasuredGap
from rotator.services.rotation.report import Outcome, Report
from tests.unit.services.alerting.every_kind import tried
from tests.unit.services.alerting_bench import APPS, DAY, NOW, bench, bench_of, holds, settings_with

if TYPE_CHECKING:
    from rotator.core.alert import NewAlert
    from rotator.history.engine.database import Database


AWAY = OrgUnavailable("The org does not answer.", hint="Wait.")
REFUSED = OrgError("The org answered no.", effect="Nothing was changed.", hint="Unlock the user.")
FAILED = rotation_alerts.failed(tried("billing"), "production", REFUSED)
HALTED = rotation_alerts.halted(tried("billing"), "production", "The app is gone.", "Look at Setup.")


SOMEHOW_ROTATED = Report(
    credential="billing",
    strategy=Strategy.IN_PLACE,
    outcome=Outcome.ROTATED,
    why="",
    rotation_id="1",
    old_fingerprint=Fingerprint("a" * 64),
    new_fingerprint=Fingerprint("b" * 64),
    gap=MeasuredGap(NOW, NOW + timedelta(seconds=42), timedelta(seconds=42)),
    again_at=NOW + 7 * DAY,
)


class TestOtherMatters:
    def test_a_problem_is_told_once_and_so_is_its_end(self, database: Database) -> None:
        at = bench(database)
        for hour in range(3):
            at.alerting.problem(FAILED, NOW + hour * timedelta(hours=1))
        at.tell(["ops"])
        ended = at.alerting.solved("rotation:billing", "", NOW + 3 * DAY)
        assert ended
        assert ended.closed_why == "The credential was rotated, or needs no rotation any more, after 3 days."
        assert at.alerting.solved("rotation:billing", "", NOW + 3 * DAY) is None
        assert at.owed() == {"ops": [OPENED, CLOSED]}

    def test_a_problem_is_known_by_its_last_words(self, database: Database) -> None:
        at = bench(database, "ops: {}\nduty: {least: critical}")
        at.alerting.problem(FAILED, NOW)
        at.alerting.problem(HALTED, NOW + DAY)
        (alert,) = at.alerts.open_alerts()
        assert (alert.severity, alert.opened_at) == (Severity.CRITICAL, NOW)
        assert at.owed() == {"ops": [OPENED, "halted"], "duty": [OPENED, "halted"]}

    def test_what_happened_is_told_once_whatever_asks_again(self, database: Database) -> None:
        at = bench(database)
        gone = vanished_alerts.vanished("production", "ConnectedApp", "Legacy", NOW - DAY)
        assert at.alerting.happened(gone, NOW)
        assert at.alerting.happened(gone, NOW + DAY) is None
        at.alerting.evaluate(NOW + DAY)
        assert (at.owed(), at.open()) == ({"ops": [OPENED]}, {})

    def test_an_org_that_does_not_answer_once_is_no_news(self, database: Database) -> None:
        at = bench(database)
        at.alerting.problem(catalog.unreadable_org(tried("production"), AWAY), NOW, failures=1)
        at.alerting.evaluate(NOW + HICCUP / 2)
        at.alerting.solved("org:production", "", NOW + HICCUP / 2)
        assert at.owed() == {}

    @pytest.mark.parametrize(("failures", "later"), [(3, timedelta(minutes=10)), (2, HICCUP)])
    def test_an_org_that_stays_away_is_told_of_and_so_is_its_return(
        self, database: Database, failures: int, later: timedelta
    ) -> None:
        at = bench(database)
        at.alerting.problem(catalog.unreadable_org(tried("production"), AWAY), NOW, failures=1)
        at.alerting.problem(catalog.unreadable_org(tried("production"), AWAY), NOW + later, failures=failures)
        at.tell(["ops"])
        ended = at.alerting.solved("org:production", "", NOW + 3 * DAY)
        assert ended
        assert ended.closed_why == "The org can be read again, after 3 days."
        assert at.owed() == {"ops": [OPENED, CLOSED]}

    @pytest.mark.parametrize(
        "new",
        [
            catalog.unreadable_org(tried("elsewhere"), AWAY),
            catalog.unreadable_store("elsewhere", AWAY, tried("elsewhere")),
            drift_alerts.drift("elsewhere", "production", "App", None),
            catalog.unstored("billing", "elsewhere"),
        ],
    )
    def test_what_is_about_something_that_is_not_configured_any_more_is_over(
        self, database: Database, new: NewAlert
    ) -> None:
        at = bench(database)
        at.alerting.problem(new, NOW, failures=3)
        at.alerting.problem(drift_alerts.drift("billing", "production", "Billing", None), NOW)
        at.tell(["ops"])
        at.alerting.evaluate(NOW)
        assert list(at.open()) == ["drift:billing"]
        assert at.owed(new.key) == {"ops": [OPENED, CLOSED]}

    def test_a_store_in_which_no_credential_is_kept_any_more_is_nobodys_trouble(self, database: Database) -> None:
        at = bench(database)
        configured = settings_with("ops: {}")
        assert "keys" in configured.stores
        at.alerting.problem(catalog.unreadable_store("keys", AWAY, tried("keys")), NOW, failures=3)
        at.alerting.evaluate(NOW)
        assert list(at.open()) == ["store:keys"]
        bench_of(configured.model_copy(update={"credentials": {}}), database).alerting.evaluate(NOW)
        assert list(at.open()) == []

    def test_a_certificate_of_a_credential_that_is_managed_no_more_is_told_of_still(self, database: Database) -> None:
        at = bench(database)
        at.sees([holds("Old", 5, credential="retired")], NOW)
        at.alerting.evaluate(NOW)
        assert at.owed() == {"ops": ["60d", "30d", "14d", "7d"]}

    def test_a_lifetime_that_is_long_enough_by_now_is_told_of_no_more(self, database: Database) -> None:
        at = bench(database)
        held = holds("Legacy", 400, not_before=NOW - 1000 * DAY, key_bits=2048)
        at.sees([held], NOW, whole=[APPS])
        (alert,) = at.alerts.open_alerts()
        settings = settings_with()
        alerts = settings.alerts.model_copy(update={"longest_lifetime": 1400 * DAY})
        bench_of(settings.model_copy(update={"alerts": alerts}), database).sees([held], NOW, whole=[APPS])
        assert at.alerts.get(alert.id).closed_why == "It is as it should be, by what `alerts.longest_lifetime` is now."

    def test_a_weak_certificate_is_told_of_once_until_it_is_replaced(self, database: Database) -> None:
        at = bench(database)
        weak = holds("Legacy", 400, key_bits=1024, signature_algorithm="sha1", not_before=NOW - 1000 * DAY)
        for day in range(3):
            at.sees([weak], NOW + day * DAY, whole=[APPS])
        (alert,) = at.alerts.open_alerts()
        assert alert.title == "The certificate of Legacy in production is weak"
        assert "1024 bits" in alert.text
        assert "SHA1" in alert.text
        assert "longer than 825d" in alert.text
        at.tell(["ops"])
        at.sees([holds("Legacy", 400, "b", key_bits=2048, signature_algorithm="sha256")], NOW, whole=[APPS])
        assert (at.open(), at.owed()) == ({}, {"ops": [OPENED, CLOSED]})

    @pytest.mark.parametrize(
        ("facts", "is_told"),
        [
            ({"key_bits": 2048, "signature_algorithm": "sha256"}, False),
            ({"key_algorithm": "EC", "key_bits": 256, "type": "SamlSsoConfig"}, False),
            ({"key_algorithm": "EC", "key_bits": 192, "type": "SamlSsoConfig"}, True),
            ({"key_algorithm": "EC", "key_bits": 256}, True),
            ({"key_algorithm": "RSA-PSS", "key_bits": 2048}, True),
            ({"key_algorithm": "Ed25519", "key_bits": 0, "type": "SamlSsoConfig"}, False),
            ({"not_before": NOW + DAY}, True),
            ({"signature_algorithm": "MD5"}, True),
            ({"not_before": NOW - 425 * DAY}, False),
            ({"not_before": NOW - 426 * DAY}, True),
        ],
    )
    def test_what_is_weak_or_valid_for_too_long(self, database: Database, facts: dict[str, Any], is_told: bool) -> None:
        at = bench(database)
        at.sees([holds("Legacy", 400, **facts)], NOW)
        assert bool(at.open()) is is_told

    def test_what_is_not_yet_valid_is_told_of_until_its_day_has_come(self, database: Database) -> None:
        at = bench(database)
        soon = holds("Billing", 400, not_before=NOW + 10 * DAY)
        at.sees([soon], NOW, whole=[APPS])
        (alert,) = at.alerts.open_alerts()
        assert alert.title == "The certificate of Billing in production is not yet valid"
        assert "not valid before 2026-12-03 12:00 UTC" in alert.text
        at.sees([soon], NOW + 10 * DAY, whole=[APPS])
        assert (at.open(), at.newest().closed_why) == ({}, "It is valid since 2026-12-03 12:00 UTC.")

    def test_what_no_login_can_use_is_told_of_as_that(self, database: Database) -> None:
        at = bench(database)
        at.sees([holds("Billing", 400, key_algorithm="RSA-PSS", key_bits=2048)], NOW)
        (alert,) = at.alerts.open_alerts()
        assert alert.title == "The certificate of Billing in production is unusable"
        assert "Its key is RSA-PSS, and logins by JWT take RSA keys only" in alert.text

    def test_a_rotation_that_ended_well_says_so_and_for_how_long_consumers_were_refused(self) -> None:
        back = rotation_alerts.rotated(replace(SOMEHOW_ROTATED, outcome=Outcome.RESTORED), "production")
        assert back.title == "billing has its certificate back in production"
        rotated = rotation_alerts.rotated(SOMEHOW_ROTATED, "production")
        assert "may have been refused for 42.0 seconds" in rotated.text
        assert "kept until 2026-11-30" in rotated.meanwhile
        assert (rotated.key, rotated.facts["New certificate"]) == ("rotated:1", "b" * 64)
