"""What is decided of versions that were stored with another consumer key than their app has by now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.actions import HaltReason
from rotator.core.decision.observations import Memory
from rotator.core.logins import LoginOutcome, classify_refusal
from tests.unit.core.decision.hidden_situations import REFUSES, hidden
from tests.unit.core.decision.situations import (
    BRING_OLDER,
    FINISH,
    HOLDS,
    JUST_IN,
    NAMES,
    NEW,
    NEW_ON_B,
    NO_ANSWER_FOR_LONG,
    NOT_SET_UP,
    NOW,
    OLD,
    OLDER,
    POLICY,
    REFUSED,
    REFUSED_YET,
    REPLACE,
    RESTORE,
    SECOND,
    decided,
    row,
    seen,
    told,
)

if TYPE_CHECKING:
    from rotator.core.decision.observations import Observation
    from rotator.core.decision.policies import Wanted

REFUSED_TOO_SHORTLY = row(LoginOutcome.MISMATCH, 4, 29 * SECOND)


def outdated(look: Observation, *names: str) -> Observation:
    """The same, where those versions have the consumer key from before."""
    old = tuple(NAMES[name] for name in names)
    return replace(look, apps={each.name: replace(each, with_old_client_id=old) for each in look.apps.values()})


@pytest.mark.parametrize(
    ("look", "wanted", "action"),
    [
        pytest.param(seen("old", pending=NEW, current=OLD), REPLACE, "discard new to A", id="before it is sent"),
        pytest.param(seen("old", pending=NEW, current=OLD), FINISH, "discard new to A", id="whoever goes on"),
        pytest.param(
            replace(seen("old", pending=NEW, current=OLD, probes={"old": JUST_IN}), unsent=frozenset([NAMES["new"]])),
            REPLACE,
            "upload new to A",
            id="but not what was made just now, as servers may disagree on the consumer key",
        ),
        pytest.param(
            seen("new", pending=NEW, current=OLD, probes={"new": REFUSED}),
            REPLACE,
            "restore old to A",
            id="once it is refused in a row",
        ),
        pytest.param(
            seen("old", "new", pending=NEW_ON_B, current=OLD, probes={"new": REFUSED}),
            REPLACE,
            "disable new to B",
            id="of a pair, too",
        ),
        pytest.param(
            seen("new", pending=NEW, current=OLD, probes={"new": REFUSED_TOO_SHORTLY}),
            REPLACE,
            "wait new to A",
            id="not for one refusal after another",
        ),
        pytest.param(
            seen("new", pending=NEW, current=OLD, probes={"new": HOLDS}),
            REPLACE,
            "promote new to A",
            id="nor where the org takes the one before still",
        ),
        pytest.param(
            seen("new", pending=NEW, current=OLD), REPLACE, "verify new to A", id="nor before it was tried at all"
        ),
    ],
)
def test_a_version_that_lets_nobody_in_gives_way_to_another(look: Observation, wanted: Wanted, action: str) -> None:
    assert told(decided(outdated(look, "new"), wanted)) == action


def test_one_that_could_not_be_made_again_is_not_given_up_for_it() -> None:
    look = seen("older", pending=OLDER, current=OLD, previous=OLDER, probes={"older": REFUSED})
    assert told(decided(outdated(look, "older"), BRING_OLDER)) == "verify older to A"


def test_what_is_brought_back_and_its_app_does_not_know_is_not_sent_there() -> None:
    unknown = replace(REFUSED_YET, answer=classify_refusal(400, "invalid_client_id", "client identifier invalid"))
    probes = {"old": JUST_IN, "older": unknown}
    look = outdated(seen("old", pending=OLDER, current=OLD, previous=OLDER, probes=probes), "older")
    action = decided(look, BRING_OLDER)
    assert action.halt is HaltReason.LOGIN_NOT_SET_UP
    assert "another consumer key by now than was stored with this version" in action.why
    assert "`rotate restore NAME`" in action.hint
    assert told(decided(seen("old", pending=OLDER, current=OLD, previous=OLDER, probes=probes), BRING_OLDER)) == (
        "upload older to A"
    )


# --- of current ------------------------------------------------------------------------------


def test_where_current_lets_nobody_in_the_next_version_is_the_way_out() -> None:
    look = outdated(seen("old", current=OLD, probes={"old": REFUSED}), "old")
    assert told(decided(look, REPLACE)) == "generate to A"


def test_what_is_of_no_use_is_discarded_without_proof_of_a_current_that_lets_nobody_in() -> None:
    look = seen("old", pending=NEW, current=OLD, probes={"old": REFUSED}, given_up="new")
    assert told(decided(outdated(look, "old"), REPLACE)) == "discard new to A"
    assert told(decided(look, REPLACE)) == "verify old to A", "else it is proven first"


def test_where_no_other_version_is_wanted_a_person_hears_that_current_lets_nobody_in() -> None:
    look = seen("old", current=OLD, probes={"old": REFUSED})
    action = decided(outdated(look, "old"), RESTORE)
    assert action.halt is HaltReason.REVERT_UNPROVEN
    assert "has another consumer key than is stored with it" in action.why
    assert "`rotate now NAME`" in action.hint
    assert told(decided(look, RESTORE)) == "verify old to A"


def test_no_answer_is_no_refusal_of_a_consumer_key() -> None:
    look = outdated(seen("old", current=OLD, probes={"old": NO_ANSWER_FOR_LONG}), "old")
    assert "another consumer key" not in decided(look, RESTORE).why


def test_what_an_app_holds_that_hides_it_and_has_another_consumer_key_is_a_persons_business() -> None:
    action = decided(outdated(hidden(REFUSES, current=OLD), "old"))
    assert action.halt is HaltReason.DRIFT
    assert "has another consumer key by now than is stored" in action.why
    assert "`rotate now NAME --replace-unknown`" in action.hint
    assert "refuses the key of current" in decided(hidden(REFUSES, current=OLD)).why


@pytest.mark.parametrize(("with_old", "outcome"), [(("old",), LoginOutcome.MISMATCH), ((), LoginOutcome.CONFIGURATION)])
def test_that_a_consumer_key_is_unknown_speaks_of_the_version_only_if_the_app_has_another(
    with_old: tuple[str, ...], outcome: LoginOutcome
) -> None:
    look = seen("old", current=OLD)
    app = replace(look.apps["A"], with_old_client_id=tuple(NAMES[name] for name in with_old))
    refused = replace(NOT_SET_UP, answer=classify_refusal(400, "invalid_client_id", "client identifier invalid"))
    assert refused.outcome is LoginOutcome.CONFIGURATION
    memory, _ = Memory(probes={NAMES["old"]: refused}).observe(replace(look, apps={"A": app}), POLICY.verification, NOW)
    assert memory.probes[NAMES["old"]].outcome is outcome
