"""What must be proven of an app that does not show its certificate, before it is changed and before a version goes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.actions import ActionKind, HaltReason
from rotator.core.decision.hidden_proofs import key_is_ended, may_be_sent_to, way_back
from rotator.core.logins import LoginOutcome, classify_refusal
from tests.unit.core.decision.hidden_situations import NOTHING, REFUSES, UNKNOWN, hidden, said, situation
from tests.unit.core.decision.situations import (
    BRING_OLDER,
    HOLDS,
    JUST_IN,
    MINUTE,
    NAMES,
    NEW,
    NEW_ON_B,
    NO_ANSWER,
    NO_ANSWER_FOR_LONG,
    NOW,
    OLD,
    OLDER,
    OLDER_ON_B,
    REFUSED,
    REFUSED_YET,
    REPLACE,
    RESTORE,
    SECOND,
    TOO_MANY_FOR_LONG,
    row,
    seen,
    version,
)

if TYPE_CHECKING:
    from rotator.core.decision.observations import Observation, Probe
    from rotator.core.decision.policies import Wanted

ACCEPTED_FOR_LONG = row(LoginOutcome.ACCEPTED, 40, 31 * MINUTE)
ACCEPTED_LONG_AGO = row(LoginOutcome.ACCEPTED, 9, MINUTE, ago=2 * MINUTE)


# --- before a certificate is sent ------------------------------------------------------------


@pytest.mark.parametrize(
    ("look", "wanted", "action"),
    [
        pytest.param(hidden(UNKNOWN, current=OLD), REPLACE, "verify old to A", id="a stored key must log in"),
        pytest.param(hidden(UNKNOWN, current=OLD, probes={"old": JUST_IN}), REPLACE, NOTHING, id="until it has"),
        pytest.param(hidden("old", current=OLD), REPLACE, NOTHING, id="it is known what it holds"),
        pytest.param(hidden("throwaway", current=OLD), REPLACE, NOTHING, id="even if that is nobody's"),
        pytest.param(hidden(REFUSES, current=OLD), REPLACE, NOTHING, id="or nothing that is stored"),
        pytest.param(hidden(UNKNOWN, current=OLD, begun="A"), REPLACE, NOTHING, id="this run has begun"),
        pytest.param(hidden(UNKNOWN, current=OLD, ours="A"), REPLACE, NOTHING, id="by the history it was our last"),
        pytest.param(
            hidden(UNKNOWN, UNKNOWN, current=OLD, begun="B"), REPLACE, "verify old to A", id="not to this app"
        ),
        pytest.param(hidden(UNKNOWN, current=OLD), RESTORE, NOTHING, id="a person wants current back there"),
        pytest.param(hidden(UNKNOWN, current=OLD), BRING_OLDER, "verify old to A", id="not another one"),
    ],
)
def test_before_a_certificate_is_sent_to_an_app(look: Observation, wanted: Wanted, action: str) -> None:
    assert said(may_be_sent_to(situation(look, wanted), "A")) == action


def test_what_a_person_wants_back_is_not_sent_unproven_to_the_other_app() -> None:
    look = hidden("old", UNKNOWN, current=OLD, previous=OLDER_ON_B)
    assert said(may_be_sent_to(situation(look, RESTORE), "B")) == "verify older to B"


# --- before a version leaves the store -------------------------------------------------------


def ended(look: Observation) -> str:
    return said(key_is_ended(situation(look), OLDER))


@pytest.mark.parametrize(
    ("look", "action"),
    [
        pytest.param(hidden("old", current=OLD, previous=OLDER), "verify older to A", id="its key is tried"),
        pytest.param(
            hidden("old", current=OLD, previous=OLDER, probes={"older": REFUSED}), NOTHING, id="until it is refused"
        ),
        pytest.param(
            hidden("old", current=OLD, previous=OLDER, probes={"older": row(LoginOutcome.MISMATCH, 3, 30 * SECOND)}),
            NOTHING,
            id="as often and as long as it must hold",
        ),
        pytest.param(
            hidden("old", current=OLD, previous=OLDER, probes={"older": row(LoginOutcome.MISMATCH, 2, MINUTE)}),
            "wait older to A",
            id="not often enough",
        ),
        pytest.param(
            hidden("old", current=OLD, previous=OLDER, probes={"older": row(LoginOutcome.MISMATCH, 4, 29 * SECOND)}),
            "wait older to A",
            id="not for long enough",
        ),
        pytest.param(
            hidden("old", current=OLD, previous=OLDER, probes={"older": ACCEPTED_LONG_AGO}),
            "verify older to A",
            id="a slow server accepts it still",
        ),
        pytest.param(
            hidden("old", current=OLD, previous=OLDER, probes={"older": NO_ANSWER}),
            "verify older to A",
            id="no answer is no refusal",
        ),
        pytest.param(
            hidden(UNKNOWN, current=OLD, previous=OLDER, probes={"older": HOLDS}),
            "verify older to A",
            id="nobody knows what is there",
        ),
        pytest.param(hidden(REFUSES, current=OLD, previous=OLDER), NOTHING, id="the app takes no stored key"),
        pytest.param(hidden("throwaway", current=None, previous=OLDER), "verify older to A", id="it was ended"),
        pytest.param(
            hidden("older", current=OLD, previous=OLDER, probes={"older": REFUSED_YET}), NOTHING, id="it is in force"
        ),
        pytest.param(
            hidden("old", current=version("old", key=OLDER.public_fingerprint), previous=OLDER),
            NOTHING,
            id="the live one is over the same key",
        ),
        pytest.param(
            hidden("stranger", current=OLD, previous=OLDER), "verify older to A", id="the live one is nobody's"
        ),
        pytest.param(seen("old", current=OLD, previous=OLDER), NOTHING, id="the app shows what it holds"),
    ],
)
def test_before_a_version_leaves_the_store(look: Observation, action: str) -> None:
    assert ended(look) == action


def test_what_was_sent_nowhere_leaves_the_store_untried() -> None:
    assert key_is_ended(situation(hidden("old", pending=NEW, current=OLD, unsent=["new"])), NEW) is None


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        pytest.param(ACCEPTED_FOR_LONG, "is still accepted", id="accepted for too long"),
        pytest.param(NO_ANSWER_FOR_LONG, "is answered it says so", id="no answer for too long"),
        pytest.param(TOO_MANY_FOR_LONG, "is answered it says so", id="a limit for too long"),
    ],
)
def test_a_person_is_called_when_a_key_does_not_end(probe: Probe, words: str) -> None:
    look = hidden("old", current=OLD, previous=OLDER, probes={"older": probe})
    action = key_is_ended(situation(look), OLDER)
    assert action
    assert action.halt is HaltReason.NOT_ENDED
    assert words in action.why
    assert "remove the certificate older" in action.hint
    assert action.hint.endswith("Do this.")
    assert action.rerun


def test_a_key_that_was_refused_in_between_has_not_been_accepted_for_too_long() -> None:
    probe = replace(ACCEPTED_FOR_LONG, first_at=NOW - 29 * MINUTE)
    assert ended(hidden("old", current=OLD, previous=OLDER, probes={"older": probe})) == "wait older to A"


# --- the way back ----------------------------------------------------------------------------


def back(look: Observation, wanted: Wanted = REPLACE) -> str:
    pending = look.pending
    assert pending
    action = way_back(situation(look, wanted), pending, NAMES["new"])
    assert action is None or action.kind is ActionKind.VERIFY or action.halt or action.gives_up == NAMES["new"]
    return said(action)


@pytest.mark.parametrize(
    ("look", "action"),
    [
        pytest.param(hidden("new", pending=NEW, current=OLD), "restore old to A", id="current's certificate"),
        pytest.param(
            hidden(REFUSES, pending=NEW, current=OLD, ours="A"), "restore old to A", id="also where none is taken"
        ),
        pytest.param(
            hidden(UNKNOWN, pending=NEW, current=OLD, begun="A"), "restore old to A", id="or nobody knows what is there"
        ),
        pytest.param(hidden(UNKNOWN, pending=NEW, current=OLD), "verify old to A", id="that nobody knows is found out"),
        pytest.param(hidden("old", pending=NEW, current=OLD), NOTHING, id="it is there"),
        pytest.param(hidden("throwaway", pending=NEW, current=OLD), NOTHING, id="or another"),
        pytest.param(
            hidden(REFUSES, pending=NEW, current=OLD), NOTHING, id="by the history somebody else sent the last"
        ),
        pytest.param(
            hidden(UNKNOWN, pending=NEW, current=OLD, begun="A", unsent=["new"]), NOTHING, id="it was sent nowhere"
        ),
        pytest.param(
            hidden("old", "new", pending=NEW_ON_B, current=OLD, previous=OLDER_ON_B),
            "restore older to B",
            id="on the standby the previous one's",
        ),
        pytest.param(
            hidden("old", "new", pending=NEW_ON_B, current=OLD), "disable new to B", id="or nobody's, if there is none"
        ),
        pytest.param(
            hidden("old", "new", pending=NEW_ON_B, current=OLD, previous=OLDER),
            "disable new to B",
            id="or it is for the other app",
        ),
        pytest.param(
            hidden("old", "older", pending=OLDER_ON_B, current=OLD, previous=OLDER_ON_B),
            NOTHING,
            id="a version that was called back stays the previous one",
        ),
    ],
)
def test_an_app_that_may_hold_the_pending_certificate_gets_the_one_from_before(look: Observation, action: str) -> None:
    assert back(look) == action


def test_there_is_no_way_back_where_nothing_was_current() -> None:
    action = way_back(situation(hidden("new", pending=NEW)), NEW, None)
    assert action
    assert action.halt is HaltReason.UNPROVEN
    assert "App A holds the new certificate" in action.why
    assert "policies" in action.hint
    assert action.rerun


def test_where_nothing_was_current_the_orgs_words_are_told() -> None:
    """As of an app that was just made, which login servers do not know for half an hour."""
    answer = classify_refusal(400, "invalid_client_id", "client identifier invalid")
    look = hidden("new", pending=NEW, probes={"new": replace(REFUSED, answer=answer)})
    action = way_back(situation(look), NEW, None)
    assert action
    assert "its key does not log in (invalid_client_id: client identifier invalid)" in action.why
    assert action.hint == answer.hint
    assert "half an hour" in action.hint


def test_a_version_that_is_not_given_up_is_only_taken_back() -> None:
    action = way_back(situation(hidden("new", pending=NEW, current=OLD)), NEW, None)
    assert action
    assert (said(action), action.gives_up) == ("restore old to A", None)
