"""A revocation, and what brings the credential back, go on from wherever a process died."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from rotator.core.lifecycle.revocation import EVERY_STEP
from rotator.core.lifecycle.states import CredentialState
from rotator.history.journal.journal import Journal
from rotator.services.rotation.report import Outcome
from tests.tiers import first_standard

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.lifecycle.revocation import RevocationStep
    from tests.rotation.ground import Ground

from tests.rotation.revoking import TOKENS, Given, crashing, handle, in_use, revoke, state, whole


def goes_on(ground: Ground, at: int, *steps: RevocationStep) -> bool:
    """Whether the process died at that point, before or after a call; what it began goes on either way."""
    steps = steps or EVERY_STEP
    ground.begin()
    given, before = in_use(ground), whole(ground, "Billing")
    died = crashing(ground, lambda: revoke(ground, *steps), at)
    if died and Journal(ground.database).credential_record("billing").revoked:
        assert state(ground) is CredentialState.REVOKED
    assert revoke(ground, *steps).is_whole
    if TOKENS not in steps:
        assert given.is_token_taken
    assert (given.log_in() is None) == (steps != (TOKENS,)), at
    assert not (TOKENS in steps and given.is_token_taken), at
    assert handle(ground).outcome is Outcome.ROTATED
    assert whole(ground, "Billing") == before, at
    return died


def comes_back(ground: Ground, at: int) -> bool:
    """The same of what brings it back."""
    ground.begin()
    given, before = in_use(ground), whole(ground, "Billing")
    revoke(ground)
    died = crashing(ground, lambda: handle(ground), at)
    if died:
        assert handle(ground).outcome is Outcome.ROTATED
    assert given.log_in() is None, at
    assert Given(ground, ground.current("billing")).holds
    assert state(ground) is CredentialState.OK
    assert whole(ground, "Billing") == before, at
    return died


@pytest.mark.parametrize("act", [goes_on, comes_back])
@pytest.mark.parametrize("at", first_standard([22, 13, 31]))
def test_it_goes_on_after_a_crash(ground: Ground, act: Callable[[Ground, int], bool], at: int) -> None:
    assert act(ground, at)


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("step", EVERY_STEP)
def test_each_step_goes_on_after_a_crash_at_every_call(ground: Ground, step: RevocationStep) -> None:
    points = next(at for at in count(1) if not goes_on(ground, at, step))
    assert points > 10


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("act", [goes_on, comes_back])
def test_it_goes_on_after_a_crash_at_every_call(ground: Ground, act: Callable[[Ground, int], bool]) -> None:
    points = next(at for at in count(1) if not act(ground, at))
    assert points > 30
