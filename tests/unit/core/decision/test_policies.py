"""What is wanted of a rotation."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.core.decision.options import RotationOptions
from rotator.core.decision.policies import FRESHNESS, RATE_INTERVAL, RATE_TIMEOUT, Goal, Policy, Wanted


@pytest.mark.parametrize(
    ("wanted", "urgent"),
    [
        (Wanted(Goal.REPLACE), False),
        (Wanted(Goal.REPLACE, compromised=True), True),
        (Wanted(Goal.FINISH, options=RotationOptions(retire_now=True)), True),
        (Wanted(Goal.REPLACE, options=RotationOptions(keep_key=True, replace_unknown=True)), False),
    ],
)
def test_only_a_compromised_key_or_a_persons_word_makes_the_end_of_the_previous_version_urgent(
    wanted: Wanted, urgent: bool
) -> None:
    assert wanted.urgent is urgent


def test_verification_outlasts_what_salesforce_takes_to_spread_a_change() -> None:
    assert Policy().verification.timeout > timedelta(minutes=10)


def test_logins_can_hold_while_they_are_fresh() -> None:
    rules = Policy().verification
    assert rules.interval < FRESHNESS
    assert rules.interval * (rules.confirmations - 1) < rules.timeout
    assert rules.hold < rules.timeout


def test_waiting_for_the_login_limit_outlasts_its_hour_at_few_logins() -> None:
    assert timedelta(hours=1) < RATE_TIMEOUT
    assert RATE_TIMEOUT / RATE_INTERVAL < 20
