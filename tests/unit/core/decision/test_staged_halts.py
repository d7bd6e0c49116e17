"""When a rotation of a client secret calls for a person, and what it tells him."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.actions import HaltReason
from rotator.core.logins import LoginOutcome
from rotator.core.observed import ObservedApp
from tests.unit.core.decision.secret_situations import FIRST, decided, pairs, rotated, staged
from tests.unit.core.decision.situations import (
    DAY,
    FINISH,
    JUST_IN,
    MINUTE,
    NEW,
    NO_ANSWER_FOR_LONG,
    NOT_SET_UP,
    NOT_SET_UP_FOR_LONG,
    OLD,
    REFUSED,
    REFUSED_FOR_GOOD,
    REPLACE,
    REPLACING_UNKNOWN,
    RESTORE,
    row,
    told,
)

if TYPE_CHECKING:
    from rotator.core.decision.observations import Observation, Probe
    from rotator.core.decision.policies import Wanted

DRIFT = HaltReason.DRIFT
NO_LOGIN = HaltReason.LOGIN_NOT_SET_UP
WRONG_CLOCK = row(LoginOutcome.CLOCK, 1, 0 * DAY, ago=MINUTE)


def current_says(probe: Probe) -> Observation:
    """Nothing was changed, and this is what test logins with the pair in use have come to."""
    return pairs("old", current=OLD, probes={"old": probe})


@pytest.mark.parametrize(
    ("look", "wanted", "reason", "words"),
    [
        pytest.param(
            pairs("stranger", rotated="old", current=OLD),
            REPLACE,
            DRIFT,
            "is taken for a while still",
            id="a person rotated, current is taken still",
        ),
        pytest.param(
            pairs("stranger", current=OLD),
            REPLACING_UNKNOWN,
            DRIFT,
            "is not taken any more",
            id="a person rotated, and current's time has ended",
        ),
        pytest.param(
            pairs("new", current=OLD, previous=NEW),
            FINISH,
            DRIFT,
            "does not take current's",
            id="not asked for more",
        ),
        pytest.param(
            pairs("new", current=OLD, previous=NEW),
            RESTORE,
            DRIFT,
            "does not take current's",
            id="a secret cannot be put back",
        ),
        pytest.param(
            current_says(NOT_SET_UP),
            REPLACE,
            NO_LOGIN,
            "before anything was changed: it says so",
            id="logins are not set up",
        ),
        pytest.param(current_says(WRONG_CLOCK), REPLACE, NO_LOGIN, "before anything was changed", id="a wrong clock"),
        pytest.param(
            current_says(REFUSED),
            REPLACE,
            NO_LOGIN,
            "before anything was changed",
            id="current is refused, though the org shows it",
        ),
        pytest.param(
            current_says(NO_ANSWER_FOR_LONG),
            REPLACE,
            NO_LOGIN,
            "before anything was changed",
            id="no answer for too long",
        ),
        pytest.param(
            current_says(NOT_SET_UP_FOR_LONG),
            RESTORE,
            NO_LOGIN,
            "before anything was changed",
            id="current is to be proven",
        ),
        pytest.param(
            staged(new=NO_ANSWER_FOR_LONG),
            REPLACE,
            NO_LOGIN,
            "does not say what it makes of the staged pair",
            id="the staged pair is not answered",
        ),
        pytest.param(
            rotated(REFUSED_FOR_GOOD),
            REPLACE,
            HaltReason.UNPROVEN,
            "do not succeed (it says so); the org takes current's still",
            id="the new pair is refused",
        ),
        pytest.param(
            pairs("new", pending=NEW, current=OLD, probes={"new": NO_ANSWER_FOR_LONG}),
            REPLACE,
            HaltReason.UNPROVEN,
            "the org takes current's no more",
            id="or never answered, and the old one has ended",
        ),
        pytest.param(
            pairs("new", pending=NEW, probes={"new": REFUSED_FOR_GOOD}),
            FIRST,
            HaltReason.UNPROVEN,
            "nothing was current before",
            id="or it is the first",
        ),
        pytest.param(pairs("old"), RESTORE, HaltReason.NOTHING_STORED, "No version is current", id="nothing is stored"),
    ],
)
def test_when_a_person_is_called(look: Observation, wanted: Wanted, reason: HaltReason, words: str) -> None:
    action = decided(look, wanted)
    assert (action.kind, action.halt) == ("halt", reason)
    assert words in action.why
    assert action.hint
    assert bool(action.rerun) == (reason is HaltReason.UNPROVEN), "what was begun goes on when it is run again"


def test_a_first_pair_whose_logins_are_not_set_up_is_kept_and_a_person_is_called_at_once() -> None:
    action = decided(pairs("new", pending=NEW, probes={"new": NOT_SET_UP}), FIRST)
    assert action.halt is HaltReason.LOGIN_NOT_SET_UP
    assert "stored as pending; nothing was current before" in action.why
    assert action.rerun, "it goes on from there"


def test_a_further_pair_that_is_not_set_up_is_tried_for_as_long_as_any() -> None:
    """The one before it logged in, so servers may only not have heard of the change."""
    assert told(decided(rotated(NOT_SET_UP))) == "verify new to A"


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (pairs("old", rotated="stranger", current=OLD, probes={"old": JUST_IN}), "rotated away by hand"),
        (pairs("old", staged="stranger", current=OLD, probes={"old": JUST_IN}), "staged by hand (stranger)"),
    ],
)
def test_a_person_is_told_what_the_second_pair_is(look: Observation, words: str) -> None:
    action = decided(look)
    assert words in action.why
    assert "--replace-unknown" in action.hint


def test_nothing_is_decided_while_the_app_is_out_of_sight() -> None:
    look = replace(pairs("old"), apps={"A": ObservedApp("A", readable=False, by_secret=True)})
    assert decided(look).halt is HaltReason.APP_UNREADABLE
