"""What a run remembers of apps that do not show what they hold: what it made, what it sent, and how that went."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.actions import Action, ActionKind
from rotator.core.decision.observations import Memory
from tests.unit.core.decision.hidden_situations import UNKNOWN, hidden
from tests.unit.core.decision.situations import JUST_IN, NAMES, NEW_ON_B, NOW, OLD, POLICY, REFUSED_YET, seen

if TYPE_CHECKING:
    from rotator.core.credentials import Fingerprint
    from rotator.core.decision.observations import Observation

BOTH_HIDDEN = hidden(UNKNOWN, UNKNOWN, current=OLD, pending=NEW_ON_B)
BOTH_SHOWN = seen("old", None, current=OLD, pending=NEW_ON_B)
OF_OLD, OF_BOTH = {NAMES["old"]: JUST_IN}, {NAMES["old"]: JUST_IN, NAMES["new"]: REFUSED_YET}
UPLOAD = Action(ActionKind.UPLOAD, "it is safe", version=NAMES["new"], app="B")
DISABLE = Action(ActionKind.DISABLE, "it is over", version=NAMES["new"], app="B")
REMEMBERED = Memory(
    probes=OF_BOTH,
    sent={"A": NAMES["old"], "B": NAMES["older"]},
    begun=frozenset("A"),
    unsent=frozenset({NAMES["new"]}),
)


def test_what_was_made_is_sent_nowhere_until_it_is_sent() -> None:
    memory = Memory(unsent=frozenset({NAMES["older"]})).made(NAMES["new"])
    assert memory.unsent == {NAMES["older"], NAMES["new"]}
    assert memory.sending(UPLOAD, BOTH_SHOWN).unsent == {NAMES["older"]}


def test_of_an_app_that_shows_what_it_holds_the_next_look_tells() -> None:
    assert REMEMBERED.sending(UPLOAD, BOTH_SHOWN) == replace(REMEMBERED, unsent=frozenset())


def test_from_when_a_certificate_is_sent_no_login_of_before_tells_what_the_app_holds() -> None:
    memory = REMEMBERED.sending(UPLOAD, BOTH_HIDDEN)
    assert memory == Memory(probes=OF_OLD, sent={"A": NAMES["old"]}, begun=frozenset("AB"))


@pytest.mark.parametrize(("action", "live"), [(UPLOAD, NAMES["new"]), (DISABLE, None)], ids=["ours", "a throwaway one"])
def test_what_was_sent_and_answered_with_yes_is_there(action: Action, live: str | None) -> None:
    memory = REMEMBERED.sending(action, BOTH_HIDDEN).told_yes(action)
    assert memory.sent == {"A": NAMES["old"], "B": live}


def test_that_an_app_which_shows_what_it_holds_said_yes_need_not_be_remembered() -> None:
    assert REMEMBERED.told_yes(UPLOAD) == REMEMBERED


@pytest.mark.parametrize(
    ("look", "live", "kept"),
    [
        pytest.param(BOTH_HIDDEN, {}, "AB", id="both hide it"),
        pytest.param(
            replace(BOTH_HIDDEN, apps={**BOTH_HIDDEN.apps, "B": BOTH_SHOWN.apps["B"]}), {}, "A", id="one does"
        ),
        pytest.param(BOTH_HIDDEN, {"A": NAMES["old"]}, "B", id="one has shown it before"),
        pytest.param(BOTH_SHOWN, {}, "", id="none does"),
    ],
)
def test_what_was_sent_counts_for_as_long_as_an_app_does_not_show_what_it_holds(
    look: Observation, live: dict[str, Fingerprint | None], kept: str
) -> None:
    before = replace(REMEMBERED, live=live, begun=frozenset("AB"))
    memory, observed = before.observe(look, POLICY.verification, NOW)
    assert (memory.begun, observed.begun) == (frozenset(kept), frozenset(kept))
    assert memory.sent == {name: REMEMBERED.sent[name] for name in kept}
    assert observed.unsent == {NAMES["new"]}
    assert {name: observed.apps[name].live for name in kept} == memory.sent


def test_a_first_look_leaves_the_test_logins_of_a_run_what_they_are() -> None:
    memory, _ = Memory(probes=OF_OLD).observe(BOTH_SHOWN, POLICY.verification, NOW)
    assert memory.probes == OF_OLD


@pytest.mark.parametrize(
    ("look", "is_settled"),
    [
        pytest.param(hidden(UNKNOWN, current=OLD), True, id="nothing was sent"),
        pytest.param(hidden(UNKNOWN, current=OLD, begun="A"), False, id="it is not known how the last write went"),
        pytest.param(hidden(UNKNOWN, current=OLD, pending=NEW_ON_B), True, id="the next one is for another app"),
        pytest.param(
            hidden(UNKNOWN, current=OLD, pending=replace(NEW_ON_B, app="A")),
            False,
            id="the next one may have been sent",
        ),
        pytest.param(
            hidden(UNKNOWN, current=OLD, pending=replace(NEW_ON_B, app="A"), unsent=["new"]),
            True,
            id="it was made and sent nowhere yet",
        ),
        pytest.param(hidden("old", current=OLD, begun="A"), True, id="current was proven since"),
        pytest.param(seen("new", current=OLD), False, id="the app shows another"),
        pytest.param(seen(None), True, id="there is nothing to log in with"),
    ],
)
def test_whether_anything_is_half_done_if_a_run_stops_here(look: Observation, is_settled: bool) -> None:
    assert look.is_settled is is_settled
