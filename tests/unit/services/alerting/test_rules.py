"""Who is told of what, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.actor import Actor
from rotator.core.crypto.names import THROWAWAY_SUBJECT
from rotator.core.severity import Severity
from rotator.errors import OrgUnavailable
from rotator.history.alerts.outbox import CLOSED, OPENED
from rotator.services.alerting import catalog, drift_alerts
from rotator.services.alerting.messages import message_of
from tests.tiers import longer
from tests.unit.services.alerting.every_kind import tried
from tests.unit.services.alerting_bench import APPS, DAY, LEASE, NOW, bench, holds

if TYPE_CHECKING:
    from rotator.history.engine.database import Database


EXPIRY = "expiry:production/ConnectedApp/Legacy"


AWAY = OrgUnavailable("The org does not answer.", hint="Wait.")


class TestCertificatesThatExpire:
    def test_nobody_is_told_while_there_is_time(self, database: Database) -> None:
        at = bench(database)
        at.sees([holds("Legacy", 60.1), holds("Old", 365 * 20)], NOW)
        assert (at.open(), at.owed()) == ({}, {})

    def test_each_threshold_is_owed_when_it_is_crossed_and_once(self, database: Database) -> None:
        at = bench(database)
        for days, steps in [(60, ["60d"]), (31, ["60d"]), (30, ["60d", "30d"]), (13, ["60d", "30d", "14d"])]:
            for _ in range(2):
                at.sees([holds("Legacy", 60)], NOW + (60 - days) * DAY)
            assert at.owed() == {"ops": steps}
        assert len(at.alerts.all()) == 1

    def test_what_is_crossed_at_once_is_owed_at_once(self, database: Database) -> None:
        at = bench(database)
        at.sees([holds("Legacy", 5)], NOW)
        assert at.owed() == {"ops": ["60d", "30d", "14d", "7d"]}
        alert = at.open()[EXPIRY]
        assert alert.title == "The certificate of Legacy in production expires on 2026-11-28"
        assert (alert.severity, alert.org, alert.app, alert.credential) == (
            Severity.WARNING, "production", "Legacy", None,
        )  # fmt: skip

    def test_that_it_has_expired_is_the_last_news(self, database: Database) -> None:
        at = bench(database)
        at.sees([holds("Legacy", -400)], NOW)
        assert at.owed()["ops"][-1] == "expired"
        alert = at.open()[EXPIRY]
        assert alert.severity is Severity.CRITICAL
        assert "expired on 2025-10-19" in alert.title

    def test_the_end_of_time_is_far_away_and_overflows_nothing(self, database: Database) -> None:
        at = bench(database)
        last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
        forever = holds("Forever", 0, not_after=last, not_before=NOW - DAY)
        at.sees([forever], NOW)
        assert list(at.open()) == ["weak:production/ConnectedApp/Forever"]
        at.sees([forever], last - 20 * DAY)
        at.alerting.evaluate(last)
        assert "expired" in at.owed("expiry")["ops"]

    def test_a_throwaway_a_standby_and_what_cannot_be_read_are_nobodys_business(self, database: Database) -> None:
        at = bench(database)
        places = [
            holds("Old", 1, subject=THROWAWAY_SUBJECT),
            holds("Standby", 1, is_standby=True, credential="billing"),
            holds("Hidden", 0, "", not_after=None, is_readable=False),
            holds("Bare", 1, "", not_after=None),
        ]
        at.sees(places, NOW)
        assert at.open() == {}

    def test_a_certificate_that_shows_only_its_date_is_told_of_like_any_other(self, database: Database) -> None:
        at = bench(database)
        at.sees([holds("Signing", 20, "", type="Certificate")], NOW)
        (key,) = (alert.key for alert in at.alerts.open_alerts())
        assert key == "expiry:production/Certificate/Signing/2026-12-13T12:00:00Z"
        at.sees([holds("Signing", 385, "", type="Certificate")], NOW + DAY)
        assert at.newest().closed_why == "Replaced, which is valid until 2027-12-13."

    def test_of_a_managed_one_only_what_comes_after_its_rotation_is_news(self, database: Database) -> None:
        at = bench(database)
        billing = holds("Billing", 30, credential="billing")
        at.sees([billing], NOW)
        assert at.open() == {}
        at.sees([billing], NOW + 16 * DAY)
        at.alerting.evaluate(NOW + 23 * DAY)
        assert at.owed() == {"ops": ["14d", "7d"]}
        assert "should have been rotated 30d before that and was not" in at.newest().text

    def test_without_channels_it_is_open_all_the_same(self, database: Database) -> None:
        at = bench(database, "")
        at.sees([holds("Legacy", 5)], NOW)
        assert (list(at.open()), at.owed()) == ([EXPIRY], {})


class TestWhoHears:
    @longer
    def test_a_further_channel_hears_of_it_as_time_shortens(self, database: Database) -> None:
        at = bench(database, "ops: {}\nboss: {within: 7d}\nduty: {within: 2d}")
        for day in range(61):
            at.sees([holds("Legacy", 60)], NOW + day * DAY)
        assert at.owed() == {
            "ops": ["60d", "30d", "14d", "7d", "3d", "1d", "expired"],
            "boss": ["7d", "3d", "1d", "expired"],
            "duty": ["2d", "1d", "expired"],
        }

    def test_within_more_than_every_threshold_adds_none(self, database: Database) -> None:
        at = bench(database, "ops: {within: 90d}")
        at.sees([holds("Legacy", 80)], NOW)
        assert at.open() == {}

    def test_a_channel_of_other_orgs_hears_nothing(self, database: Database) -> None:
        at = bench(database, "ops: {orgs: [sandbox]}\nall: {}")
        at.sees([holds("Legacy", 60)], NOW)
        at.alerting.problem(catalog.unreadable_org(tried("production"), AWAY), NOW, failures=3)
        at.alerting.problem(catalog.unreadable_store("keys", AWAY, tried("keys")), NOW, failures=3)
        assert at.owed() == {"all": ["60d", OPENED, OPENED], "ops": [OPENED]}

    def test_a_channel_that_is_new_is_told_of_what_is_open(self, database: Database) -> None:
        bench(database).sees([holds("Legacy", 5)], NOW)
        at = bench(database, "ops: {}\nnew: {}")
        at.alerting.evaluate(NOW + timedelta(minutes=1))
        told = ["60d", "30d", "14d", "7d"]
        assert at.owed() == {"ops": told, "new": told}

    def test_a_channel_hears_of_other_alerts_from_a_severity_on(self, database: Database) -> None:
        at = bench(database, "ops: {least: critical}")
        at.alerting.problem(drift_alerts.drift("billing", "production", "Billing", "b" * 64), NOW)
        at.alerting.problem(catalog.unstored("billing", "production"), NOW)
        at.sees([holds("Legacy", 60)], NOW)
        assert at.owed() == {"ops": [OPENED, "60d"]}

    def test_a_channel_is_never_told_of_its_own_failure(self, database: Database) -> None:
        at = bench(database, "ops: {}\nmail: {}")
        broken = catalog.unreadable_store("keys", AWAY, tried("keys"))
        at.alerting.problem(
            type(broken)(**vars(broken) | {"key": "delivery:ops", "kind": "delivery", "channel": "ops"}), NOW
        )
        assert at.owed() == {"mail": [OPENED]}


class TestTheEnd:
    @pytest.mark.parametrize(
        ("now_held", "why"),
        [
            (holds("Legacy", 400, "b"), "Replaced by bbbbbbbbbbbb, which is valid until 2027-12-28."),
            (holds("Legacy", 0, "", not_after=None), "Legacy holds no certificate any more."),
            (holds("Legacy", 3650, "c", subject=THROWAWAY_SUBJECT), "holds a certificate whose key nobody has"),
            (holds("Legacy", 5, is_standby=True, credential="billing"), "billing logs in through another app now"),
            (None, "Legacy is gone from production."),
        ],
    )
    def test_a_certificate_that_is_live_no_more_closes_its_alert_where_it_was_told(
        self, database: Database, now_held: object, why: str
    ) -> None:
        at = bench(database, "ops: {}\nmail: {}")
        at.sees([holds("Legacy", 5)], NOW)
        at.tell(["ops"])
        seen = [now_held] if now_held else []
        for _ in range(2):
            at.sees(seen, NOW + DAY, whole=[APPS])  # type: ignore[arg-type]  # places, or nothing
        alert = at.newest()
        assert why in alert.closed_why
        assert (at.open(), at.owed()) == ({}, {"ops": ["60d", "30d", "14d", "7d", CLOSED]})

    def test_what_could_not_be_read_ends_nothing(self, database: Database) -> None:
        at = bench(database)
        at.sees([holds("Legacy", 5)], NOW)
        at.sees([], NOW)
        at.sees([], NOW, whole=[("sandbox", "ConnectedApp"), ("production", "Certificate")])
        at.sees([holds("Legacy", 0, "", not_after=None, is_readable=False)], NOW, whole=[APPS])
        assert list(at.open()) == [EXPIRY]

    def test_of_several_certificates_under_one_name_each_has_its_own_end(self, database: Database) -> None:
        at = bench(database)
        two = [holds("Legacy", 5, "a"), holds("Legacy", 6, "b")]
        for _ in range(2):
            at.sees(two, NOW, whole=[APPS])
        assert len(at.alerts.open_alerts()) == len(at.alerts.all()) == 2
        at.sees([holds("Legacy", 400, "c"), two[1]], NOW, whole=[APPS])
        assert [alert.fingerprint for alert in at.alerts.open_alerts()] == ["b" * 64]

    def test_a_certificate_that_comes_back_is_news(self, database: Database) -> None:
        at = bench(database)
        for fingerprint, days in [("a", 5), ("b", 400), ("a", 5)]:
            at.sees([holds("Legacy", days, fingerprint)], NOW, whole=[APPS])
            at.tell(["ops"])
        first, second = at.alerts.all()
        assert {first.is_open, second.is_open} == {True, False}
        assert at.owed()["ops"].count("60d") == 2

    def test_a_channel_that_heard_nothing_need_not_hear_that_it_is_over(self, database: Database) -> None:
        at = bench(database)
        at.sees([holds("Legacy", 5)], NOW)
        at.sees([], NOW, whole=[APPS])
        assert at.owed() == {}


class TestTakenOn:
    def test_of_what_is_acknowledged_only_the_expiry_and_the_end_are_told(self, database: Database) -> None:
        at = bench(database)
        at.sees([holds("Legacy", 40)], NOW)
        at.tell(["ops"])
        at.alerts.acknowledge(at.newest().id, actor=Actor("ada"), reason="ordered", now=NOW)
        for day in range(41):
            at.sees([holds("Legacy", 40)], NOW + day * DAY)
        at.tell(["ops"], NOW + 40 * DAY)
        at.sees([], NOW + 41 * DAY, whole=[APPS])
        assert at.owed() == {"ops": ["60d", "expired", CLOSED]}

    def test_what_was_owed_and_not_told_before_it_was_acknowledged_is_not_told(self, database: Database) -> None:
        at = bench(database)
        at.sees([holds("Legacy", 5)], NOW)
        at.alerts.acknowledge(at.newest().id, actor=Actor("ada"), reason="ordered", now=NOW)
        at.sees([holds("Legacy", 5)], NOW)
        assert at.owed() == {}

    def test_what_is_crossed_during_a_snooze_is_told_at_its_end_and_once(self, database: Database) -> None:
        at = bench(database)
        at.sees([holds("Legacy", 40)], NOW)
        at.tell(["ops"])
        at.alerts.snooze(at.newest().id, until=NOW + 30 * DAY, actor=Actor("ada"), reason="holidays", now=NOW)
        for day in range(30):
            at.sees([holds("Legacy", 40)], NOW + day * DAY)
        assert at.owed() == {"ops": ["60d"]}
        for _ in range(2):
            at.alerting.evaluate(NOW + 30 * DAY)
        assert at.owed() == {"ops": ["60d", "30d", "14d"]}

    def test_an_expiry_is_told_through_a_snooze(self, database: Database) -> None:
        at = bench(database)
        at.sees([holds("Legacy", 2)], NOW)
        at.alerts.snooze(at.newest().id, until=NOW + 30 * DAY, actor=Actor("ada"), reason="holidays", now=NOW)
        at.alerting.evaluate(NOW + 3 * DAY)
        assert at.owed() == {"ops": ["expired"]}

    def test_what_is_wrong_still_after_a_snooze_is_told_again(self, database: Database) -> None:
        at = bench(database)
        at.alerting.problem(drift_alerts.drift("billing", "production", "Billing", None), NOW)
        at.tell(["ops"])
        at.alerts.snooze(at.newest().id, until=NOW + DAY, actor=Actor("ada"), reason="asked around", now=NOW)
        at.alerting.evaluate(NOW + DAY / 2)
        assert at.owed() == {"ops": [OPENED]}
        for _ in range(2):
            at.alerting.evaluate(NOW + DAY)
        assert at.owed() == {"ops": [OPENED, "again after 2026-11-24 12:00"]}
        reminder = at.outbox.claim("ops", NOW + DAY, LEASE)
        assert message_of(at.newest(), reminder, NOW + DAY).at == NOW, "it is as old as it was before the snooze"
