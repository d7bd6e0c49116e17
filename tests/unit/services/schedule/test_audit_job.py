"""The service audits once a day: what it finds is told once, and its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.posture.assessment import Result
from rotator.core.posture.checks import APP_OPEN, SECOND_APP
from rotator.core.posture.choices import Exemption
from rotator.core.posture.judgements import Verdict
from rotator.core.severity import Severity
from rotator.errors import OrgUnavailable
from rotator.history.audit_findings import AuditFindings
from rotator.services.alerting.kinds import POSTURE, key
from rotator.services.alerting.posture_alerts import finding, finding_key
from rotator.services.schedule.jobs import JobKind
from rotator.testing.versions import MOMENT
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

DAY: Final = timedelta(days=1)
OPEN: Final = Result(
    check=APP_OPEN,
    org="production",
    credential="billing",
    verdict=Verdict.FINDING,
    seen="Every user of the org may approve Billing for himself.",
)
ALERT: Final = key(POSTURE, OPEN.key)


@pytest.fixture
def one(database: Database) -> CycleBench:
    made = cycle_bench(database)
    made.bench.use("Billing")
    return made


def audit(one: CycleBench, *results: Result) -> None:
    """The next day's audit."""
    one.outside.results = results
    one.bench.time += DAY
    one.cycle.audit()


def test_it_is_due_once_a_day(one: CycleBench) -> None:
    assert "audit" in one.due()
    audit(one)
    assert "audit" not in one.due()
    one.bench.time += DAY - timedelta(minutes=1)
    assert "audit" not in one.due()
    one.cycle.audit()
    one.bench.time += timedelta(minutes=1)
    assert "audit" in one.due()
    assert one.outside.audited == [["production"], []], "whoever asks for it before its time"


def test_a_finding_is_one_alert_until_it_is_gone(one: CycleBench) -> None:
    for _ in range(3):
        audit(one, OPEN)
    [alert] = one.context.history.alerts.open_alerts(kind=POSTURE)
    assert (alert.key, alert.severity, alert.credential, alert.org) == (
        ALERT,
        Severity.WARNING,
        "billing",
        "production",
    )
    assert OPEN.seen in alert.text
    assert APP_OPEN.why in alert.text
    assert APP_OPEN.remedy in alert.to_do
    one.cycle.deliver("slack")
    told = [message for message in one.outside.told if message.alert.kind == POSTURE]
    assert len(told) == 1
    audit(one, replace(OPEN, verdict=Verdict.OK))
    assert one.context.history.alerts.open_alerts(kind=POSTURE) == []
    assert one.alert(ALERT).closed_why.startswith("It is as it should be")


def test_what_matters_less_is_kept_and_nobody_is_told(one: CycleBench) -> None:
    audit(one, replace(OPEN, check=SECOND_APP))
    assert one.context.history.alerts.open_alerts(kind=POSTURE) == []
    assert [each.check for each in AuditFindings(one.context.database).all()] == ["second-app"]


def test_people_may_hear_of_it_all_the_same(database: Database) -> None:
    one = cycle_bench(database, more="audit: {alert_from: low}")
    audit(one, replace(OPEN, check=SECOND_APP))
    [alert] = one.context.history.alerts.open_alerts(kind=POSTURE)
    assert alert.severity is Severity.INFO


def test_an_exception_ends_the_alert_and_says_why(one: CycleBench) -> None:
    audit(one, OPEN)
    exemption = Exemption(APP_OPEN.name, "billing", None, "a portal for everybody", MOMENT + 99 * DAY)
    audit(one, replace(OPEN, verdict=Verdict.EXCEPTED, exemption=exemption))
    assert one.alert(ALERT).closed_why == "It is excepted: a portal for everybody."


def test_what_cannot_be_seen_any_more_is_still_told(one: CycleBench) -> None:
    audit(one, OPEN)
    audit(one, replace(OPEN, verdict=Verdict.HIDDEN, seen="", needs="a permission"))
    assert [alert.key for alert in one.context.history.alerts.open_alerts(kind=POSTURE)] == [ALERT]


def test_an_org_that_is_away_keeps_its_findings_and_is_tried_again(one: CycleBench) -> None:
    audit(one, OPEN)
    one.outside.unaudited = {"production": OrgUnavailable("The org is away.", hint="Wait.")}
    audit(one)
    assert [alert.key for alert in one.context.history.alerts.open_alerts(kind=POSTURE)] == [ALERT]
    attempt = one.context.history.attempts.get(JobKind.AUDIT, "production")
    assert (attempt.failures, attempt.problem, attempt.needs_attention) == (1, "The org is away.", False)
    assert attempt.hint == "Wait."
    assert attempt.next_at == one.bench.time + one.context.back_off.pause(1, one.context.random())
    assert "audit" not in one.due()
    one.bench.time += timedelta(minutes=6)
    assert "audit" in one.due()


def test_what_is_known_of_other_orgs_is_neither_told_again_nor_solved(one: CycleBench) -> None:
    kept, elsewhere = AuditFindings(one.context.database), replace(OPEN, org="sandbox")
    kept.put("sandbox", [elsewhere, replace(elsewhere, check=SECOND_APP)], one.bench.time)
    told = next(each for each in kept.all(["sandbox"]) if each.check == SECOND_APP.name)
    one.context.history.alerting.problem(finding(told), one.bench.time)
    audit(one)
    [alert] = one.context.history.alerts.open_alerts(kind=POSTURE)
    assert (alert.org, alert.key) == ("sandbox", finding_key(told))


def test_the_calls_of_an_audit_are_held_to_the_limits_of_the_org(one: CycleBench) -> None:
    one.outside.limited.clear()
    audit(one)
    assert one.outside.limited == [True]


def test_the_whole_cycle_audits_as_well(one: CycleBench) -> None:
    one.outside.results = (OPEN,)
    one.cycle.once()
    assert [alert.key for alert in one.context.history.alerts.open_alerts(kind=POSTURE)] == [ALERT]


def test_what_is_not_configured_any_more_is_nobodys_trouble(one: CycleBench) -> None:
    audit(one, OPEN)
    audit(one)
    assert one.context.history.alerts.open_alerts(kind=POSTURE) == []
