"""What is away for a while is waited for, what says no less, and each kind of failure is counted for itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.core.decision.actions import ActionKind
from rotator.core.decision.policies import Verification
from rotator.errors import HistoryUnavailable, LoginRefused, OrgError, OrgUnavailable, RotatorError, StoreUnavailable
from rotator.services.rotation.retry_policy import OBSERVING, RetryPolicy
from rotator.testing.versions import MOMENT

RULES = Verification(timeout=timedelta(minutes=8), max_interval=timedelta(seconds=30))
AWAY = OrgUnavailable("Away.", hint="")
MINUTE = timedelta(minutes=1)


class World:
    """Time, and the retry policy of a run in it."""

    def __init__(self) -> None:
        self.time = MOMENT
        self.policy = RetryPolicy(RULES, lambda: self.time)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("error", "minutes"),
    [
        (AWAY, 8),
        (StoreUnavailable("Full.", hint=""), 8),
        (HistoryUnavailable("Full.", hint=""), 8),
        (OrgError("No.", hint=""), 2),
        (LoginRefused("No.", hint=""), 2),
    ],
)
def test_it_lasts_as_long_as_the_rules_say(world: World, error: RotatorError, minutes: int) -> None:
    assert not world.policy.is_over(OBSERVING, error)
    world.time += minutes * MINUTE - timedelta(seconds=1)
    assert not world.policy.is_over(OBSERVING, error)
    world.time += timedelta(seconds=1)
    assert world.policy.is_over(OBSERVING, error)


def test_a_success_begins_it_anew_for_its_own_kind_only(world: World) -> None:
    for kind in (OBSERVING, ActionKind.RESTORE):
        world.policy.is_over(kind, AWAY)
    world.time += 8 * MINUTE
    world.policy.succeeded(OBSERVING)
    assert not world.policy.is_over(OBSERVING, AWAY)
    assert world.policy.is_over(ActionKind.RESTORE, AWAY)
    world.policy.succeeded(ActionKind.RESTORE)
    assert not world.policy.is_over(ActionKind.RESTORE, AWAY)


def test_the_pause_after_each_failure_is_longer(world: World) -> None:
    pauses = []
    for _ in range(6):
        world.policy.is_over(OBSERVING, AWAY)
        pauses.append(world.policy.pause(OBSERVING).total_seconds())
    assert pauses == [2, 4, 8, 16, 30, 30]
