"""Who is told of what, and when."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.attempts import AttemptBackOff, AttemptRecord
from rotator.core.credentials import Fingerprint
from rotator.core.decision.policies import Strategy
from rotator.core.severity import Severity
from rotator.errors import OrgUnavailable, RotationHalted, StoreUnavailable
from rotator.history.alerts.outbox import CLOSED, OPENED
from rotator.history.engine.database import Database, open_database
from rotator.services.alerting import catalog
from rotator.services.alerting.messages import message_of
from rotator.services.alerting.rules import HICCUP
from rotator.services.rotation.gap import MeasuredGap
from rotator.services.rotation.report import Outcome, Report
from tests.unit.services.alerting_bench import APPS, DAY, LEASE, NOW, desk, holds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.core.alert import NewAlert

EXPIRY = "expiry:production/ConnectedApp/Legacy"
AWAY = OrgUnavailable("The org does not answer.", hint="Wait.")
SOMEHOW_HALTED = Report(
    credential="billing",
    strategy=Strategy.IN_PLACE,
    outcome=Outcome.HALTED,
    why="The app is gone.",
    hint="Look at Setup.",
    old_fingerprint=Fingerprint("a" * 64),
)
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


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("alerts") / "rotator.db"
    with open_database(f"sqlite:///{file}") as database:
        database.upgrade()
    return file


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Iterator[Database]:
    shutil.copy(migrated, tmp_path / "rotator.db")
    with open_database(f"sqlite:///{tmp_path / 'rotator.db'}") as database:
        yield database


class TestCertificatesThatExpire:
    def test_nobody_is_told_while_there_is_time(self, database: Database) -> None:
        at = desk(database)
        at.alerting.certificates([holds("Legacy", 60.1), holds("Old", 365 * 20)], NOW)
        assert (at.open(), at.owed()) == ({}, {})

    def test_each_threshold_is_owed_when_it_is_crossed_and_once(self, database: Database) -> None:
        at = desk(database)
        for days, steps in [(60, ["60d"]), (31, ["60d"]), (30, ["60d", "30d"]), (13, ["60d", "30d", "14d"])]:
            for _ in range(2):
                at.alerting.certificates([holds("Legacy", 60)], NOW + (60 - days) * DAY)
            assert at.owed() == {"ops": steps}
        assert len(at.alerts.all()) == 1

    def test_what_is_crossed_at_once_is_owed_at_once(self, database: Database) -> None:
        at = desk(database)
        at.alerting.certificates([holds("Legacy", 5)], NOW)
        assert at.owed() == {"ops": ["60d", "30d", "14d", "7d"]}
        alert = at.open()[EXPIRY]
        assert alert.title == "The certificate of Legacy in production expires on 2026-11-28"
        assert (alert.severity, alert.org, alert.app, alert.credential) == (
            Severity.WARNING, "production", "Legacy", None,
        )  # fmt: skip

    def test_that_it_has_expired_is_the_last_news(self, database: Database) -> None:
        at = desk(database)
        at.alerting.certificates([holds("Legacy", -400)], NOW)
        assert at.owed()["ops"][-1] == "expired"
        alert = at.open()[EXPIRY]
        assert alert.severity is Severity.CRITICAL
        assert "expired on 2025-10-19" in alert.title

    def test_the_end_of_time_is_far_away_and_overflows_nothing(self, database: Database) -> None:
        at = desk(database)
        last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
        forever = holds("Forever", 0, not_after=last, not_before=NOW - DAY)
        at.alerting.certificates([forever], NOW)
        assert list(at.open()) == ["weak:production/ConnectedApp/Forever"]
        at.alerting.certificates([forever], last - 20 * DAY)
        at.alerting.evaluate(last)
        assert "expired" in at.owed("expiry")["ops"]

    def test_a_throwaway_a_standby_and_what_cannot_be_read_are_nobodys_business(self, database: Database) -> None:
        at = desk(database)
        places = [
            holds("Old", 1, is_throwaway=True),
            holds("Standby", 1, is_standby=True, credential="billing"),
            holds("Hidden", 1, readable=False),
            holds("Bare", 1, "", not_after=None),
        ]
        at.alerting.certificates(places, NOW)
        assert at.open() == {}

    def test_a_certificate_that_shows_only_its_date_is_told_of_like_any_other(self, database: Database) -> None:
        at = desk(database)
        at.alerting.certificates([holds("Signing", 20, "", kind="Certificate")], NOW)
        (key,) = (alert.key for alert in at.alerts.open_alerts())
        assert key == "expiry:production/Certificate/Signing/2026-12-13T12:00:00Z"
        at.alerting.certificates([holds("Signing", 385, "", kind="Certificate")], NOW + DAY)
        assert at.newest().closed_why == "Replaced, which is valid until 2027-12-13."

    def test_of_a_managed_one_only_what_comes_after_its_rotation_is_news(self, database: Database) -> None:
        at = desk(database)
        billing = holds("Billing", 30, credential="billing", rotate_before=30 * DAY)
        at.alerting.certificates([billing], NOW)
        assert at.open() == {}
        at.alerting.certificates([billing], NOW + 16 * DAY)
        at.alerting.evaluate(NOW + 23 * DAY)
        assert at.owed() == {"ops": ["14d", "7d"]}
        assert "should have been rotated 30d before that and was not" in at.newest().text

    def test_without_channels_it_is_open_all_the_same(self, database: Database) -> None:
        at = desk(database, "")
        at.alerting.certificates([holds("Legacy", 5)], NOW)
        assert (list(at.open()), at.owed()) == ([EXPIRY], {})


class TestWhoHears:
    def test_a_further_channel_hears_of_it_as_time_shortens(self, database: Database) -> None:
        at = desk(database, "ops: {}\nboss: {within: 7d}\nduty: {within: 2d}")
        for day in range(61):
            at.alerting.certificates([holds("Legacy", 60)], NOW + day * DAY)
        assert at.owed() == {
            "ops": ["60d", "30d", "14d", "7d", "3d", "1d", "expired"],
            "boss": ["7d", "3d", "1d", "expired"],
            "duty": ["2d", "1d", "expired"],
        }

    def test_within_more_than_every_threshold_adds_none(self, database: Database) -> None:
        at = desk(database, "ops: {within: 90d}")
        at.alerting.certificates([holds("Legacy", 80)], NOW)
        assert at.open() == {}

    def test_a_channel_of_other_orgs_hears_nothing(self, database: Database) -> None:
        at = desk(database, "ops: {orgs: [sandbox]}\nall: {}")
        at.alerting.certificates([holds("Legacy", 60)], NOW)
        at.alerting.problem(catalog.unreadable_org("production", AWAY), NOW, failures=3)
        at.alerting.problem(catalog.unreadable_store("keys", AWAY), NOW, failures=3)
        assert at.owed() == {"all": ["60d", OPENED, OPENED], "ops": [OPENED]}

    def test_a_channel_that_is_new_is_told_of_what_is_open(self, database: Database) -> None:
        desk(database).alerting.certificates([holds("Legacy", 5)], NOW)
        at = desk(database, "ops: {}\nnew: {}")
        at.alerting.evaluate(NOW + timedelta(minutes=1))
        told = ["60d", "30d", "14d", "7d"]
        assert at.owed() == {"ops": told, "new": told}

    def test_a_channel_hears_of_other_alerts_from_a_severity_on(self, database: Database) -> None:
        at = desk(database, "ops: {least: critical}")
        at.alerting.problem(catalog.drift("billing", "production", "Billing", "b" * 64), NOW)
        at.alerting.problem(catalog.unstored("billing", "production"), NOW)
        at.alerting.certificates([holds("Legacy", 60)], NOW)
        assert at.owed() == {"ops": [OPENED, "60d"]}

    def test_a_channel_is_never_told_of_its_own_failure(self, database: Database) -> None:
        at = desk(database, "ops: {}\nmail: {}")
        broken = catalog.unreadable_store("keys", AWAY)
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
            (holds("Legacy", 3650, "c", is_throwaway=True), "holds a certificate whose key nobody has"),
            (holds("Legacy", 5, is_standby=True, credential="billing"), "billing logs in through another app now"),
            (None, "Legacy is gone from production."),
        ],
    )
    def test_a_certificate_that_is_live_no_more_closes_its_alert_where_it_was_told(
        self, database: Database, now_held: object, why: str
    ) -> None:
        at = desk(database, "ops: {}\nmail: {}")
        at.alerting.certificates([holds("Legacy", 5)], NOW)
        at.tell(["ops"])
        seen = [now_held] if now_held else []
        for _ in range(2):
            at.alerting.certificates(seen, NOW + DAY, whole=[APPS])  # type: ignore[arg-type]  # places, or nothing
        alert = at.newest()
        assert why in alert.closed_why
        assert (at.open(), at.owed()) == ({}, {"ops": ["60d", "30d", "14d", "7d", CLOSED]})

    def test_what_could_not_be_read_ends_nothing(self, database: Database) -> None:
        at = desk(database)
        at.alerting.certificates([holds("Legacy", 5)], NOW)
        at.alerting.certificates([], NOW)
        at.alerting.certificates([], NOW, whole=[("sandbox", "ConnectedApp"), ("production", "Certificate")])
        at.alerting.certificates([holds("Legacy", 0, "", not_after=None, readable=False)], NOW, whole=[APPS])
        assert list(at.open()) == [EXPIRY]

    def test_of_several_certificates_under_one_name_each_has_its_own_end(self, database: Database) -> None:
        at = desk(database)
        two = [holds("Legacy", 5, "a"), holds("Legacy", 6, "b")]
        for _ in range(2):
            at.alerting.certificates(two, NOW, whole=[APPS])
        assert len(at.alerts.open_alerts()) == len(at.alerts.all()) == 2
        at.alerting.certificates([holds("Legacy", 400, "c"), two[1]], NOW, whole=[APPS])
        assert [alert.fingerprint for alert in at.alerts.open_alerts()] == ["b" * 64]

    def test_a_certificate_that_comes_back_is_news(self, database: Database) -> None:
        at = desk(database)
        for fingerprint, days in [("a", 5), ("b", 400), ("a", 5)]:
            at.alerting.certificates([holds("Legacy", days, fingerprint)], NOW, whole=[APPS])
            at.tell(["ops"])
        first, second = at.alerts.all()
        assert {first.is_open, second.is_open} == {True, False}
        assert at.owed()["ops"].count("60d") == 2

    def test_a_channel_that_heard_nothing_need_not_hear_that_it_is_over(self, database: Database) -> None:
        at = desk(database)
        at.alerting.certificates([holds("Legacy", 5)], NOW)
        at.alerting.certificates([], NOW, whole=[APPS])
        assert at.owed() == {}


class TestTakenOn:
    def test_of_what_is_acknowledged_only_the_expiry_and_the_end_are_told(self, database: Database) -> None:
        at = desk(database)
        at.alerting.certificates([holds("Legacy", 40)], NOW)
        at.tell(["ops"])
        at.alerts.acknowledge(at.newest().id, actor="ada", reason="ordered", now=NOW)
        for day in range(41):
            at.alerting.certificates([holds("Legacy", 40)], NOW + day * DAY)
        at.tell(["ops"], NOW + 40 * DAY)
        at.alerting.certificates([], NOW + 41 * DAY, whole=[APPS])
        assert at.owed() == {"ops": ["60d", "expired", CLOSED]}

    def test_what_was_owed_and_not_told_before_it_was_acknowledged_is_not_told(self, database: Database) -> None:
        at = desk(database)
        at.alerting.certificates([holds("Legacy", 5)], NOW)
        at.alerts.acknowledge(at.newest().id, actor="ada", reason="ordered", now=NOW)
        at.alerting.certificates([holds("Legacy", 5)], NOW)
        assert at.owed() == {}

    def test_what_is_crossed_during_a_snooze_is_told_at_its_end_and_once(self, database: Database) -> None:
        at = desk(database)
        at.alerting.certificates([holds("Legacy", 40)], NOW)
        at.tell(["ops"])
        at.alerts.snooze(at.newest().id, until=NOW + 30 * DAY, actor="ada", reason="holidays", now=NOW)
        for day in range(30):
            at.alerting.certificates([holds("Legacy", 40)], NOW + day * DAY)
        assert at.owed() == {"ops": ["60d"]}
        for _ in range(2):
            at.alerting.evaluate(NOW + 30 * DAY)
        assert at.owed() == {"ops": ["60d", "30d", "14d"]}

    def test_an_expiry_is_told_through_a_snooze(self, database: Database) -> None:
        at = desk(database)
        at.alerting.certificates([holds("Legacy", 2)], NOW)
        at.alerts.snooze(at.newest().id, until=NOW + 30 * DAY, actor="ada", reason="holidays", now=NOW)
        at.alerting.evaluate(NOW + 3 * DAY)
        assert at.owed() == {"ops": ["expired"]}

    def test_what_is_wrong_still_after_a_snooze_is_told_again(self, database: Database) -> None:
        at = desk(database)
        at.alerting.problem(catalog.drift("billing", "production", "Billing", None), NOW)
        at.tell(["ops"])
        at.alerts.snooze(at.newest().id, until=NOW + DAY, actor="ada", reason="asked around", now=NOW)
        at.alerting.evaluate(NOW + DAY / 2)
        assert at.owed() == {"ops": [OPENED]}
        for _ in range(2):
            at.alerting.evaluate(NOW + DAY)
        assert at.owed() == {"ops": [OPENED, "again after 2026-11-24 12:00"]}
        reminder = at.outbox.claim("ops", NOW + DAY, LEASE)
        assert message_of(at.newest(), reminder, NOW + DAY).at == NOW, "it is as old as it was before the snooze"


class TestOtherMatters:
    def test_a_problem_is_told_once_and_so_is_its_end(self, database: Database) -> None:
        at = desk(database)
        for hour in range(3):
            at.alerting.problem(catalog.failed("billing", "production", AWAY), NOW + hour * timedelta(hours=1))
        at.tell(["ops"])
        ended = at.alerting.solved("rotation:billing", "", NOW + 3 * DAY)
        assert ended
        assert ended.closed_why == "The credential was rotated, or needs no rotation any more, after 3 days."
        assert at.alerting.solved("rotation:billing", "", NOW + 3 * DAY) is None
        assert at.owed() == {"ops": [OPENED, CLOSED]}

    def test_a_problem_is_known_by_its_last_words(self, database: Database) -> None:
        at = desk(database, "ops: {}\nduty: {least: critical}")
        at.alerting.problem(catalog.failed("billing", "production", AWAY), NOW)
        at.alerting.problem(catalog.halted(SOMEHOW_HALTED, "production"), NOW + DAY)
        (alert,) = at.alerts.open_alerts()
        assert (alert.severity, alert.opened_at) == (Severity.CRITICAL, NOW)
        assert at.owed() == {"ops": [OPENED], "duty": [OPENED]}

    def test_what_happened_is_told_once_whatever_asks_again(self, database: Database) -> None:
        at = desk(database)
        gone = catalog.vanished("production", "ConnectedApp", "Legacy", NOW - DAY)
        assert at.alerting.happened(gone, NOW)
        assert at.alerting.happened(gone, NOW + DAY) is None
        at.alerting.evaluate(NOW + DAY)
        assert (at.owed(), at.open()) == ({"ops": [OPENED]}, {})

    def test_an_org_that_does_not_answer_once_is_no_news(self, database: Database) -> None:
        at = desk(database)
        at.alerting.problem(catalog.unreadable_org("production", AWAY), NOW, failures=1)
        at.alerting.evaluate(NOW + HICCUP / 2)
        at.alerting.solved("org:production", "", NOW + HICCUP / 2)
        assert at.owed() == {}

    @pytest.mark.parametrize(("failures", "later"), [(3, timedelta(minutes=10)), (2, HICCUP)])
    def test_an_org_that_stays_away_is_told_of_and_so_is_its_return(
        self, database: Database, failures: int, later: timedelta
    ) -> None:
        at = desk(database)
        at.alerting.problem(catalog.unreadable_org("production", AWAY), NOW, failures=1)
        at.alerting.problem(catalog.unreadable_org("production", AWAY), NOW + later, failures=failures)
        at.tell(["ops"])
        ended = at.alerting.solved("org:production", "", NOW + 3 * DAY)
        assert ended
        assert ended.closed_why == "The org can be read again, after 3 days."
        assert at.owed() == {"ops": [OPENED, CLOSED]}

    @pytest.mark.parametrize(
        "new",
        [
            catalog.unreadable_org("elsewhere", AWAY),
            catalog.unreadable_store("elsewhere", AWAY),
            catalog.drift("elsewhere", "production", "App", None),
            catalog.unstored("billing", "elsewhere"),
        ],
    )
    def test_what_is_about_something_that_is_not_configured_any_more_is_over(
        self, database: Database, new: NewAlert
    ) -> None:
        at = desk(database)
        at.alerting.problem(new, NOW, failures=3)
        at.alerting.problem(catalog.drift("billing", "production", "Billing", None), NOW)
        at.tell(["ops"])
        at.alerting.evaluate(NOW)
        assert list(at.open()) == ["drift:billing"]
        assert at.owed(new.key) == {"ops": [OPENED, CLOSED]}

    def test_a_certificate_of_a_credential_that_is_managed_no_more_is_told_of_still(self, database: Database) -> None:
        at = desk(database)
        at.alerting.certificates([holds("Old", 5, credential="retired", rotate_before=30 * DAY)], NOW)
        at.alerting.evaluate(NOW)
        assert at.owed() == {"ops": ["14d", "7d", "60d", "30d"]}

    def test_a_weak_certificate_is_told_of_once_until_it_is_replaced(self, database: Database) -> None:
        at = desk(database)
        weak = holds("Legacy", 400, key_bits=1024, signature="sha1", not_before=NOW - 1000 * DAY)
        for day in range(3):
            at.alerting.certificates([weak], NOW + day * DAY, whole=[APPS])
        (alert,) = at.alerts.open_alerts()
        assert alert.title == "The certificate of Legacy in production is weak"
        assert "1024 bits" in alert.text
        assert "SHA1" in alert.text
        assert "longer than 825d" in alert.text
        at.tell(["ops"])
        at.alerting.certificates([holds("Legacy", 400, "b", key_bits=2048, signature="sha256")], NOW, whole=[APPS])
        assert (at.open(), at.owed()) == ({}, {"ops": [OPENED, CLOSED]})

    @pytest.mark.parametrize(
        ("facts", "is_told"),
        [
            ({"key_bits": 2048, "signature": "sha256"}, False),
            ({"key_algorithm": "EllipticCurve", "key_bits": 256}, False),
            ({"key_algorithm": "EllipticCurve", "key_bits": 192}, True),
            ({"key_algorithm": "Ed25519", "key_bits": 0}, False),
            ({"signature": "MD5"}, True),
            ({"not_before": NOW - 425 * DAY}, False),
            ({"not_before": NOW - 426 * DAY}, True),
        ],
    )
    def test_what_is_weak_or_valid_for_too_long(self, database: Database, facts: dict[str, Any], is_told: bool) -> None:
        at = desk(database)
        at.alerting.certificates([holds("Legacy", 400, **facts)], NOW)
        assert bool(at.open()) is is_told

    def test_every_alert_says_what_to_do_and_shows_no_more_than_it_may(self) -> None:
        attempt = AttemptRecord("look", "production").failed(
            NOW, AttemptBackOff(), problem="Refused.", hint="Look at Setup."
        )
        away = StoreUnavailable("The store is away.", effect="Nothing was written.", hint="Start it.")
        for new in (
            catalog.unreadable_store("keys", away, since=NOW),
            catalog.attention(attempt, org="production"),
            catalog.window_overridden("billing", "production", "f" * 64, "The window opens too late."),
            catalog.reverted(SOMEHOW_HALTED, "production"),
            catalog.rotated(SOMEHOW_ROTATED, "production"),
        ):
            assert new.title
            assert not new.title.endswith(".")
            assert new.text.endswith(".")
        assert catalog.attention(attempt).title == "Looking at the org production failed once and needs a person"
        halted = catalog.failed("billing", "production", RotationHalted("The app is gone.", hint="Look at Setup."))
        assert (halted.severity, halted.title) == (
            Severity.CRITICAL, "The rotation of billing in production needs a person",
        )  # fmt: skip
        back = catalog.rotated(replace(SOMEHOW_ROTATED, outcome=Outcome.RESTORED), "production")
        assert back.title == "billing has its certificate back in production"
        assert "The store is away. Nothing was written. Start it." in catalog.unreadable_store("keys", away).text
        rotated = catalog.rotated(SOMEHOW_ROTATED, "production")
        assert "may have been refused for 42.0 seconds" in rotated.text
        assert "kept until 2026-11-30" in rotated.text
        assert (rotated.key, rotated.facts["New certificate"]) == ("rotated:1", "b" * 64)
