"""What is foreseen is each step once, and where the run would stop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.actions import ActionKind
from rotator.core.decision.forecast import NEW_VERSION, Forecast, foresee
from rotator.core.usage.retirement import Confirmation, Retire
from tests.unit.core.decision.situations import (
    BRING_OLDER,
    DAY,
    KEEPING_THE_KEY,
    NEW,
    NOW,
    OLD,
    OLDER,
    OLDER_ON_B,
    POLICY,
    REPLACE,
    RESTORE,
    seen,
    told,
)

if TYPE_CHECKING:
    from rotator.core.decision.observations import Observation
    from rotator.core.decision.policies import Wanted


def foreseen(observation: Observation, wanted: Wanted = REPLACE) -> Forecast:
    return foresee(observation, wanted, POLICY, NOW)


@pytest.mark.parametrize(
    ("observation", "wanted", "steps"),
    [
        pytest.param(
            seen("old", current=OLD),
            REPLACE,
            "verify old to A, generate to A, verify new to A, upload new to A, verify new to A, promote new to A, done",
            id="one app",
        ),
        pytest.param(
            seen("old", current=OLD),
            KEEPING_THE_KEY,
            "verify old to A, generate to A, upload new to A, verify new to A, promote new to A, done",
            id="a key that is kept is not tried before its certificate is there",
        ),
        pytest.param(
            seen("old", None, current=OLD),
            REPLACE,
            "generate to B, verify new to B, upload new to B, verify new to B, promote new to B, done",
            id="two apps",
        ),
        pytest.param(
            seen("new", "older", current=NEW, previous=OLDER_ON_B),
            BRING_OLDER,
            "recall older to B, verify older to B, promote older to B, done",
            id="back to what is live still",
        ),
        pytest.param(
            seen("old", pending=NEW, current=OLD, previous=OLDER),
            RESTORE,
            "discard new to A, verify old to A, done",
            id="back to the certificate that is there",
        ),
        pytest.param(
            seen("old", "older", current=OLD, previous=OLDER_ON_B, promoted=8 * DAY),
            RESTORE,
            "verify old to A, disable older to B, retire older to B, done",
            id="and what is over ends",
        ),
        pytest.param(
            seen("stranger", current=OLD),
            RESTORE,
            "restore old to A, verify old to A, done",
            id="what a person changed is put back",
        ),
    ],
)
def test_a_run_is_foreseen_step_by_step(observation: Observation, wanted: Wanted, steps: str) -> None:
    forecast = foreseen(observation, wanted)
    named = [told(step).replace(NEW_VERSION, "new") for step in (*forecast.steps, forecast.end)]
    assert ", ".join(named) == steps


def test_it_ends_with_the_wait_for_consumers_of_the_other_app() -> None:
    forecast = foreseen(seen("old", "older", current=OLD, previous=OLDER_ON_B))
    assert (forecast.steps, forecast.end.kind, forecast.end.until) == ((), ActionKind.WAIT, NOW + 6 * DAY)


def test_what_consumers_said_of_the_version_before_ends_no_grace() -> None:
    policy, moved = replace(POLICY, retire=Retire.WHEN_CONFIRMED), Confirmation(at=NOW - DAY)
    look = replace(seen("old", current=OLD, promoted=2 * DAY), confirmation=moved)
    forecast = foresee(look, REPLACE, policy, NOW)
    assert told(forecast.steps[-1]) == f"promote {NEW_VERSION} to A"
    assert forecast.end.until
    assert forecast.end.until >= NOW + 7 * DAY


def test_what_calls_for_a_person_ends_it() -> None:
    forecast = foreseen(seen("stranger", current=OLD))
    assert (forecast.steps, told(forecast.end)) == ((), "halt drift")


def test_a_login_that_the_org_may_limit_for_an_hour_is_no_long_wait() -> None:
    rules = replace(POLICY.verification, timeout=POLICY.verification.interval, hold=0 * DAY)
    soon = replace(POLICY, verification=rules)
    assert told(foresee(seen("old", current=OLD), REPLACE, soon, NOW).end) == "done"
