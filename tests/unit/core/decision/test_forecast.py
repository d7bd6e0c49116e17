"""What is foreseen is each step once, and where the run would stop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.actions import ActionKind
from rotator.core.decision.forecast import NEW_VERSION, Forecast, foresee
from rotator.core.decision.options import RotationOptions
from rotator.core.usage.retirement import Confirmation, Retire
from tests.unit.core.decision.hidden_situations import UNKNOWN, hidden
from tests.unit.core.decision.secret_situations import FIRST, pairs
from tests.unit.core.decision.situations import (
    BRING_OLDER,
    DAY,
    FINISH,
    KEEPING_THE_KEY,
    NEW,
    NOW,
    OLD,
    OLDER,
    OLDER_ON_B,
    POLICY,
    REPLACE,
    REPLACING_UNKNOWN,
    RESTORE,
    seen,
    told,
    version,
)

if TYPE_CHECKING:
    from rotator.core.decision.observations import Observation
    from rotator.core.decision.policies import Wanted


A_NEW_PAIR = "stage to A, verify new to A, rotate new to A, verify new to A, promote new to A, done"


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
        pytest.param(
            seen("old", "older", current=OLD, previous=OLDER_ON_B, promoted=8 * DAY),
            KEEPING_THE_KEY,
            "disable older to B, verify old to A, generate to A, upload new to A, verify new to A, promote new to A,"
            " done",
            id="what is over on the other app ends first",
        ),
        pytest.param(
            seen("old", "new", pending=version("new", "B", lasts=DAY), current=OLD),
            REPLACE,
            "disable new to B, discard new to B, generate to B, verify new to B, upload new to B, verify new to B,"
            " promote new to B, done",
            id="over the throwaway certificate by which one that lasts too shortly was ended",
        ),
        pytest.param(
            pairs("old"), FIRST, "take to A, verify old to A, promote old to A, done", id="the first client secret"
        ),
        pytest.param(pairs("old", current=OLD), REPLACE, f"verify old to A, {A_NEW_PAIR}", id="the next client secret"),
        pytest.param(
            pairs("old", current=OLD),
            replace(REPLACE, options=RotationOptions(retire_now=True)),
            f"verify old to A, {A_NEW_PAIR.removesuffix('done')}unstage old to A, retire old to A, done",
            id="with no grace for the one before",
        ),
        pytest.param(
            pairs("old", staged="stranger", current=OLD),
            REPLACING_UNKNOWN,
            f"verify old to A, unstage stranger to A, {A_NEW_PAIR}",
            id="in the room of what somebody staged",
        ),
        pytest.param(
            pairs("old", rotated="older", current=OLD, previous=OLDER, promoted=8 * DAY),
            REPLACE,
            f"verify old to A, unstage older to A, {A_NEW_PAIR}",
            id="in the room of the one whose grace has ended",
        ),
        pytest.param(
            hidden(UNKNOWN, current=OLD),
            REPLACE,
            "verify old to A, generate to A, verify new to A, upload new to A, verify new to A, promote new to A, done",
            id="an app that does not show what it holds",
        ),
        pytest.param(
            hidden(UNKNOWN, UNKNOWN, current=OLD),
            REPLACE,
            "verify old to A, halt standby_unknown",
            id="beside it one that may be in use",
        ),
        pytest.param(
            replace(hidden(UNKNOWN, UNKNOWN, current=OLD, previous=OLDER_ON_B), promoted_at=NOW - 8 * DAY),
            FINISH,
            "verify old to A, verify older to B, disable older to B, verify older to B, retire older to B, done",
            id="or that holds what is over, and must refuse it before that leaves the store",
        ),
        pytest.param(
            hidden(UNKNOWN, UNKNOWN, current=OLD, previous=OLDER_ON_B),
            replace(REPLACE, options=RotationOptions(retire_now=True)),
            "verify old to A, verify older to B, generate to B, verify new to B, upload new to B, verify new to B,"
            " promote new to B, disable old to A, verify old to A, retire old to A, done",
            id="two that take turns and do not show what they hold",
        ),
        pytest.param(
            hidden(UNKNOWN, pending=NEW, current=OLD),
            RESTORE,
            "restore old to A, verify old to A, verify new to A, discard new to A, done",
            id="the old certificate goes back to one that may hold the new one",
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
