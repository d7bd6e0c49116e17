"""What logins prove of an app that does not show its certificate, and what they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.hidden_apps import given_to, proven
from rotator.core.decision.observations import Memory
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import ObservedApp, ObservedCredential
from tests.unit.core.decision.hidden_situations import REFUSES, UNKNOWN
from tests.unit.core.decision.situations import (
    HOLDS,
    JUST_IN,
    MINUTE,
    NAMES,
    NEW,
    NEW_ON_B,
    NO_ANSWER_FOR_LONG,
    NOT_SET_UP,
    NOW,
    OLD,
    OLDER,
    OLDER_ON_B,
    POLICY,
    REFUSED,
    REFUSED_FOR_GOOD,
    REFUSED_YET,
    TOO_MANY_FOR_LONG,
    row,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rotator.core.decision.observations import Probe
    from rotator.core.observed import KnownVersion

ACCEPTED_LONG_AGO = row(LoginOutcome.ACCEPTED, 9, MINUTE, ago=2 * MINUTE)
LOCKED = replace(NOT_SET_UP, answer=LoginAnswer(LoginOutcome.CONFIGURATION, "invalid_grant: user is locked"))


def stored(
    pending: KnownVersion | None = None, current: KnownVersion | None = OLD, previous: KnownVersion | None = None
) -> ObservedCredential:
    return ObservedCredential(
        {name: ObservedApp(name, hidden=True) for name in "AB"}, pending=pending, current=current, previous=previous
    )


def found(
    credential: ObservedCredential,
    *,
    probes: Mapping[str, Probe] | None = None,
    sent: Mapping[str, str | None] | None = None,
    begun: Collection[str] = (),
    unsent: Collection[str] = (),
    ours: bool = False,
) -> str:
    """What app A is known to hold, in one word."""
    memory = Memory(
        probes={NAMES[name]: probe for name, probe in (probes or {}).items()},
        sent={app: NAMES[name] if name else None for app, name in (sent or {}).items()},
        begun=frozenset(begun),
        unsent=frozenset(NAMES[name] for name in unsent),
    )
    app = proven(ObservedApp("A", hidden=True, ours=ours), credential, memory, POLICY.verification, NOW)
    known = [app.live, "throwaway" if app.throwaway else None, REFUSES if app.refuses_stored else None]
    [what] = list(filter(None, known)) or [UNKNOWN]
    return what


WITH_PENDING = stored(NEW)
WITH_PREVIOUS = stored(previous=OLDER)
WITH_BOTH = stored(NEW, previous=OLDER)


@pytest.mark.parametrize(
    ("credential", "versions"),
    [
        (stored(), ["old"]),
        (WITH_BOTH, ["old", "older", "new"]),
        (stored(NEW_ON_B, previous=OLDER_ON_B), ["old"]),
        (stored(OLDER, previous=OLDER), ["old", "older"]),
        (stored(current=None), []),
    ],
)
def test_an_app_may_have_been_given_each_version_that_is_for_it(
    credential: ObservedCredential, versions: list[str]
) -> None:
    assert [each.fingerprint for each in given_to("A", credential, frozenset())] == versions


def test_an_app_was_not_given_what_was_made_and_not_sent_yet() -> None:
    assert given_to("A", WITH_PENDING, {NAMES["new"]}) == [OLD]


@pytest.mark.parametrize(
    ("sent", "what"),
    [
        pytest.param({"A": "new"}, "new", id="that certificate"),
        pytest.param({"A": None}, "throwaway", id="or none that anybody has a key to"),
    ],
)
def test_live_is_what_was_sent_and_answered_with_yes_whatever_logins_said(
    sent: dict[str, str | None], what: str
) -> None:
    assert found(WITH_PENDING, sent=sent, begun="A") == what
    assert found(WITH_PENDING, sent=sent, begun="A", probes={"old": JUST_IN, "new": REFUSED_FOR_GOOD}) == what


def test_what_was_sent_and_not_answered_may_be_live_or_not_whatever_logins_say() -> None:
    assert found(stored(), begun="A", probes={"old": JUST_IN}) == UNKNOWN
    assert found(stored(), begun="A", probes={"old": REFUSED_FOR_GOOD}) == UNKNOWN


def test_what_was_sent_to_another_app_says_nothing() -> None:
    assert found(stored(), sent={"B": "old"}, begun="B") == UNKNOWN


@pytest.mark.parametrize(
    ("credential", "probes", "what"),
    [
        pytest.param(stored(), {"old": JUST_IN}, "old", id="current's key has just logged in"),
        pytest.param(stored(), {"old": HOLDS}, "old", id="and goes on to"),
        pytest.param(stored(), {"old": ACCEPTED_LONG_AGO}, UNKNOWN, id="it has done so too long ago"),
        pytest.param(stored(), {"old": NO_ANSWER_FOR_LONG}, UNKNOWN, id="there is no answer"),
        pytest.param(stored(), {}, UNKNOWN, id="nobody has asked"),
        pytest.param(stored(current=None), {}, UNKNOWN, id="nothing is stored that could be tried"),
        pytest.param(
            WITH_PREVIOUS, {"old": JUST_IN, "older": JUST_IN}, "old", id="both keys log in, current's is first"
        ),
        pytest.param(
            WITH_PREVIOUS, {"old": REFUSED_FOR_GOOD, "older": JUST_IN}, "older", id="another does, for certain"
        ),
        pytest.param(WITH_PREVIOUS, {"old": REFUSED, "older": JUST_IN}, UNKNOWN, id="a slow server may have said so"),
        pytest.param(WITH_PREVIOUS, {"older": JUST_IN}, UNKNOWN, id="current's key was not tried"),
        pytest.param(
            WITH_PREVIOUS, {"old": NO_ANSWER_FOR_LONG, "older": JUST_IN}, UNKNOWN, id="current's had no answer"
        ),
        pytest.param(stored(current=None, previous=OLDER), {"older": JUST_IN}, "older", id="there is no current one"),
        pytest.param(WITH_PENDING, {"old": JUST_IN}, UNKNOWN, id="a pending one may be under way"),
        pytest.param(WITH_PENDING, {"new": JUST_IN}, UNKNOWN, id="even if it is the one that logs in"),
        pytest.param(WITH_PENDING, {"old": REFUSED_FOR_GOOD, "new": JUST_IN}, UNKNOWN, id="and no other does"),
        pytest.param(stored(NEW_ON_B), {"old": JUST_IN}, "old", id="what is pending is for another app"),
    ],
)
def test_of_an_app_that_was_sent_nothing_logins_tell(
    credential: ObservedCredential, probes: dict[str, Probe], what: str
) -> None:
    assert found(credential, probes=probes) == what


def test_a_pending_version_that_was_sent_nowhere_is_not_under_way() -> None:
    assert found(WITH_PENDING, probes={"old": JUST_IN}, unsent=["new"]) == "old"
    assert found(WITH_PENDING, probes={"old": REFUSED_FOR_GOOD}, unsent=["new"]) == REFUSES


@pytest.mark.parametrize(
    ("credential", "probes", "what"),
    [
        pytest.param(stored(), {"old": REFUSED_FOR_GOOD}, REFUSES, id="the only one"),
        pytest.param(stored(), {"old": REFUSED}, UNKNOWN, id="not for long enough"),
        pytest.param(stored(), {"old": TOO_MANY_FOR_LONG}, UNKNOWN, id="a limit is no refusal"),
        pytest.param(
            WITH_PREVIOUS, {"old": REFUSED_FOR_GOOD, "older": REFUSED_FOR_GOOD}, REFUSES, id="each of several"
        ),
        pytest.param(WITH_PREVIOUS, {"old": REFUSED_FOR_GOOD}, UNKNOWN, id="one was not tried"),
        pytest.param(
            WITH_PREVIOUS, {"old": REFUSED_FOR_GOOD, "older": REFUSED}, UNKNOWN, id="one was refused only now"
        ),
        pytest.param(
            WITH_PREVIOUS, {"old": REFUSED_FOR_GOOD, "older": NO_ANSWER_FOR_LONG}, UNKNOWN, id="one had no answer"
        ),
        pytest.param(
            WITH_PREVIOUS, {"old": REFUSED_FOR_GOOD, "older": ACCEPTED_LONG_AGO}, UNKNOWN, id="one was accepted once"
        ),
    ],
)
def test_an_app_holds_none_of_the_stored_versions_when_the_key_of_each_is_refused_for_good(
    credential: ObservedCredential, probes: dict[str, Probe], what: str
) -> None:
    assert found(credential, probes=probes) == what


OTHERS = pytest.mark.parametrize("of_others", [REFUSED_YET, NOT_SET_UP], ids=["in known words", "in other words"])


@OTHERS
def test_where_the_pending_certificate_was_sent_last_it_is_the_one_to_be_refused_for_good(of_others: Probe) -> None:
    """The others are wrong keys there, and are told so in whatever words."""
    assert found(WITH_PENDING, ours=True, probes={"old": of_others, "new": REFUSED_FOR_GOOD}) == REFUSES
    assert found(WITH_PENDING, ours=True, probes={"old": REFUSED_FOR_GOOD, "new": of_others}) == UNKNOWN
    assert found(WITH_PENDING, ours=False, probes={"old": of_others, "new": REFUSED_FOR_GOOD}) == UNKNOWN


@pytest.mark.parametrize("of_old", [None, NO_ANSWER_FOR_LONG, LOCKED], ids=["nobody asked", "no answer", "locked"])
def test_what_does_not_speak_of_a_key_is_no_refusal_of_it(of_old: Probe | None) -> None:
    probes = {"new": REFUSED_FOR_GOOD} | ({"old": of_old} if of_old else {})
    assert found(WITH_PENDING, ours=True, probes=probes) == UNKNOWN
