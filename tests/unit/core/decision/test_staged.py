"""The next single action of a client secret's rotation, from what the org takes and the store holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.options import RotationOptions
from rotator.core.decision.policies import Goal, Strategy, Wanted
from rotator.core.logins import LoginAnswer, LoginOutcome
from tests.unit.core.decision.secret_situations import FIRST, KEPT, ROTATED, STAGED, decided, pairs, rotated, staged
from tests.unit.core.decision.situations import (
    BRING_OLDER,
    DAY,
    FINISH,
    HOLDS,
    JUST_IN,
    NAMES,
    NEW,
    NO_ANSWER,
    NOT_SET_UP,
    NOW,
    OLD,
    OLDER,
    REFUSED_YET,
    REPLACE,
    REPLACING_UNKNOWN,
    RESTORE,
    told,
    version,
)

if TYPE_CHECKING:
    from rotator.core.decision.observations import Observation

AT_ONCE = replace(REPLACE, options=RotationOptions(retire_now=True))
COMPROMISED = replace(REPLACE, compromised=True)
LOCKED = replace(NOT_SET_UP, answer=LoginAnswer(LoginOutcome.CONFIGURATION, "invalid_grant: user is locked"))
SHORT_LIVED = version("new", lasts=29 * DAY)


def test_a_look_at_pairs_is_decided_by_the_strategy_of_pairs() -> None:
    assert pairs("old").strategy is Strategy.STAGED


@pytest.mark.parametrize(
    ("look", "wanted", "action"),
    [
        pytest.param(pairs("old"), FIRST, "take to A", id="the first version is the pair in use"),
        pytest.param(pairs("old", pending=OLD), FIRST, "verify old to A", id="which must log in"),
        pytest.param(
            pairs("old", pending=OLD, probes={"old": HOLDS}),
            FIRST,
            "promote old to A",
            id="and is current when it does",
        ),
        pytest.param(pairs("old", current=OLD), REPLACE, "verify old to A", id="current must log in first"),
        pytest.param(
            pairs("old", current=OLD, probes={"old": JUST_IN}), REPLACE, "stage to A", id="then another is staged"
        ),
        pytest.param(STAGED, REPLACE, "verify old to A", id="it is rotated in only when current logs in"),
        pytest.param(staged(), REPLACE, "verify new to A", id="and it was tried itself"),
        pytest.param(staged(new=REFUSED_YET), REPLACE, "rotate new to A", id="refused, as it is not in force"),
        pytest.param(staged(new=NOT_SET_UP), REPLACE, "rotate new to A", id="in whatever words"),
        pytest.param(staged(new=HOLDS), REPLACE, "rotate new to A", id="or it holds early"),
        pytest.param(staged(new=LOCKED), REPLACE, "verify new to A", id="a locked user says nothing of it"),
        pytest.param(staged(new=NO_ANSWER), REPLACE, "verify new to A", id="nor does an outage"),
        pytest.param(ROTATED, REPLACE, "verify new to A", id="in force it must log in"),
        pytest.param(rotated(JUST_IN), REPLACE, "wait new to A", id="more often than once"),
        pytest.param(rotated(HOLDS), REPLACE, "promote new to A", id="before it is current"),
        pytest.param(rotated(HOLDS), FINISH, "promote new to A", id="whatever is wanted"),
        pytest.param(KEPT, REPLACE, "done", id="the old one is kept for its grace"),
        pytest.param(
            replace(KEPT, promoted_at=NOW - 7 * DAY), REPLACE, "unstage old to A", id="deleted on the org after it"
        ),
        pytest.param(KEPT, AT_ONCE, "unstage old to A", id="or when it is asked for"),
        pytest.param(KEPT, COMPROMISED, "unstage old to A", id="or is in wrong hands"),
        pytest.param(
            pairs("new", current=NEW, previous=OLD, promoted=8 * DAY), REPLACE, "retire old to A", id="and in the store"
        ),
        pytest.param(pairs("new", current=NEW, previous=OLD), REPLACE, "done", id="not before its grace has ended"),
        pytest.param(
            pairs("new", current=NEW, previous=OLD, staged="stranger", promoted=8 * DAY),
            REPLACE,
            "retire old to A",
            id="what people staged is no business of it",
        ),
    ],
)
def test_a_rotation_from_the_first_version_to_the_end_of_the_grace(
    look: Observation, wanted: Wanted, action: str
) -> None:
    assert told(decided(look, wanted)) == action


NEXT = Wanted(Goal.REPLACE, NAMES["new"])
IN_USE_HOLDS = {"new": HOLDS}


@pytest.mark.parametrize(
    ("look", "wanted", "action"),
    [
        pytest.param(
            pairs("new", rotated="old", current=NEW, previous=OLD, probes=IN_USE_HOLDS),
            NEXT,
            "wait old to A",
            id="consumers may use the previous pair still",
        ),
        pytest.param(
            pairs("new", rotated="old", current=NEW, previous=OLD, promoted=8 * DAY, probes=IN_USE_HOLDS),
            NEXT,
            "unstage old to A",
            id="after its grace it gives way",
        ),
        pytest.param(
            pairs("new", rotated="old", current=NEW, previous=OLD, probes=IN_USE_HOLDS),
            replace(NEXT, options=RotationOptions(retire_now=True)),
            "unstage old to A",
            id="or at once when it is asked for",
        ),
        pytest.param(
            pairs("new", rotated="stranger", current=NEW, probes=IN_USE_HOLDS),
            NEXT,
            "halt second_pair_unknown",
            id="a person's pair is asked about",
        ),
        pytest.param(
            pairs("new", staged="stranger", current=NEW, probes=IN_USE_HOLDS),
            NEXT,
            "halt second_pair_unknown",
            id="staged or rotated away",
        ),
        pytest.param(
            pairs("new", staged="stranger", current=NEW, previous=OLD, probes=IN_USE_HOLDS),
            NEXT,
            "halt second_pair_unknown",
            id="also beside a previous version",
        ),
        pytest.param(
            pairs("new", staged="stranger", current=NEW, probes=IN_USE_HOLDS),
            replace(NEXT, options=RotationOptions(replace_unknown=True)),
            "unstage stranger to A",
            id="and deleted when he says so",
        ),
        pytest.param(
            pairs("new", staged="stranger", staging=True, current=NEW, probes=IN_USE_HOLDS),
            NEXT,
            "stage to A",
            id="what the program itself staged is staged again",
        ),
        pytest.param(
            pairs("new", rotated="stranger", staging=True, current=NEW, probes=IN_USE_HOLDS),
            NEXT,
            "halt second_pair_unknown",
            id="what was rotated away it did not stage",
        ),
    ],
)
def test_there_is_room_for_one_pair_beside_the_one_in_use(look: Observation, wanted: Wanted, action: str) -> None:
    assert told(decided(look, wanted)) == action


def test_a_wait_for_the_grace_says_until_when() -> None:
    waits = decided(pairs("new", rotated="old", current=NEW, previous=OLD, probes=IN_USE_HOLDS), NEXT)
    assert waits.until == NOW + 6 * DAY
    assert decided(KEPT).until == NOW + 6 * DAY


@pytest.mark.parametrize(
    ("look", "wanted", "action"),
    [
        pytest.param(
            pairs("old", rotated="older", current=OLD, previous=OLDER),
            BRING_OLDER,
            "recall older to A",
            id="it becomes pending too",
        ),
        pytest.param(
            pairs("old", rotated="older", pending=OLDER, current=OLD, previous=OLDER),
            BRING_OLDER,
            "verify older to A",
            id="must log in",
        ),
        pytest.param(
            pairs("old", rotated="older", pending=OLDER, current=OLD, previous=OLDER, probes={"older": HOLDS}),
            BRING_OLDER,
            "promote older to A",
            id="and is current again",
        ),
        pytest.param(
            pairs("old", rotated="older", pending=OLDER, current=OLD, previous=OLDER),
            FINISH,
            "verify older to A",
            id="what was begun is finished",
        ),
        pytest.param(
            pairs("old", rotated="older", pending=OLDER, current=OLD, previous=OLDER, probes={"old": HOLDS}),
            RESTORE,
            "discard older to A",
            id="unless something else is wanted",
        ),
        pytest.param(
            pairs("old", rotated="older", pending=OLDER, current=OLD, previous=OLDER),
            REPLACE,
            "discard older to A",
            id="nor does the schedule bring back the pair from before",
        ),
        pytest.param(
            pairs("old", pending=OLDER, current=OLD, previous=OLDER),
            FINISH,
            "discard older to A",
            id="or its time has ended",
        ),
        pytest.param(pairs("old", current=OLD, previous=OLDER), BRING_OLDER, "halt not_kept", id="which it is told as"),
        pytest.param(
            pairs("old", pending=OLDER, current=OLD, previous=OLDER), BRING_OLDER, "halt not_kept", id="half way, too"
        ),
        pytest.param(pairs("old", current=OLD), BRING_OLDER, "halt not_kept", id="it is stored no more"),
        pytest.param(
            pairs("older", rotated="old", current=OLDER, previous=OLD), BRING_OLDER, "done", id="it is current"
        ),
    ],
)
def test_a_way_back_while_the_org_takes_the_previous_pair(look: Observation, wanted: Wanted, action: str) -> None:
    assert told(decided(look, wanted)) == action


@pytest.mark.parametrize(
    ("look", "wanted", "action"),
    [
        pytest.param(
            pairs("new", rotated="old", current=OLD, previous=NEW), REPLACE, "recall new to A", id="it is called back"
        ),
        pytest.param(
            pairs("new", rotated="old", pending=NEW, current=OLD, previous=NEW),
            REPLACE,
            "verify new to A",
            id="and must log in",
        ),
        pytest.param(
            pairs("new", rotated="old", current=OLD, previous=NEW, promoted=8 * DAY),
            FINISH,
            "done",
            id="it is never deleted while it is in use",
        ),
        pytest.param(
            pairs("new", rotated="old", pending=NEW, current=OLD, previous=NEW, probes={"old": HOLDS}),
            RESTORE,
            "discard new to A",
            id="it may leave its second stage",
        ),
    ],
)
def test_after_a_way_back_the_pair_in_use_is_the_previous_version(
    look: Observation, wanted: Wanted, action: str
) -> None:
    assert told(decided(look, wanted)) == action


@pytest.mark.parametrize(
    ("look", "wanted", "action"),
    [
        pytest.param(STAGED, FINISH, "verify old to A", id="what was begun serves"),
        pytest.param(
            replace(STAGED, probes={NAMES["old"]: HOLDS}),
            RESTORE,
            "unstage new to A",
            id="nothing new is wanted: on the org first",
        ),
        pytest.param(
            pairs("old", pending=NEW, current=OLD, probes={"old": HOLDS}),
            RESTORE,
            "discard new to A",
            id="then in the store",
        ),
        pytest.param(pairs("old", pending=NEW, current=OLD), REPLACE, "discard new to A", id="somebody deleted it"),
        pytest.param(
            pairs("old", staged="new", pending=NEW, current=OLD),
            Wanted(Goal.REPLACE, NAMES["older"]),
            "unstage new to A",
            id="what is wanted is so already",
        ),
        pytest.param(
            pairs("old", staged="new", pending=SHORT_LIVED, current=OLD),
            REPLACE,
            "unstage new to A",
            id="it is too old",
        ),
        pytest.param(
            pairs("old", staged="new", pending=SHORT_LIVED, current=OLD),
            FINISH,
            "verify old to A",
            id="unless it is to end",
        ),
        pytest.param(
            pairs("old", staged="new", pending=NEW), FIRST, "unstage new to A", id="the first one is the pair in use"
        ),
        pytest.param(
            pairs("new", pending=NEW, current=OLD),
            RESTORE,
            "verify old to A",
            id="what is in force stays, and current is proven",
        ),
        pytest.param(
            pairs("new", rotated="old", pending=NEW, current=OLD), FINISH, "verify new to A", id="and has to be current"
        ),
    ],
)
def test_a_pending_pair_that_serves_nothing_is_taken_back(look: Observation, wanted: Wanted, action: str) -> None:
    assert told(decided(look, wanted)) == action


@pytest.mark.parametrize(
    ("look", "wanted", "action"),
    [
        pytest.param(pairs("old", current=OLD), RESTORE, "verify old to A", id="it must log in"),
        pytest.param(pairs("old", current=OLD, probes={"old": NO_ANSWER}), RESTORE, "verify old to A", id="again"),
        pytest.param(pairs("old", current=OLD, probes={"old": NOT_SET_UP}), RESTORE, "verify old to A", id="a while"),
        pytest.param(pairs("old", current=OLD, probes={"old": HOLDS}), RESTORE, "done", id="until it holds"),
        pytest.param(
            pairs("new", rotated="old", current=OLD, previous=NEW), RESTORE, "verify old to A", id="rotated away, too"
        ),
    ],
)
def test_of_a_secret_there_is_nothing_to_put_back_and_current_is_proven(
    look: Observation, wanted: Wanted, action: str
) -> None:
    assert told(decided(look, wanted)) == action


@pytest.mark.parametrize(
    ("look", "action"),
    [
        pytest.param(pairs("new", pending=NEW, current=OLD), "verify new to A", id="another is on its way in"),
        pytest.param(
            pairs("new", staged="older", current=OLD, previous=NEW),
            "recall new to A",
            id="one that is stored is in use",
        ),
        pytest.param(
            pairs("older", staged="new", pending=NEW, current=OLD, previous=OLDER),
            "verify new to A",
            id="and another is staged beside it",
        ),
    ],
)
def test_where_current_is_taken_no_more_there_is_nothing_to_prove(look: Observation, action: str) -> None:
    assert told(decided(look)) == action


def test_what_is_wanted_by_a_person_who_knows_of_the_other_pair_is_deleted_for_him() -> None:
    action = decided(pairs("old", rotated="stranger", current=OLD, probes={"old": JUST_IN}), REPLACING_UNKNOWN)
    assert (told(action), action.why) == ("unstage stranger to A", "it was asked for")
