"""The next single action, in every situation that people ask about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import Action, ActionKind, HaltReason
from rotator.core.decision.decide import decide
from rotator.core.decision.observations import KnownVersion, Observation, Probe, SeenApp
from rotator.core.decision.options import RotationOptions
from rotator.core.decision.policies import RATE_PATIENCE, Goal, Policy, Verification, Wanted
from rotator.core.logins import LoginAnswer, LoginOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
POLICY = Policy(
    rotate_before=30 * DAY,
    grace=7 * DAY,
    verification=Verification(
        confirmations=3, hold=30 * SECOND, timeout=15 * MINUTE, interval=2 * SECOND, max_interval=30 * SECOND
    ),
)

NAMES = {name: Fingerprint(name) for name in ("older", "old", "new", "stranger", "throwaway")}


def version(name: str, app: str = "A", key: str = "", lasts: timedelta = 365 * DAY) -> KnownVersion:
    return KnownVersion(NAMES[name], app, key or f"key of {name}", NOW + lasts)


OLDER, OLD, NEW = version("older"), version("old"), version("new")
NEW_ON_B, OLDER_ON_B = version("new", "B"), version("older", "B")
RENEWED = version("new", key=OLD.public_fingerprint)

REPLACE = Wanted(Goal.REPLACE, NAMES["old"])
KEEPING_THE_KEY = replace(REPLACE, options=RotationOptions(keep_key=True))
REPLACING_UNKNOWN = replace(REPLACE, options=RotationOptions(replace_unknown=True))
FINISH = Wanted(Goal.FINISH)
RESTORE = Wanted(Goal.RESTORE)
BRING_OLDER = Wanted(Goal.BRING, NAMES["older"])


def row(outcome: LoginOutcome, times: int, over: timedelta, ago: timedelta = SECOND) -> Probe:
    """A row of test logins, alike and without a break."""
    last = NOW - ago
    return Probe(LoginAnswer(outcome, "it says so", "Do this."), last - over, last - over, last, times)


JUST_IN = row(LoginOutcome.ACCEPTED, 1, timedelta(0))
REFUSED_YET = row(LoginOutcome.MISMATCH, 1, timedelta(0))
HOLDS = row(LoginOutcome.ACCEPTED, 3, 30 * SECOND, ago=2 * SECOND)
REFUSED = row(LoginOutcome.MISMATCH, 4, 5 * MINUTE, ago=MINUTE)
REFUSED_FOR_GOOD = row(LoginOutcome.MISMATCH, 40, 15 * MINUTE)
NO_ANSWER = row(LoginOutcome.TRANSIENT, 4, 5 * MINUTE, ago=MINUTE)
NO_ANSWER_FOR_LONG = row(LoginOutcome.TRANSIENT, 40, 15 * MINUTE)
NOT_SET_UP = row(LoginOutcome.CONFIGURATION, 1, timedelta(0), ago=MINUTE)
NOT_SET_UP_FOR_LONG = row(LoginOutcome.CONFIGURATION, 40, 15 * MINUTE)
TOO_MANY_FOR_AN_HOUR = row(LoginOutcome.RATE, 12, 60 * MINUTE, ago=6 * MINUTE)
TOO_MANY_FOR_LONG = row(LoginOutcome.RATE, 15, RATE_PATIENCE)


def seen(
    *live: str | None,
    pending: KnownVersion | None = None,
    current: KnownVersion | None = None,
    previous: KnownVersion | None = None,
    promoted: timedelta | None = DAY,
    probes: Mapping[str, Probe] | None = None,
    given_up: str | None = None,
    untried: bool = False,
) -> Observation:
    """What the apps A and B hold, or A alone, and what is stored; current was promoted so long ago.

    A pending version whose certificate is on no app was tried and refused, unless it is `untried`.
    """
    tried = {pending.fingerprint: REFUSED_YET} if pending and pending.fingerprint not in live and not untried else {}
    return Observation(
        {name: _app(name, held) for name, held in zip("AB", live, strict=False)},
        pending=pending,
        current=current,
        previous=previous,
        promoted_at=None if promoted is None else NOW - promoted,
        probes=tried | {NAMES[name]: probe for name, probe in (probes or {}).items()},
        given_up=frozenset([NAMES[given_up]] if given_up else []),
    )


def _app(name: str, held: str | None) -> SeenApp:
    return SeenApp(name, live=NAMES[held] if held else None, throwaway=held == "throwaway")


def decided(observation: Observation, wanted: Wanted = REPLACE, policy: Policy = POLICY) -> Action:
    return decide(observation, wanted, policy, NOW)


def told(action: Action) -> str:
    """An action in a few words: `upload new to A`."""
    words = [action.kind.value, action.version or "", f"to {action.app}" if action.app else "", action.halt or ""]
    return " ".join(word for word in words if word)


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
            seen("old", pending=NEW, current=OLD, probes={"old": replace(JUST_IN, last_at=NOW - 2 * MINUTE)}),
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


# --- two apps ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observation", "action"),
    [
        pytest.param(seen("old", None, current=OLD), "generate to B", id="a key is made for the standby app"),
        pytest.param(
            seen("old", None, pending=NEW_ON_B, current=OLD), "upload new to B", id="its certificate sent there"
        ),
        pytest.param(
            seen("old", "throwaway", pending=NEW_ON_B, current=OLD), "upload new to B", id="over the throwaway one"
        ),
        pytest.param(
            seen("old", "older", pending=NEW_ON_B, current=OLD, previous=OLDER_ON_B, promoted=8 * DAY),
            "upload new to B",
            id="or over that of a previous version that has served its time",
        ),
        pytest.param(
            seen("old", "older", current=OLD, previous=OLDER_ON_B),
            "wait older to B",
            id="but not while consumers may still use it",
        ),
        pytest.param(seen("old", "new", pending=NEW_ON_B, current=OLD), "verify new to B", id="the new key is tried"),
        pytest.param(
            seen("old", "new", pending=NEW_ON_B, current=OLD, probes={"new": HOLDS}),
            "promote new to B",
            id="and promoted",
        ),
        pytest.param(
            seen("old", "new", current=NEW_ON_B, previous=OLD), "done", id="the old app works on for the grace"
        ),
        pytest.param(
            seen("old", "new", current=NEW_ON_B, previous=OLD, promoted=8 * DAY),
            "disable old to A",
            id="then its key is ended",
        ),
        pytest.param(
            seen("throwaway", "new", current=NEW_ON_B, previous=OLD, promoted=8 * DAY),
            "retire old to A",
            id="and leaves the store",
        ),
        pytest.param(
            seen("old", "new", pending=NEW_ON_B, current=OLD, probes={"new": REFUSED_FOR_GOOD}),
            "disable new to B",
            id="a new key that never logs in is ended",
        ),
        pytest.param(
            seen("old", "old", current=OLD),
            "generate to B",
            id="a pair that holds one certificate can be told apart later",
        ),
    ],
)
def test_two_apps_take_turns(observation: Observation, action: str) -> None:
    assert told(decided(observation)) == action


def test_a_version_that_would_expire_does_not_wait_for_the_grace_of_another() -> None:
    expiring = version("old", lasts=3 * DAY)
    assert told(decided(seen("old", "older", current=expiring, previous=OLDER_ON_B))) == "generate to B"


def test_a_key_that_is_kept_stays_on_its_app() -> None:
    wanted = KEEPING_THE_KEY
    assert told(decided(seen("old", None, current=OLD, probes={"old": JUST_IN}), wanted)) == "generate to A"
    assert (
        told(decided(seen("old", None, pending=RENEWED, current=OLD, probes={"old": JUST_IN}), wanted))
        == "upload new to A"
    )


# --- what is pending already -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pending", "wanted", "action"),
    [
        pytest.param(NEW, FINISH, "upload new to A", id="what was begun is finished"),
        pytest.param(NEW, RESTORE, "discard new to A", id="unless the old one is wanted"),
        pytest.param(NEW, BRING_OLDER, "discard new to A", id="or an older one"),
        pytest.param(
            version("new", lasts=20 * DAY), REPLACE, "discard new to A", id="one that is due already is no help"
        ),
        pytest.param(RENEWED, REPLACE, "discard new to A", id="nor one over the old key"),
        pytest.param(
            RENEWED, replace(REPLACE, compromised=True), "discard new to A", id="least of all over a compromised one"
        ),
        pytest.param(
            RENEWED,
            KEEPING_THE_KEY,
            "upload new to A",
            id="unless the key is to be kept",
        ),
        pytest.param(
            NEW,
            KEEPING_THE_KEY,
            "discard new to A",
            id="for which another is no help",
        ),
    ],
)
def test_a_version_left_pending_is_taken_up_if_it_serves(pending: KnownVersion, wanted: Wanted, action: str) -> None:
    observation = seen("old", pending=pending, current=OLD, previous=OLDER, promoted=8 * DAY, probes={"old": JUST_IN})
    assert told(decided(observation, wanted)) == action


def test_of_a_pair_a_version_that_is_live_on_the_app_of_current_is_finished() -> None:
    assert told(decided(seen("new", None, pending=NEW, current=OLD), FINISH)) == "verify new to A"


def test_of_a_pair_a_version_for_the_app_of_current_is_not_sent_there() -> None:
    assert (
        told(decided(seen("old", None, pending=NEW, current=OLD, probes={"old": JUST_IN}), FINISH))
        == "discard new to A"
    )


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


# --- urgent ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted", [replace(REPLACE, compromised=True), replace(FINISH, options=RotationOptions(retire_now=True))]
)
def test_an_urgent_request_ends_the_previous_version_at_once(wanted: Wanted) -> None:
    assert told(decided(seen("old", "new", current=NEW_ON_B, previous=OLD), wanted)) == "disable old to A"
    assert told(decided(seen("throwaway", "new", current=NEW_ON_B, previous=OLD), wanted)) == "retire old to A"


# --- when a person is needed -------------------------------------------------------------------

UNSEEN = replace(seen("old", current=OLD), apps={"A": SeenApp("A", readable=False)})


@pytest.mark.parametrize(
    ("look", "wanted", "command"),
    [
        (seen("old", "stranger", current=OLD), REPLACE, "`rotate now --replace-unknown`"),
        (seen("stranger"), Wanted(Goal.REPLACE), "`rotator enroll --replace-unknown`"),
    ],
)
def test_an_unknown_certificate_is_told_with_the_command_that_replaces_it(
    look: Observation, wanted: Wanted, command: str
) -> None:
    assert command in decided(look, wanted).hint


CALLS_FOR_A_PERSON = [
    (UNSEEN, REPLACE, HaltReason.APP_UNREADABLE),
    (seen("old", current=OLD, previous=OLDER_ON_B), REPLACE, HaltReason.APP_NOT_CONFIGURED),
    (seen("stranger", current=OLD), REPLACE, HaltReason.DRIFT),
    (seen(None, current=OLD), FINISH, HaltReason.DRIFT),
    (seen("older", current=OLD, previous=OLDER), REPLACE, HaltReason.DRIFT),
    (seen("old", "stranger", current=OLD), REPLACE, HaltReason.STANDBY_UNKNOWN),
    (seen("stranger"), Wanted(Goal.REPLACE), HaltReason.STANDBY_UNKNOWN),
    (seen("old"), RESTORE, HaltReason.NOTHING_STORED),
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
]


@pytest.mark.parametrize(("observation", "wanted", "reason"), CALLS_FOR_A_PERSON)
def test_a_person_is_told_why_and_what_to_do(observation: Observation, wanted: Wanted, reason: HaltReason) -> None:
    action = decided(observation, wanted)
    assert action.halt is reason
    assert action.why.endswith(".")
    assert action.hint.endswith(".")


def test_nothing_else_calls_for_a_person() -> None:
    assert {reason for _, _, reason in CALLS_FOR_A_PERSON} == set(HaltReason)


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


def test_a_certificate_that_was_adopted_is_no_drift() -> None:
    adopting = Wanted(Goal.BRING, NAMES["new"])
    assert told(decided(seen("new", pending=NEW, current=OLD), adopting)) == "verify new to A"


def test_an_old_key_that_is_refused_for_certain_is_no_reason_to_keep_it() -> None:
    lost = row(LoginOutcome.MISMATCH, 3, MINUTE)
    assert told(decided(seen("old", current=OLD, probes={"old": lost}))) == "generate to A"


# --- whatever is seen --------------------------------------------------------------------------

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
