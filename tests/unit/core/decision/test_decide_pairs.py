"""The next single action where two apps take turns, and what is done with a version left pending."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.core.decision.situations import (
    BRING_OLDER,
    DAY,
    FINISH,
    HOLDS,
    JUST_IN,
    KEEPING_THE_KEY,
    NEW,
    NEW_ON_B,
    OLD,
    OLDER,
    OLDER_ON_B,
    REFUSED_FOR_GOOD,
    RENEWED,
    REPLACE,
    REPLACING_UNKNOWN,
    RESTORE,
    decided,
    seen,
    told,
    version,
)

if TYPE_CHECKING:
    from rotator.core.decision.observations import Observation
    from rotator.core.decision.policies import Wanted
    from rotator.core.observed import KnownVersion


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
            id="or over that of a previous version whose grace has ended",
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


@pytest.mark.parametrize(
    ("observation", "wanted", "action"),
    [
        pytest.param(
            seen("older", None, pending=NEW_ON_B, current=OLD, previous=OLDER, promoted=8 * DAY),
            REPLACING_UNKNOWN,
            "restore old to A",
            id="current's app gets current's certificate",
        ),
        pytest.param(
            seen("old", "older", pending=RENEWED, current=OLD, previous=OLDER_ON_B, promoted=8 * DAY),
            KEEPING_THE_KEY,
            "disable older to B",
            id="another gets one that nobody has the key to",
        ),
    ],
)
def test_an_app_that_held_the_previous_version_is_cleared_before_the_next_one_begins(
    observation: Observation, wanted: Wanted, action: str
) -> None:
    assert told(decided(observation, wanted)) == action


def test_a_key_that_is_kept_stays_on_its_app() -> None:
    wanted = KEEPING_THE_KEY
    assert told(decided(seen("old", None, current=OLD, probes={"old": JUST_IN}), wanted)) == "generate to A"
    assert (
        told(decided(seen("old", None, pending=RENEWED, current=OLD, probes={"old": JUST_IN}), wanted))
        == "upload new to A"
    )


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
