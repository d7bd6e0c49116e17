"""What the clauses ask of a situation, where a whole decision would seldom tell the answers apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.policies import Goal, Wanted
from rotator.core.decision.proofs import new_key_is_refused
from tests.unit.core.decision.hidden_situations import NOTHING, REFUSES, UNKNOWN, hidden, said, situation
from tests.unit.core.decision.secret_situations import pairs
from tests.unit.core.decision.situations import (
    DAY,
    FINISH,
    HOLDS,
    JUST_IN,
    NAMES,
    NEW,
    NEW_ON_B,
    OLD,
    OLDER,
    OLDER_ON_B,
    RENEWED,
    REPLACING_UNKNOWN,
    RESTORE,
    decided,
    seen,
    told,
)

if TYPE_CHECKING:
    from rotator.core.decision.observations import Observation

ADOPT_NEW = Wanted(Goal.BRING, NAMES["new"])


@pytest.mark.parametrize(
    ("look", "has_failed"),
    [
        pytest.param(hidden(REFUSES, pending=NEW, current=OLD, ours="A"), True, id="it was sent there last"),
        pytest.param(hidden(REFUSES, pending=NEW, current=OLD), False, id="a person may have sent another since"),
        pytest.param(
            hidden(REFUSES, pending=NEW, current=OLD, ours="A", unsent=["new"]), False, id="it was sent nowhere yet"
        ),
        pytest.param(
            hidden("old", REFUSES, pending=NEW_ON_B, current=OLD, ours="B"),
            False,
            id="a standby may have been sent a throwaway one",
        ),
    ],
)
def test_of_an_app_that_takes_no_stored_key_the_new_one_is_given_up_only_if_it_is_there(
    look: Observation, has_failed: bool
) -> None:
    assert situation(look).failed is has_failed


@pytest.mark.parametrize(
    ("look", "is_fit"),
    [
        pytest.param(seen("old", None, pending=RENEWED, current=OLD), True, id="it has current's key"),
        pytest.param(seen("old", None, pending=OLDER, previous=OLDER, current=OLD), True, id="it is brought back"),
        pytest.param(seen("old", None, pending=NEW_ON_B, current=OLD), True, id="it has an app of its own"),
        pytest.param(seen("old", None, pending=NEW, current=OLD), False, id="it would take current's app from it"),
    ],
)
def test_what_an_interrupted_rotation_left_is_finished_if_current_keeps_its_app(
    look: Observation, is_fit: bool
) -> None:
    assert situation(look, FINISH).fit is is_fit


def test_what_came_back_from_before_does_not_replace_anything() -> None:
    look = seen("old", "older", pending=OLDER_ON_B, previous=OLDER_ON_B, current=OLD)
    assert not situation(look).fit


@pytest.mark.parametrize(
    ("look", "command"),
    [(seen("old", current=OLD), "rotator adopt NAME --key FILE"), (pairs("old", current=OLD), "rotator adopt NAME")],
    ids=["a key is in a file", "a pair is read from the org"],
)
def test_the_command_that_takes_what_people_put_in_use(look: Observation, command: str) -> None:
    assert situation(look).adopt == command


@pytest.mark.parametrize(
    ("unsent", "action"),
    [
        pytest.param([], NOTHING, id="an earlier run may have sent its certificate, and died"),
        pytest.param(["new"], "wait new to A", id="nobody has sent it"),
    ],
)
def test_that_an_app_takes_the_new_key_early_is_right_only_where_its_certificate_may_be(
    unsent: list[str], action: str
) -> None:
    look = hidden(UNKNOWN, pending=NEW, current=OLD, probes={"new": JUST_IN}, unsent=unsent)
    assert said(new_key_is_refused(situation(look), NEW)) == action


@pytest.mark.parametrize(
    ("look", "wanted", "action"),
    [
        pytest.param(
            seen("old", "older", pending=NEW_ON_B, current=OLD, previous=OLDER_ON_B),
            ADOPT_NEW,
            "wait older to B",
            id="also before a key that a person has made",
        ),
        pytest.param(
            seen("older", "older", current=OLD, previous=OLDER_ON_B),
            REPLACING_UNKNOWN,
            "wait older to B",
            id="on the app that current does not use",
        ),
        pytest.param(
            seen("old", "older", pending=RENEWED, current=OLD, previous=OLDER_ON_B, promoted=8 * DAY),
            FINISH,
            "disable older to B",
            id="and is ended where the next is for the other app",
        ),
    ],
)
def test_a_previous_version_has_its_grace_before_it_makes_room(look: Observation, wanted: Wanted, action: str) -> None:
    assert told(decided(look, wanted)) == action


def test_what_an_app_holds_that_does_not_show_it_is_found_out_also_where_nothing_is_left_to_do() -> None:
    assert told(decided(hidden(UNKNOWN, current=OLD), FINISH)) == "verify old to A"


@pytest.mark.parametrize(
    ("look", "wanted", "why"),
    [
        pytest.param(
            seen("old", pending=NEW, current=OLD, given_up="new", probes={"old": HOLDS}),
            FINISH,
            "its test login never held",
            id="given up",
        ),
        pytest.param(
            seen("old", pending=OLDER, current=OLD), RESTORE, "it is not what is wanted now", id="not wanted any more"
        ),
    ],
)
def test_why_a_new_version_is_thrown_away(look: Observation, wanted: Wanted, why: str) -> None:
    action = decided(look, wanted)
    assert (action.kind.value, action.why) == ("discard", why)
