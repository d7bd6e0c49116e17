"""Before a person is called for a certificate that nobody knows, store and org are observed once more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import Action, ActionKind, HaltReason, halt
from rotator.core.decision.observations import Observation, Probe
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import KnownVersion, ObservedApp
from rotator.services.rotation.observer import MOST_OBSERVATIONS, Recheck
from rotator.testing.versions import MOMENT


def seen(live: str) -> Observation:
    current = KnownVersion(Fingerprint("a" * 64), "Billing", "key", MOMENT + timedelta(days=90))
    return Observation({"Billing": ObservedApp("Billing", live=Fingerprint(live * 64))}, current=current)


DRIFT = halt(HaltReason.DRIFT, "somebody changed it", "adopt it")


@pytest.mark.parametrize("reason", [HaltReason.DRIFT, HaltReason.STANDBY_UNKNOWN])
def test_what_nobody_knows_is_observed_twice(reason: HaltReason) -> None:
    recheck, action = Recheck(), replace(DRIFT, halt=reason)
    assert recheck.is_needed(action, seen("b"))
    probe = Probe.begin(LoginAnswer(LoginOutcome.MISMATCH), MOMENT)
    assert not recheck.is_needed(action, replace(seen("b"), promoted_at=MOMENT, probes={Fingerprint("a" * 64): probe}))


def test_what_changed_meanwhile_is_observed_once_more() -> None:
    recheck = Recheck()
    assert [recheck.is_needed(DRIFT, seen(live)) for live in "bcc"] == [True, True, False]


@pytest.mark.parametrize(
    "action", [Action(ActionKind.DONE, "it is so"), halt(HaltReason.NOTHING_STORED, "nothing", "enroll")], ids=str
)
def test_what_does_not_depend_on_the_moment_is_believed(action: Action) -> None:
    assert not Recheck().is_needed(action, seen("b"))


def test_what_goes_on_changing_is_not_observed_without_end() -> None:
    recheck = Recheck()
    needed = [recheck.is_needed(DRIFT, seen("bcdef"[number % 5])) for number in range(MOST_OBSERVATIONS + 1)]
    assert needed == [True] * MOST_OBSERVATIONS + [False]
