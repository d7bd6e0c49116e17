"""What people have excepted is no finding until its day, and what matters most comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from rotator.core.posture.assessment import assess, ended, findings
from rotator.core.posture.checks import Risk
from rotator.core.posture.choices import Exemption
from rotator.core.posture.facts import Posture
from rotator.core.posture.judgements import Verdict
from rotator.testing.versions import MOMENT
from tests.unit.core.posture.test_rules import CREDENTIAL, KEY, ORG

WEAK = replace(CREDENTIAL, current=replace(KEY, bits=1024))
POSTURE = Posture(MOMENT, {"billing": WEAK}, {"production": ORG})
DAY = timedelta(days=1)


def exemption(
    check: str = "second-app", *, credential: str | None = None, org: str | None = None, days: int = 1
) -> Exemption:
    return Exemption(check, credential, org, "agreed with the auditors", MOMENT + days * DAY)


@pytest.mark.parametrize(
    ("excepted", "verdict"),
    [
        (exemption(credential="billing"), Verdict.EXCEPTED),
        (exemption(org="production"), Verdict.EXCEPTED),
        (exemption(credential="warehouse"), Verdict.FINDING),
        (exemption(org="sandbox"), Verdict.FINDING),
        (exemption("key-size", credential="billing"), Verdict.FINDING),
        (exemption(credential="billing", days=0), Verdict.FINDING),
        (exemption(credential="billing", days=-1), Verdict.FINDING),
    ],
)
def test_an_exception_counts_for_its_check_and_its_thing_until_its_day(excepted: Exemption, verdict: Verdict) -> None:
    [result] = [each for each in assess(POSTURE, [excepted]) if each.check.name == "second-app"]
    assert result.verdict is verdict
    is_meant = excepted.check == "second-app" and (excepted.credential or excepted.org) in {"billing", "production"}
    assert result.exemption == (excepted if is_meant else None)


def test_of_several_exceptions_the_one_that_lasts_longest_is_told() -> None:
    several = [exemption(credential="billing", days=days) for days in (-3, 2, 9, 5)]
    [result] = [each for each in assess(POSTURE, several) if each.check.name == "second-app"]
    assert result.exemption == several[2]


def test_exceptions_that_have_ended_are_told() -> None:
    several = [exemption(credential="billing", days=days) for days in (-3, 0, 1)]
    assert ended(several, MOMENT) == several[:2]


def test_what_is_sound_has_no_exception() -> None:
    posture = Posture(MOMENT, {"billing": CREDENTIAL}, {"production": ORG})
    results = assess(posture, [exemption("key-size", org="production")], only=["billing"])
    [result] = [each for each in results if each.check.name == "key-size"]
    assert (result.verdict, result.exemption) == (Verdict.OK, None)


def test_findings_come_first_and_of_these_what_matters_most() -> None:
    results = assess(POSTURE)
    found = [each for each in results if each.verdict is Verdict.FINDING]
    assert results[: len(found)] == found
    assert [each.check.name for each in found] == ["key-size", "second-app"]
    assert all(first.check.risk.reaches(second.check.risk) for first, second in pairwise(found))


@pytest.mark.parametrize(("least", "count"), [(Risk.HIGH, 1), (Risk.MEDIUM, 1), (Risk.LOW, 2)])
def test_findings_are_asked_for_from_a_severity_on(least: Risk, count: int) -> None:
    assert len(findings(assess(POSTURE), least)) == count


def test_the_key_of_a_finding_does_not_change_with_what_is_seen() -> None:
    other = replace(WEAK, current=replace(KEY, bits=512))
    [first] = findings(assess(POSTURE), Risk.HIGH)
    [second] = findings(assess(replace(POSTURE, credentials={"billing": other})), Risk.HIGH)
    assert first.key == second.key
    assert first.seen != second.seen
