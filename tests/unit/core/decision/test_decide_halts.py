"""What is decided in a hurry, and when a person is called."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.actions import ActionKind, HaltReason
from rotator.core.decision.options import RotationOptions
from rotator.core.decision.policies import Goal, Wanted
from rotator.core.logins import LoginOutcome
from rotator.core.observed import ObservedApp
from tests.unit.core.decision.situations import (
    BRING_OLDER,
    DAY,
    FINISH,
    HOLDS,
    MINUTE,
    NAMES,
    NEW,
    NEW_ON_B,
    NO_ANSWER_FOR_LONG,
    NOT_SET_UP,
    OLD,
    OLDER,
    OLDER_ON_B,
    REPLACE,
    REPLACING_UNKNOWN,
    RESTORE,
    decided,
    row,
    seen,
    told,
)

if TYPE_CHECKING:
    from datetime import timedelta

    from rotator.core.decision.observations import Observation


@pytest.mark.parametrize(
    "wanted", [replace(REPLACE, compromised=True), replace(FINISH, options=RotationOptions(retire_now=True))]
)
def test_an_urgent_request_ends_the_previous_version_at_once(wanted: Wanted) -> None:
    assert told(decided(seen("old", "new", current=NEW_ON_B, previous=OLD), wanted)) == "disable old to A"
    assert told(decided(seen("throwaway", "new", current=NEW_ON_B, previous=OLD), wanted)) == "retire old to A"


@pytest.mark.parametrize(
    ("wanted", "promoted", "why"),
    [
        (FINISH, 8 * DAY, "its grace has ended"),
        (replace(FINISH, options=RotationOptions(retire_now=True)), DAY, "no grace is left to it"),
        (replace(REPLACE, compromised=True), DAY, "it is in wrong hands"),
        (Wanted(Goal.REPLACE, NAMES["older"], compromised=True), DAY, "no grace is left to it"),
    ],
)
def test_why_a_previous_version_ends_is_told(wanted: Wanted, promoted: timedelta, why: str) -> None:
    """Only the one that was said to be in wrong hands is told to be."""
    ended = decided(seen("old", "new", current=NEW_ON_B, previous=OLD, promoted=promoted), wanted)
    gone = decided(seen("throwaway", "new", current=NEW_ON_B, previous=OLD, promoted=promoted), wanted)
    assert (ended.why, gone.why) == (f"it held the previous version, and {why}", why)


ACCEPTED_FOR_LONG = row(LoginOutcome.ACCEPTED, 40, 31 * MINUTE)
HIDDEN_AND_NOT_ENDED = replace(
    seen(None, None, current=OLD, previous=OLDER_ON_B, promoted=8 * DAY, probes={"older": ACCEPTED_FOR_LONG}),
    apps={"A": ObservedApp("A", live=NAMES["old"]), "B": ObservedApp("B", hidden=True, throwaway=True)},
    begun=frozenset({"B"}),
)
UNSEEN = replace(seen("old", current=OLD), apps={"A": ObservedApp("A", readable=False)})


@pytest.mark.parametrize(
    ("look", "wanted", "command"),
    [
        (seen("old", "stranger", current=OLD), REPLACE, "`rotate now NAME --replace-unknown`"),
        (seen("stranger"), Wanted(Goal.REPLACE), "`rotator enroll NAME --replace-unknown`"),
    ],
)
def test_an_unknown_certificate_is_told_with_the_command_that_replaces_it(
    look: Observation, wanted: Wanted, command: str
) -> None:
    assert command in decided(look, wanted).hint


def test_what_an_app_hides_is_asked_about_as_something_that_may_not_be_there() -> None:
    hint = decided(replace(seen("stranger"), apps={"A": ObservedApp("A", hidden=True)}), Wanted(Goal.REPLACE)).hint
    assert "`rotator adopt NAME --key FILE --certificate FILE`" in hint
    assert "no certificate yet" in hint


def test_an_app_that_is_not_shown_is_looked_for_in_both_places_of_setup() -> None:
    assert "App Manager or External Client App Manager" in decided(UNSEEN, REPLACE).hint


CALLS_FOR_A_PERSON = [
    (UNSEEN, REPLACE, HaltReason.APP_UNREADABLE),
    (seen("old", current=OLD, previous=OLDER_ON_B), REPLACE, HaltReason.APP_NOT_CONFIGURED),
    (seen("stranger", current=OLD), REPLACE, HaltReason.DRIFT),
    (seen(None, current=OLD), FINISH, HaltReason.DRIFT),
    (seen("older", current=OLD, previous=OLDER), REPLACE, HaltReason.DRIFT),
    (seen("old", "stranger", current=OLD), REPLACE, HaltReason.STANDBY_UNKNOWN),
    (seen("stranger"), Wanted(Goal.REPLACE), HaltReason.STANDBY_UNKNOWN),
    (seen("old"), RESTORE, HaltReason.NOTHING_STORED),
    (seen("old"), REPLACE, HaltReason.LOST),
    (seen("stranger", previous=OLDER), REPLACE, HaltReason.LOST),
    (replace(seen("new"), gap_is_open=True), FINISH, HaltReason.LOST),
    (replace(seen("new"), gap_is_open=True), RESTORE, HaltReason.LOST),
    (seen("old", current=OLD), BRING_OLDER, HaltReason.NOT_KEPT),
    (seen("old", current=OLD, probes={"old": NOT_SET_UP}), REPLACE, HaltReason.LOGIN_NOT_SET_UP),
    (seen("old", current=OLD, probes={"old": NO_ANSWER_FOR_LONG}), REPLACE, HaltReason.LOGIN_NOT_SET_UP),
    (seen("new", pending=NEW, current=OLD, probes={"new": NO_ANSWER_FOR_LONG}), REPLACE, HaltReason.UNPROVEN),
    (seen("old", None, pending=NEW_ON_B, current=OLD, probes={"new": HOLDS}), REPLACE, HaltReason.ACCEPTED_EARLY),
    (seen("old", current=OLD, probes={"old": NO_ANSWER_FOR_LONG}), RESTORE, HaltReason.REVERT_UNPROVEN),
    (seen("old", current=OLD, given_up="new", probes={"old": HOLDS}), REPLACE, HaltReason.REVERTED),
    (
        seen("stranger", current=OLD, given_up="new"),
        REPLACING_UNKNOWN,
        HaltReason.REVERTED,
    ),
    (seen(None, given_up="new"), Wanted(Goal.REPLACE), HaltReason.REVERTED),
    (HIDDEN_AND_NOT_ENDED, FINISH, HaltReason.NOT_ENDED),
]


@pytest.mark.parametrize(("observation", "wanted", "reason"), CALLS_FOR_A_PERSON)
def test_a_person_is_told_why_and_what_to_do(observation: Observation, wanted: Wanted, reason: HaltReason) -> None:
    action = decided(observation, wanted)
    assert action.halt is reason
    assert action.why.endswith(".")
    assert action.hint.endswith(".")


@pytest.mark.parametrize(
    ("observation", "left"),
    [
        (seen("new", pending=NEW, current=OLD, probes={"new": NO_ANSWER_FOR_LONG}), "may be refused."),
        (
            seen("old", "new", pending=NEW_ON_B, current=OLD, probes={"new": NO_ANSWER_FOR_LONG}),
            "`current` is untouched and logs in.",
        ),
    ],
)
def test_who_reads_that_nothing_is_proven_is_told_what_consumers_have(observation: Observation, left: str) -> None:
    action = decided(observation)
    assert action.halt is HaltReason.UNPROVEN
    assert action.why.endswith(left)
    assert action.rerun, "it goes on from there"


def test_nothing_else_calls_for_a_person() -> None:
    of_client_secrets = {HaltReason.SECOND_PAIR_UNKNOWN}
    assert {reason for _, _, reason in CALLS_FOR_A_PERSON} == set(HaltReason) - of_client_secrets


def test_what_was_lost_for_good_may_begin_anew_and_what_is_kept_may_come_back() -> None:
    empty = replace(seen(None), gap_is_open=True)
    assert decided(empty, Wanted(Goal.REPLACE)).kind is ActionKind.GENERATE
    assert decided(replace(seen(None, previous=OLDER), gap_is_open=True), BRING_OLDER).kind is ActionKind.RECALL


def test_a_return_is_not_called_one_where_current_was_lost_before() -> None:
    lost = decided(seen("stranger", current=OLD, given_up="new"), REPLACING_UNKNOWN)
    back = decided(seen("old", current=OLD, given_up="new", probes={"old": HOLDS}))
    assert "as it was found" in lost.why
    assert "the old certificate is back" in back.why


def test_a_certificate_that_nobody_knows_is_replaced_when_that_is_asked_for() -> None:
    wanted = REPLACING_UNKNOWN
    assert told(decided(seen("stranger", current=OLD), wanted)) == "generate to A"
    assert told(decided(seen("stranger", pending=NEW, current=OLD), wanted)) == "upload new to A"
    assert told(decided(seen("old", "stranger", pending=NEW_ON_B, current=OLD), wanted)) == "upload new to B"


def test_a_person_is_told_what_the_app_holds_instead() -> None:
    assert "holds a certificate that is not current's (stranger):" in decided(seen("stranger", current=OLD)).why
    assert "holds no certificate:" in decided(seen(None, current=OLD)).why


def test_a_version_that_is_live_already_may_be_brought_back_and_no_other() -> None:
    assert told(decided(seen("older", current=OLD, previous=OLDER), BRING_OLDER)) == "recall older to A"
    assert told(decided(seen("stranger", current=OLD, previous=OLDER), BRING_OLDER)) == "halt drift"


def test_a_certificate_that_was_adopted_is_no_drift() -> None:
    adopting = Wanted(Goal.BRING, NAMES["new"])
    assert told(decided(seen("new", pending=NEW, current=OLD), adopting)) == "verify new to A"


def test_an_old_key_that_is_refused_for_certain_is_no_reason_to_keep_it() -> None:
    lost = row(LoginOutcome.MISMATCH, 3, MINUTE)
    assert told(decided(seen("old", current=OLD, probes={"old": lost}))) == "generate to A"


def test_the_commands_of_a_halt_name_the_credential() -> None:
    look = replace(seen("stranger", current=OLD), credential="billing")
    hint = decided(look, REPLACE).hint
    assert "`rotator adopt billing --key FILE`" in hint
    assert "`rotate restore billing`" in hint
    assert "`rotate now billing --replace-unknown`" in hint
