"""What is put back when a new key is given up, and what is known before the app of another one is overwritten."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.actions import HaltReason
from rotator.core.decision.policies import Goal, Wanted
from rotator.core.decision.proofs import standby_is_known
from rotator.core.observed import ObservedApp
from tests.unit.core.decision.hidden_situations import NOTHING, UNKNOWN, hidden, said, situation
from tests.unit.core.decision.situations import (
    DAY,
    FINISH,
    HOLDS,
    JUST_IN,
    NAMES,
    NEW,
    NEW_ON_B,
    NO_ANSWER_FOR_LONG,
    NOW,
    OLD,
    OLDER,
    OLDER_ON_B,
    REFUSED,
    REFUSED_FOR_GOOD,
    REPLACE,
    REPLACING_UNKNOWN,
    RESTORE,
    decided,
    seen,
    told,
)

if TYPE_CHECKING:
    from rotator.core.decision.observations import Observation, Probe

NEVER_LOGS_IN = {"new": REFUSED_FOR_GOOD}


@pytest.mark.parametrize(
    ("look", "action"),
    [
        pytest.param(
            seen("new", pending=NEW, current=OLD, probes=NEVER_LOGS_IN), "restore old to A", id="current's certificate"
        ),
        pytest.param(
            hidden("new", pending=NEW, current=OLD, probes=NEVER_LOGS_IN, begun="A"),
            "restore old to A",
            id="also where the app does not show it",
        ),
        pytest.param(
            seen("old", "new", pending=NEW_ON_B, current=OLD, previous=OLDER_ON_B, probes=NEVER_LOGS_IN),
            "restore older to B",
            id="on the standby the previous one's, whose consumers may still use it",
        ),
        pytest.param(
            seen("old", "new", pending=NEW_ON_B, current=OLD, previous=OLDER, probes=NEVER_LOGS_IN),
            "disable new to B",
            id="nobody's where the previous one is for another app",
        ),
        pytest.param(
            seen("old", "new", pending=NEW_ON_B, current=OLD, probes=NEVER_LOGS_IN), "disable new to B", id="or is none"
        ),
    ],
)
def test_what_takes_the_place_of_a_key_that_never_logs_in_ends_the_attempt(look: Observation, action: str) -> None:
    """It is given up with the first thing that is done about it, so that the same run does not try it again."""
    next_one = decided(look)
    assert (told(next_one), next_one.gives_up) == (action, NAMES["new"])


@pytest.mark.parametrize(
    ("look", "action"),
    [
        pytest.param(
            seen("new", "throwaway", pending=NEW_ON_B, current=OLD, given_up="new"),
            "restore old to A",
            id="a key that was meant for the other app has taken the place of current's",
        ),
        pytest.param(
            seen("stranger", pending=NEW, current=OLD, given_up="new"), "discard new to A", id="it was another"
        ),
        pytest.param(
            seen(None, "new", pending=NEW_ON_B, current=OLD, given_up="new"),
            "disable new to B",
            id="it had lost its certificate before",
        ),
    ],
)
def test_the_app_of_current_gets_back_what_the_attempt_took_from_it_and_nothing_else(
    look: Observation, action: str
) -> None:
    assert told(decided(look, REPLACING_UNKNOWN)) == action


def test_what_was_made_and_sent_nowhere_is_taken_off_no_app() -> None:
    look = hidden(UNKNOWN, pending=NEW, current=OLD, unsent=["new"])
    assert told(decided(look, RESTORE)) == "discard new to A"


@pytest.mark.parametrize("on_a", [UNKNOWN, "old"])
def test_what_a_person_put_on_the_other_app_is_ended_before_it_leaves_the_store(on_a: str) -> None:
    """Its app does not show what it holds, and was not sent it; the other one shows that it holds it."""
    look = hidden(on_a, pending=NEW, current=OLD, unsent=["new"])
    look = replace(look, apps={**look.apps, "B": ObservedApp("B", live=NAMES["new"])})
    assert told(decided(look, RESTORE)) == "disable new to B"


@pytest.mark.parametrize(
    ("probe", "hint"),
    [
        pytest.param(REFUSED_FOR_GOOD, "login history of its user in Setup", id="a key that does match is refused"),
        pytest.param(NO_ANSWER_FOR_LONG, "Do this.", id="in other words the org's own say what to do"),
    ],
)
def test_what_to_do_where_the_old_certificate_is_back_and_its_key_does_not_log_in(probe: Probe, hint: str) -> None:
    action = decided(seen("old", current=OLD, probes={"old": probe}), RESTORE)
    assert action.halt is HaltReason.REVERT_UNPROVEN
    assert hint in action.hint
    assert "Current's key stays in the store." in action.hint
    assert ("Do this." in action.hint) == (hint == "Do this.")
    assert action.rerun


# --- before the app of the next key is overwritten -------------------------------------------


@pytest.mark.parametrize(
    ("look", "wanted", "action"),
    [
        pytest.param(hidden("old", UNKNOWN, current=OLD), REPLACE, "halt standby_unknown", id="a person is asked"),
        pytest.param(
            hidden("old", UNKNOWN, current=OLD, begun="A", ours="A"), REPLACE, "halt standby_unknown", id="of this app"
        ),
        pytest.param(hidden("old", UNKNOWN, current=OLD), REPLACING_UNKNOWN, NOTHING, id="unless one has said so"),
        pytest.param(hidden("old", UNKNOWN, current=OLD, begun="B"), REPLACE, NOTHING, id="or this run has begun"),
        pytest.param(hidden("old", UNKNOWN, current=OLD, ours="B"), REPLACE, NOTHING, id="or the last one was ours"),
        pytest.param(
            hidden("old", UNKNOWN, current=OLD, previous=OLDER_ON_B, probes={"older": JUST_IN}),
            REPLACE,
            NOTHING,
            id="or a stored key logs in there",
        ),
        pytest.param(
            hidden("old", UNKNOWN, current=OLD, previous=OLDER_ON_B), REPLACE, "verify older to B", id="which is tried"
        ),
    ],
)
def test_a_standby_app_that_does_not_show_what_it_holds_may_be_in_use(
    look: Observation, wanted: Wanted, action: str
) -> None:
    assert said(standby_is_known(situation(look, wanted), "B")) == action


def test_the_app_of_current_is_no_standby() -> None:
    assert standby_is_known(situation(hidden(UNKNOWN, UNKNOWN, current=OLD)), "A") is None


def test_that_stored_keys_were_tried_on_a_standby_in_vain_is_told() -> None:
    untried = standby_is_known(situation(hidden("old", UNKNOWN, current=OLD)), "B")
    tried = standby_is_known(situation(hidden("old", "refuses", current=OLD, previous=OLDER_ON_B)), "B")
    assert untried
    assert tried
    assert "holds a certificate:" in untried.why
    assert "holds a certificate, and takes the key of no stored version:" in tried.why


# --- when the one before has served its time -------------------------------------------------


def test_while_it_is_not_known_what_the_app_of_current_holds_nothing_ends() -> None:
    """A certificate was sent there, and the answer to it was lost; the next run knows by logins alone."""
    look = hidden(UNKNOWN, current=OLD, previous=OLDER, begun="A")
    look = replace(look, promoted_at=NOW - 8 * DAY)
    assert told(decided(look, FINISH)) == "verify old to A"
    known = replace(look, probes={NAMES["old"]: HOLDS, NAMES["older"]: REFUSED})
    assert told(decided(known, FINISH)) == "done"


# --- where an app does not show what it holds ------------------------------------------------


@pytest.mark.parametrize(
    ("look", "wanted", "action"),
    [
        pytest.param(hidden(UNKNOWN, current=OLD), RESTORE, "verify old to A", id="it may hold current's already"),
        pytest.param(
            hidden(UNKNOWN, current=OLD, probes={"old": REFUSED}),
            RESTORE,
            "restore old to A",
            id="unless it is refused",
        ),
        pytest.param(
            hidden(UNKNOWN, current=OLD, begun="A"), RESTORE, "restore old to A", id="or something was sent, unanswered"
        ),
        pytest.param(
            hidden("old", pending=NEW, current=OLD),
            RESTORE,
            "verify new to A",
            id="no key is discarded that may log in",
        ),
        pytest.param(
            hidden("old", pending=NEW, current=OLD, probes={"new": REFUSED}),
            RESTORE,
            "discard new to A",
            id="but one that is refused",
        ),
        pytest.param(
            hidden("old", pending=OLDER, current=OLD, previous=OLDER),
            RESTORE,
            "discard older to A",
            id="or is kept as the previous one",
        ),
        pytest.param(
            hidden("old", "throwaway", current=OLD, previous=OLDER),
            REPLACE,
            "verify older to A",
            id="nor does one make room that may log in",
        ),
        pytest.param(
            hidden("old", "throwaway", current=OLD, previous=OLDER_ON_B, ours="B"),
            REPLACE,
            "generate to B",
            id="unless the next certificate ends it",
        ),
    ],
)
def test_what_logs_in_is_asked_before_anything_is_put_back_or_thrown_away(
    look: Observation, wanted: Wanted, action: str
) -> None:
    assert told(decided(look, wanted)) == action


def test_after_an_attempt_that_never_held_a_person_may_rotate_again() -> None:
    assert decided(seen("old", current=OLD, given_up="new", probes={"old": HOLDS})).rerun


def test_after_a_first_attempt_that_never_held_nothing_is_said_of_a_key_from_before() -> None:
    action = decided(seen(None, given_up="new"), Wanted(Goal.REPLACE))
    assert action.why == "Test logins with the new key never held; nothing was current before."
