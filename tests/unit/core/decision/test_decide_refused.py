"""While consumers may be refused the key of the certificate that came back is proven before anything else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.core.decision.situations import (
    DAY,
    FINISH,
    HOLDS,
    MINUTE,
    NEW,
    NOW,
    OLD,
    OLDER_ON_B,
    REFUSED,
    REFUSED_FOR_GOOD,
    REPLACE,
    decided,
    seen,
    told,
)

if TYPE_CHECKING:
    from rotator.core.decision.observations import Observation
    from rotator.core.decision.policies import Wanted


@pytest.mark.parametrize(
    ("observation", "wanted", "action"),
    [
        pytest.param(seen("old", current=OLD), FINISH, "verify old to A", id="it is tried"),
        pytest.param(seen("old", current=OLD, probes={"old": HOLDS}), FINISH, "done", id="until it holds"),
        pytest.param(seen("new", pending=NEW, current=OLD), FINISH, "verify new to A", id="the other one is live"),
        pytest.param(
            seen("old", current=OLD, probes={"old": REFUSED}), FINISH, "verify old to A", id="no other is wanted"
        ),
        pytest.param(
            seen("old", current=OLD, probes={"old": REFUSED}), REPLACE, "generate to A", id="a new key is the way out"
        ),
    ],
)
def test_with_an_open_gap(observation: Observation, wanted: Wanted, action: str) -> None:
    assert told(decided(replace(observation, gap_is_open=True), wanted)) == action


def test_without_one_there_is_nothing_to_prove() -> None:
    assert told(decided(seen("old", current=OLD), FINISH)) == "done"


def test_what_is_given_up_is_named_with_each_step_that_takes_it_back() -> None:
    back = decided(seen("new", pending=NEW, current=OLD, probes={"new": REFUSED_FOR_GOOD}))
    gone = decided(seen("old", pending=NEW, current=OLD, given_up="new", probes={"old": HOLDS}))
    assert [(told(each), each.gives_up) for each in (back, gone)] == [
        ("restore old to A", "new"),
        ("discard new to A", "new"),
    ]
    assert gone.why == "its test login never held"


def test_who_waits_for_consumers_and_who_is_done_says_until_when() -> None:
    waits = decided(seen("old", "older", current=OLD, previous=OLDER_ON_B))
    assert (told(waits), waits.until) == ("wait older to B", NOW + 6 * DAY)
    done = decided(seen("old", "older", current=OLD, previous=OLDER_ON_B), FINISH)
    assert (told(done), done.until) == ("done", NOW + 6 * DAY)


def test_a_row_of_logins_tells_its_last_answer() -> None:
    answer = replace(REFUSED.answer, reason="in other words")
    grown = REFUSED.then(answer, NOW + MINUTE)
    assert (grown.answer, grown.streak, grown.last_at) == (answer, REFUSED.streak + 1, NOW + MINUTE)
