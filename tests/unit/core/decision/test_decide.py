"""The next single action for one app, in every situation that people ask about."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.actions import ActionKind, HaltReason
from rotator.core.decision.policies import Goal, Wanted
from rotator.core.logins import LoginAnswer, LoginOutcome
from tests.unit.core.decision.situations import (
    BRING_OLDER,
    DAY,
    HOLDS,
    JUST_IN,
    KEEPING_THE_KEY,
    MINUTE,
    NAMES,
    NEW,
    NEW_ON_B,
    NO_ANSWER,
    NO_ANSWER_FOR_LONG,
    NOT_SET_UP,
    NOT_SET_UP_FOR_LONG,
    NOW,
    OLD,
    OLDER,
    OLDER_ON_B,
    REFUSED,
    REFUSED_FOR_GOOD,
    REFUSED_YET,
    RENEWED,
    RESTORE,
    TOO_MANY_FOR_AN_HOUR,
    TOO_MANY_FOR_LONG,
    decided,
    row,
    seen,
    told,
)

if TYPE_CHECKING:
    from rotator.core.decision.observations import Observation, Probe

# --- one app -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observation", "action"),
    [
        pytest.param(seen("old", current=OLD), "verify old to A", id="the old key must log in first"),
        pytest.param(seen("old", current=OLD, probes={"old": JUST_IN}), "generate to A", id="then a key is made"),
        pytest.param(
            seen("old", pending=NEW, current=OLD, probes={"old": JUST_IN}),
            "upload new to A",
            id="and its certificate sent",
        ),
        pytest.param(
            seen("old", pending=NEW, current=OLD),
            "verify old to A",
            id="but not by a new run that has not seen the old key log in",
        ),
        pytest.param(
            seen(
                "old",
                pending=NEW,
                current=OLD,
                probes={"old": replace(JUST_IN, since=NOW - 2 * MINUTE, last_at=NOW - 2 * MINUTE)},
            ),
            "verify old to A",
            id="nor long after it logged in",
        ),
        pytest.param(seen("new", pending=NEW, current=OLD), "verify new to A", id="the new key is tried"),
        pytest.param(
            seen("new", pending=NEW, current=OLD, probes={"new": JUST_IN}), "wait new to A", id="again after a pause"
        ),
        pytest.param(
            seen("new", pending=NEW, current=OLD, probes={"new": REFUSED}),
            "verify new to A",
            id="also when it is refused",
        ),
        pytest.param(
            seen("new", pending=NEW, current=OLD, probes={"new": NO_ANSWER}), "verify new to A", id="or nobody answers"
        ),
        pytest.param(
            seen("new", pending=NEW, current=OLD, probes={"new": NOT_SET_UP}),
            "verify new to A",
            id="or the login is not set up, as its change may be on the way too",
        ),
        pytest.param(
            seen("new", pending=NEW, current=OLD, probes={"new": TOO_MANY_FOR_AN_HOUR}),
            "verify new to A",
            id="or the user has used up the hour's logins",
        ),
        pytest.param(
            seen("new", pending=NEW, current=OLD, probes={"new": HOLDS}),
            "promote new to A",
            id="and promoted when it holds",
        ),
        pytest.param(seen("new", current=NEW, previous=OLD), "done", id="the old version is kept for its grace"),
        pytest.param(
            seen("new", current=NEW, previous=OLD, promoted=8 * DAY), "retire old to A", id="and retired after it"
        ),
        pytest.param(
            seen("new", current=NEW, previous=OLD, promoted=None),
            "retire old to A",
            id="a version that nobody knows since when has had its grace",
        ),
        pytest.param(seen("new", current=NEW), "done", id="that is all"),
    ],
)
def test_one_app_is_rotated_in_place(observation: Observation, action: str) -> None:
    assert told(decided(observation)) == action


@pytest.mark.parametrize(
    ("observation", "action"),
    [
        pytest.param(
            seen("new", pending=NEW, current=OLD, probes={"new": REFUSED_FOR_GOOD}),
            "restore old to A",
            id="the old certificate goes back",
        ),
        pytest.param(
            seen("old", pending=NEW, current=OLD, given_up="new"), "verify old to A", id="the old key must log in again"
        ),
        pytest.param(
            seen("old", pending=NEW, current=OLD, given_up="new", probes={"old": JUST_IN}),
            "wait old to A",
            id="more than once",
        ),
        pytest.param(
            seen("old", pending=NEW, current=OLD, given_up="new", probes={"old": HOLDS}),
            "discard new to A",
            id="then the new one is discarded",
        ),
        pytest.param(
            seen("old", current=OLD, given_up="new", probes={"old": HOLDS}), "halt reverted", id="and that is it"
        ),
        pytest.param(
            seen("old", pending=NEW, current=OLD, given_up="new", probes={"old": REFUSED_FOR_GOOD}),
            "halt revert_unproven",
            id="both are kept while neither logs in",
        ),
        pytest.param(
            seen("old", current=OLD, given_up="new"),
            "verify old to A",
            id="a person may have changed the app before the end",
        ),
        pytest.param(
            seen(None, pending=NEW, current=OLD),
            "upload new to A",
            id="an app that lost its certificate on the way gets the new one",
        ),
        pytest.param(
            seen(None, pending=NEW, current=OLD, given_up="new"),
            "restore old to A",
            id="or the old one, once the new one was given up",
        ),
    ],
)
def test_a_new_key_that_never_logs_in_is_taken_back(observation: Observation, action: str) -> None:
    assert told(decided(observation)) == action


def test_refusals_with_breaks_are_borne_twice_as_long() -> None:
    flapping = replace(REFUSED, first_at=NOW - 29 * MINUTE, since=NOW - 2 * MINUTE)
    hopeless = replace(flapping, first_at=NOW - 32 * MINUTE)
    assert told(decided(seen("new", pending=NEW, current=OLD, probes={"new": flapping}))) == "verify new to A"
    assert told(decided(seen("new", pending=NEW, current=OLD, probes={"new": hopeless}))) == "restore old to A"


def test_a_suspended_process_gives_up_nothing_for_the_time_it_slept() -> None:
    overnight = row(LoginOutcome.MISMATCH, 2, MINUTE, ago=10 * 60 * MINUTE)
    assert told(decided(seen("new", pending=NEW, current=OLD, probes={"new": overnight}))) == "verify new to A"


@pytest.mark.parametrize("probe", [NO_ANSWER_FOR_LONG, NOT_SET_UP_FOR_LONG, TOO_MANY_FOR_LONG])
def test_answers_that_prove_nothing_change_nothing_on_the_org(probe: Probe) -> None:
    action = decided(seen("new", pending=NEW, current=OLD, probes={"new": probe}))
    assert action.halt is HaltReason.UNPROVEN
    assert "it says so" in action.why
    assert action.hint.startswith("Do this.")


# --- what a wrong key is told ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("probe", "action"),
    [
        pytest.param(None, "verify new to A", id="it is tried once"),
        pytest.param(REFUSED_YET, "upload new to A", id="and must be refused"),
        pytest.param(NOT_SET_UP, "upload new to A", id="in whatever words"),
        pytest.param(REFUSED_FOR_GOOD, "upload new to A", id="however often"),
        pytest.param(NO_ANSWER, "verify new to A", id="an outage says nothing"),
        pytest.param(TOO_MANY_FOR_AN_HOUR, "verify new to A", id="nor a limit"),
        pytest.param(NO_ANSWER_FOR_LONG, "halt login_not_set_up", id="and ends the run when it lasts"),
        pytest.param(
            replace(NOT_SET_UP, answer=LoginAnswer(LoginOutcome.CONFIGURATION, "invalid_grant: user is locked")),
            "verify new to A",
            id="nor a locked user",
        ),
        pytest.param(JUST_IN, "wait new to A", id="an acceptance is looked at again"),
        pytest.param(HOLDS, "halt accepted_early", id="and calls for a person when it holds"),
    ],
)
def test_a_new_key_is_tried_before_its_certificate_is_there(probe: Probe | None, action: str) -> None:
    probes = {"old": JUST_IN} | ({"new": probe} if probe else {})
    assert told(decided(seen("old", pending=NEW, current=OLD, probes=probes, untried=True))) == action


def test_a_login_before_the_upload_is_marked_as_one() -> None:
    def asked(observation: Observation) -> tuple[ActionKind, bool]:
        action = decided(observation)
        return action.kind, action.before_upload

    untried = seen("old", pending=NEW, current=OLD, untried=True, probes={"old": JUST_IN})
    assert asked(untried) == (ActionKind.VERIFY, True)
    assert asked(seen("new", pending=NEW, current=OLD)) == (ActionKind.VERIFY, False)


def test_a_key_that_is_kept_is_not_tried_before_its_new_certificate_is_there() -> None:
    observation = seen("old", pending=RENEWED, current=OLD, probes={"old": JUST_IN}, untried=True)
    assert told(decided(observation, KEEPING_THE_KEY)) == "upload new to A"


def test_a_version_that_is_brought_back_may_be_known_to_some_servers_still() -> None:
    probes = {"new": JUST_IN, "older": HOLDS}
    observation = seen("new", pending=OLDER, current=NEW, previous=OLDER, probes=probes, untried=True)
    assert told(decided(observation, BRING_OLDER)) == "upload older to A"


@pytest.mark.parametrize(
    ("observation", "learns"),
    [
        pytest.param(
            seen("old", pending=NEW, current=OLD, probes={"old": JUST_IN}, untried=True), True, id="current logs in"
        ),
        pytest.param(
            seen("old", pending=NEW, current=OLD, probes={"old": row(LoginOutcome.MISMATCH, 3, MINUTE)}, untried=True),
            False,
            id="current is refused as well",
        ),
        pytest.param(seen("old", None, pending=NEW_ON_B, current=OLD, untried=True), True, id="the standby app"),
        pytest.param(seen(None, pending=NEW, untried=True), True, id="the first key of an app"),
        pytest.param(seen("new", pending=NEW, current=OLD), False, id="the certificate is there"),
    ],
)
def test_what_a_wrong_key_is_told_is_learnt_when_nothing_else_can_be_wrong(
    observation: Observation, learns: bool
) -> None:
    action = decided(observation)
    assert (action.kind, action.version, action.learns) == (ActionKind.VERIFY, NAMES["new"], learns)


# --- back, restore, enrol ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observation", "action"),
    [
        pytest.param(seen("old", current=OLD, previous=OLDER), "recall older to A", id="it is called back"),
        pytest.param(
            seen("old", pending=OLDER, current=OLD, previous=OLDER, probes={"old": JUST_IN}),
            "upload older to A",
            id="sent by the same rules",
        ),
        pytest.param(
            seen("older", pending=OLDER, current=OLD, previous=OLDER, probes={"older": HOLDS}),
            "promote older to A",
            id="proven and promoted",
        ),
        pytest.param(seen("older", current=OLDER, previous=OLD), "done", id="and the other one is kept for its grace"),
        pytest.param(
            seen("old", "older", pending=OLDER_ON_B, current=OLD, previous=OLDER_ON_B),
            "verify older to B",
            id="of a pair it is on its app still",
        ),
        pytest.param(
            seen(
                "old",
                "older",
                pending=OLDER_ON_B,
                current=OLD,
                previous=OLDER_ON_B,
                probes={"older": REFUSED_FOR_GOOD, "old": HOLDS},
            ),
            "discard older to B",
            id="where it stays what it was if its key does not log in",
        ),
    ],
)
def test_the_previous_version_can_be_brought_back(observation: Observation, action: str) -> None:
    assert told(decided(observation, BRING_OLDER)) == action


def test_a_recalled_version_that_never_logged_in_is_not_recalled_again_in_the_same_run() -> None:
    observation = seen("old", "older", current=OLD, previous=OLDER_ON_B, given_up="older", probes={"old": HOLDS})
    assert decided(observation, BRING_OLDER).halt is HaltReason.REVERTED


@pytest.mark.parametrize(
    ("observation", "action"),
    [
        pytest.param(seen("stranger", current=OLD), "restore old to A", id="over what a person put there"),
        pytest.param(seen(None, current=OLD), "restore old to A", id="or where nothing is left"),
        pytest.param(seen("new", pending=NEW, current=OLD), "restore old to A", id="or over a change half made"),
        pytest.param(seen("old", current=OLD), "verify old to A", id="and its key must log in"),
        pytest.param(seen("old", current=OLD, probes={"old": HOLDS}), "done", id="which is all"),
    ],
)
def test_current_can_be_put_back(observation: Observation, action: str) -> None:
    assert told(decided(observation, RESTORE)) == action


@pytest.mark.parametrize(
    ("observation", "action"),
    [
        pytest.param(seen(None), "generate to A", id="a key is made"),
        pytest.param(seen(None, pending=NEW), "upload new to A", id="its certificate sent"),
        pytest.param(
            seen("new", pending=NEW, probes={"new": HOLDS}), "promote new to A", id="and promoted when it logs in"
        ),
        pytest.param(seen(None, None), "generate to A", id="of a pair the first app is first"),
        pytest.param(
            seen("new", pending=NEW, probes={"new": REFUSED_FOR_GOOD}),
            "halt unproven",
            id="one that never logs in stays pending, as there is nothing to go back to",
        ),
    ],
)
def test_an_app_without_a_certificate_gets_its_first(observation: Observation, action: str) -> None:
    assert told(decided(observation, Wanted(Goal.REPLACE))) == action
