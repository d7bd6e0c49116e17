"""What holds of the decision whatever is seen."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from rotator.core.decision.actions import ActionKind
from rotator.core.decision.options import RotationOptions
from rotator.core.decision.policies import Goal, Wanted
from tests.unit.core.decision.situations import (
    DAY,
    HOLDS,
    JUST_IN,
    NAMES,
    NO_ANSWER,
    NO_ANSWER_FOR_LONG,
    NOT_SET_UP,
    NOW,
    OLD,
    REFUSED,
    REFUSED_FOR_GOOD,
    TOO_MANY_FOR_LONG,
    decided,
    seen,
    version,
)

if TYPE_CHECKING:
    from rotator.core.decision.observations import Observation
    from rotator.core.observed import KnownVersion


HELD = st.sampled_from([None, *NAMES])
KEYS = st.sampled_from(["", OLD.public_fingerprint])
LIVES = st.sampled_from([365 * DAY, 20 * DAY, -DAY])

PROBES = st.sampled_from(
    [JUST_IN, HOLDS, REFUSED, REFUSED_FOR_GOOD, NO_ANSWER, NO_ANSWER_FOR_LONG, NOT_SET_UP, TOO_MANY_FOR_LONG]
)


def stored(name: str) -> st.SearchStrategy[KnownVersion | None]:
    return st.none() | st.builds(version, st.just(name), st.sampled_from("ABC"), KEYS, LIVES)


WANTED = st.builds(
    Wanted,
    st.sampled_from(Goal),
    st.sampled_from([None, *NAMES.values()]),
    compromised=st.booleans(),
    options=st.builds(RotationOptions, keep_key=st.booleans(), retire_now=st.booleans(), replace_unknown=st.booleans()),
)


@st.composite
def anything_seen(draw: st.DrawFn) -> Observation:
    return seen(
        *draw(st.lists(HELD, min_size=1, max_size=2)),
        pending=draw(stored("new")),
        current=draw(stored("old")),
        previous=draw(stored("older")),
        promoted=draw(st.sampled_from([None, timedelta(0), DAY, 8 * DAY])),
        probes=draw(st.dictionaries(st.sampled_from(["older", "old", "new"]), PROBES)),
        given_up=draw(st.sampled_from([None, "new", "older"])),
    )


@given(anything_seen(), WANTED)
def test_there_is_an_answer_to_whatever_is_seen(observation: Observation, wanted: Wanted) -> None:
    action = decided(observation, wanted)
    assert action.why
    assert action.version is None or action.version in observation.stored
    assert action.app is None or action.app in observation.apps
    assert (action.kind is ActionKind.HALT) == (action.halt is not None) == bool(action.hint)
    if action.kind is ActionKind.WAIT:
        assert action.until is not None
        assert action.until > NOW


@given(anything_seen(), WANTED)
def test_the_same_is_decided_when_the_same_is_seen(observation: Observation, wanted: Wanted) -> None:
    assert decided(observation, wanted) == decided(observation, wanted)


@given(anything_seen(), WANTED)
def test_promotion_needs_a_live_certificate_and_a_login_that_holds(observation: Observation, wanted: Wanted) -> None:
    action = decided(observation, wanted)
    if action.kind is ActionKind.PROMOTE:
        assert observation.pending is not None
        assert observation.is_live(observation.pending)
        assert observation.probe(observation.pending) == HOLDS
