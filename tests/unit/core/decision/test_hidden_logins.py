"""Which test logins find out what an app holds that does not show it, and when a person is called instead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.actions import HaltReason
from rotator.core.decision.hidden_proofs import (
    some_key_logs_in,
)
from rotator.core.logins import LoginOutcome
from tests.unit.core.decision.hidden_situations import NOTHING, REFUSES, UNKNOWN, hidden, said, situation
from tests.unit.core.decision.situations import (
    JUST_IN,
    MINUTE,
    NEW,
    NEW_ON_B,
    NO_ANSWER,
    NO_ANSWER_FOR_LONG,
    NOT_SET_UP,
    NOT_SET_UP_FOR_LONG,
    NOW,
    OLD,
    OLDER,
    REFUSED,
    REFUSED_FOR_GOOD,
    REFUSED_YET,
    RENEWED,
    SECOND,
    TOO_MANY_FOR_AN_HOUR,
    TOO_MANY_FOR_LONG,
    row,
)

if TYPE_CHECKING:
    from rotator.core.decision.observations import Observation, Probe

ACCEPTED_LONG_AGO = row(LoginOutcome.ACCEPTED, 9, MINUTE, ago=2 * MINUTE)
JUST_BEFORE = row(LoginOutcome.ACCEPTED, 1, 0 * SECOND, ago=30 * SECOND)
WRONG_CLOCK = row(LoginOutcome.CLOCK, 1, 0 * SECOND, ago=MINUTE)


def tried(old: Probe, older: Probe) -> Observation:
    """Nothing is known of the app, and both stored keys were tried."""
    return hidden(UNKNOWN, current=OLD, previous=OLDER, probes={"old": old, "older": older})


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(hidden(UNKNOWN), id="nothing is stored"),
        pytest.param(hidden(UNKNOWN, pending=NEW, unsent=["new"]), id="what is stored was sent nowhere"),
        pytest.param(hidden(UNKNOWN, UNKNOWN, pending=NEW_ON_B), id="what is stored is for another app"),
        pytest.param(hidden(REFUSES, current=OLD), id="it takes no stored key"),
        pytest.param(hidden(UNKNOWN, current=OLD, probes={"old": JUST_IN}), id="current's has logged in"),
        pytest.param(
            hidden(UNKNOWN, pending=NEW, current=OLD, probes={"old": REFUSED_YET, "new": JUST_IN}),
            id="with one under way any tells",
        ),
    ],
)
def test_no_test_login_is_made_where_none_tells_more(look: Observation) -> None:
    assert some_key_logs_in(situation(look), "A") is None


@pytest.mark.parametrize(
    ("look", "action"),
    [
        pytest.param(
            hidden(UNKNOWN, pending=NEW, current=OLD, previous=OLDER), "verify old to A", id="current's first"
        ),
        pytest.param(
            hidden(UNKNOWN, pending=NEW, current=OLD, previous=OLDER, probes={"old": REFUSED}),
            "verify older to A",
            id="then each that was not tried",
        ),
        pytest.param(tried(REFUSED, REFUSED_YET), "verify old to A", id="then the one that was tried longest ago"),
        pytest.param(tried(REFUSED_FOR_GOOD, REFUSED), "verify older to A", id="not one that is refused for good"),
        pytest.param(
            tried(NO_ANSWER_FOR_LONG, NO_ANSWER),
            "verify older to A",
            id="nor one that has had no answer for too long",
        ),
        pytest.param(tried(TOO_MANY_FOR_AN_HOUR, REFUSED), "verify old to A", id="a limit has more than an hour"),
        pytest.param(
            tried(REFUSED, JUST_IN),
            "verify old to A",
            id="what a slow server accepts beside current's tells nothing",
        ),
        pytest.param(
            hidden(UNKNOWN, current=OLD, probes={"old": ACCEPTED_LONG_AGO}), "verify old to A", id="it was too long ago"
        ),
        pytest.param(
            tried(NOT_SET_UP, REFUSED_FOR_GOOD),
            "verify old to A",
            id="of several a locked user may be of one",
        ),
        pytest.param(tried(NOT_SET_UP, NOT_SET_UP), "verify old to A", id="even if it looks so for each"),
        pytest.param(
            tried(REFUSED_YET, JUST_BEFORE),
            "wait old to A",
            id="what was just accepted is not tried again meanwhile",
        ),
    ],
)
def test_stored_keys_are_tried_in_turn_until_one_tells(look: Observation, action: str) -> None:
    assert said(some_key_logs_in(situation(look), "A")) == action


@pytest.mark.parametrize(
    ("probes", "action"),
    [
        pytest.param({"new": JUST_IN}, "verify old to A", id="current's was not tried"),
        pytest.param({"new": JUST_IN, "old": REFUSED_YET}, "wait old to A", id="a slow server may have refused it"),
        pytest.param({"new": JUST_IN, "old": NO_ANSWER}, "verify old to A", id="it had no answer"),
        pytest.param({"new": JUST_IN, "old": REFUSED}, NOTHING, id="it is refused again and again"),
        pytest.param({"new": JUST_IN, "old": JUST_IN}, NOTHING, id="it is in force"),
    ],
)
def test_of_a_pair_what_is_accepted_in_the_place_of_current_tells_only_when_current_is_refused(
    probes: dict[str, Probe], action: str
) -> None:
    s = situation(hidden(UNKNOWN, UNKNOWN, pending=NEW, current=OLD, probes=probes))
    assert said(some_key_logs_in(s, "A")) == action
    assert s.leaves_current_alone(NEW) == (action == NOTHING and probes["old"] == REFUSED)


def test_of_a_pair_a_renewed_certificate_tells_as_current_would() -> None:
    s = situation(hidden(UNKNOWN, UNKNOWN, pending=RENEWED, current=OLD, probes={"new": JUST_IN}))
    assert some_key_logs_in(s, "A") is None


def test_a_test_login_waits_for_its_time() -> None:
    action = some_key_logs_in(situation(hidden(UNKNOWN, current=OLD, probes={"old": REFUSED_YET})), "A")
    assert action
    assert (said(action), action.until) == ("wait old to A", NOW + SECOND)


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        pytest.param(
            hidden(UNKNOWN, current=OLD, probes={"old": NO_ANSWER_FOR_LONG}),
            HaltReason.LOGIN_NOT_SET_UP,
            id="no answer",
        ),
        pytest.param(
            hidden(UNKNOWN, current=OLD, probes={"old": TOO_MANY_FOR_LONG}), HaltReason.LOGIN_NOT_SET_UP, id="a limit"
        ),
        pytest.param(
            hidden(UNKNOWN, current=OLD, probes={"old": NOT_SET_UP}), HaltReason.LOGIN_NOT_SET_UP, id="no permission"
        ),
        pytest.param(
            hidden(UNKNOWN, current=OLD, probes={"old": WRONG_CLOCK}), HaltReason.LOGIN_NOT_SET_UP, id="a wrong clock"
        ),
        pytest.param(
            hidden(UNKNOWN, pending=NEW, current=OLD, unsent=["new"], probes={"old": NO_ANSWER_FOR_LONG}),
            HaltReason.LOGIN_NOT_SET_UP,
            id="what is pending was sent nowhere",
        ),
        pytest.param(
            hidden(UNKNOWN, pending=NEW, current=OLD, probes={"old": NO_ANSWER_FOR_LONG, "new": REFUSED_FOR_GOOD}),
            HaltReason.UNPROVEN,
            id="a pending version may be under way",
        ),
        pytest.param(tried(NO_ANSWER_FOR_LONG, NOT_SET_UP_FOR_LONG), HaltReason.LOGIN_NOT_SET_UP, id="of several each"),
    ],
)
def test_a_person_is_called_when_no_key_tells_for_long(look: Observation, reason: HaltReason) -> None:
    action = some_key_logs_in(situation(look), "A")
    assert action
    assert action.halt == reason
    assert action.hint.startswith("Do this.")
    assert "App A does not show its certificate" in action.why
    assert "it says so" in action.why
    assert bool(action.rerun) == (reason is HaltReason.UNPROVEN), "what was begun goes on when it is run again"


@pytest.mark.parametrize(
    ("look", "is_told"),
    [
        pytest.param(hidden(UNKNOWN, current=OLD, probes={"old": NOT_SET_UP}), True, id="in words of its own"),
        pytest.param(hidden(UNKNOWN, current=OLD, probes={"old": NO_ANSWER_FOR_LONG}), False, id="an outage"),
        pytest.param(hidden(UNKNOWN, current=OLD, probes={"old": WRONG_CLOCK}), False, id="a clock"),
        pytest.param(hidden(UNKNOWN, previous=OLDER, probes={"older": NOT_SET_UP}), False, id="nothing is current"),
    ],
)
def test_where_a_wrong_key_may_be_refused_so_the_way_to_put_current_back_is_told(
    look: Observation, is_told: bool
) -> None:
    action = some_key_logs_in(situation(look), "A")
    assert action
    assert ("`rotate restore NAME` gives it current's" in action.hint) == is_told


def test_the_answer_that_a_person_is_told_is_one_that_proves_nothing() -> None:
    silent = replace(NO_ANSWER_FOR_LONG, answer=replace(NO_ANSWER_FOR_LONG.answer, reason="HTTP 503", hint="Wait."))
    look = tried(REFUSED_FOR_GOOD, silent)
    action = some_key_logs_in(situation(look), "A")
    assert action
    assert "HTTP 503" in action.why
    assert action.hint == "Wait."


def test_where_no_key_is_taken_after_a_write_that_was_not_answered_that_is_told() -> None:
    look = hidden(UNKNOWN, current=OLD, begun="A", probes={"old": REFUSED_FOR_GOOD})
    action = some_key_logs_in(situation(look), "A")
    assert action
    assert action.halt is HaltReason.LOGIN_NOT_SET_UP
