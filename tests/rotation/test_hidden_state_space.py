"""Where apps do not show what they hold, no action breaks a rule either, and every run gets home.

Such worlds have many more states: what is live is what logins have proven, of up to three keys, and what the run has
sent. So walks count what goes wrong: a crash, a write that is lost, half done or not answered, a key that never works,
what a person does; and an outage or servers that have not heard of a change, which are one fault for as long as they
answer the test logins of one key alike. The standard walks go through all that comes of one fault, the thorough ones of
two; of the plainest request through all that comes of any number.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.decision.decide import CLAUSES, Clause, all_is_done, current_is_proven_again
from rotator.core.decision.observations import Memory
from rotator.core.decision.policies import Strategy
from tests.rotation.hidden_variants import HIDDEN_VARIANTS
from tests.rotation.rules import BrokenRuleError
from tests.rotation.starts import (
    OFTEN,
    RARE_REQUESTS,
    REQUESTS,
    conceivable,
    hiding,
    in_other_words,
    in_the_middle,
    in_turn,
    sane,
    with_other_consumer_keys,
)
from tests.rotation.variants import FOR_APPS_THAT_SHOW_THEIRS, VARIANTS, without
from tests.rotation.walk import Walk
from tests.rotation.world import REFUSED, TAKEN
from tests.tiers import more_in_thorough, of_tier, standard_first, thorough

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.core.decision.policies import Wanted
    from tests.rotation.looks import Remembering
    from tests.rotation.world import World

ONE: Final = tuple(hiding(sane(Strategy.IN_PLACE), True))
"""Where credentials with one app begin."""
FIRST, SECOND, BOTH = (
    tuple(hiding(sane(Strategy.ALTERNATING), *hidden)) for hidden in ((True, False), (False, True), (True, True))
)
"""Where pairs begin that hide the certificate of the one app, the other, or both."""

pytestmark = pytest.mark.usefixtures("no_garbage_is_looked_for", "worlds_are_forgotten_afterwards")


@more_in_thorough
@pytest.mark.parametrize(
    ("starts", "requests", "states"),
    [
        pytest.param(ONE, REQUESTS, 80_000, id="one app", marks=thorough),
        pytest.param(tuple(in_turn(ONE)), OFTEN, 3_000, id="one app, keys in turn", marks=thorough),
        pytest.param(tuple(in_other_words(ONE)), OFTEN, 2_500, id="one app, other words", marks=thorough),
        pytest.param(FIRST, OFTEN, 2_500, id="the first of a pair", marks=thorough),
        pytest.param(SECOND, OFTEN, 2_000, id="the second of a pair", marks=thorough),
        pytest.param(BOTH, OFTEN, 3_000, id="both of a pair"),
        pytest.param(tuple(in_turn(BOTH)), OFTEN, 3_000, id="both of a pair, keys in turn", marks=thorough),
    ],
)
def test_no_run_breaks_a_rule_and_every_run_gets_home(
    starts: Sequence[World],
    requests: Sequence[Wanted],
    states: int,
    request: pytest.FixtureRequest,
    tell: Callable[[str], None],
) -> None:
    walk = Walk(requests).run(starts, faults=of_tier(1, thorough=2))
    tell(f"{request.node.callspec.id}, hidden: {walk}")
    # A walk that has lost its way shows nothing.
    assert walk.states > states


@thorough
@pytest.mark.parametrize("old", [REFUSED, TAKEN])
@pytest.mark.parametrize("starts", [ONE, BOTH], ids=["one app", "both of a pair"])
def test_an_app_may_get_another_consumer_key_at_any_moment(
    starts: Sequence[World], old: str, tell: Callable[[str], None]
) -> None:
    walk = Walk(OFTEN).run(with_other_consumer_keys(starts, old), faults=2)
    tell(f"hidden, another consumer key, the old one {old}: {walk}")
    assert walk.states > 10_000


@thorough
@pytest.mark.timeout(1800)
def test_a_rotation_survives_any_number_of_faults(tell: Callable[[str], None]) -> None:
    walk = Walk(REQUESTS[:1]).run(ONE)
    tell(f"one app, hidden, whole: {walk}")
    assert walk.is_whole
    assert walk.states > 200_000


@thorough
def test_the_next_action_is_safe_in_every_conceivable_state_whatever_logins_have_proven(
    tell: Callable[[str], None],
) -> None:
    one = tuple(hiding(conceivable(Strategy.IN_PLACE), True))
    middle = Walk(OFTEN).step(in_the_middle(world for world in one if not world.in_grace))
    rare = Walk(REQUESTS + RARE_REQUESTS).step(chain(one, in_other_words(one)))
    tell(f"one app, hidden, conceivable: {middle.states + rare.states:,} states, no broken rule")
    assert middle.states > 12_000
    assert rare.states > 4_000


@thorough
@pytest.mark.parametrize("hidden", [(True, True), (True, False), (False, True)], ids=str)
def test_it_is_the_same_for_a_pair_that_hides_one_certificate_or_both(
    hidden: tuple[bool, bool], tell: Callable[[str], None]
) -> None:
    walk = Walk(OFTEN).step(hiding(conceivable(Strategy.ALTERNATING), *hidden))
    tell(f"a pair, hidden {hidden}, conceivable: {walk}")
    assert walk.states > 12_000


FOUND_LATE = {
    "retires what may be live",
    "forgets a write that was not answered",
    "takes a login from before the write as proof",
    "takes no answer for a yes",
}
"""After many states."""


@pytest.mark.parametrize("name", standard_first(HIDDEN_VARIANTS, HIDDEN_VARIANTS.keys() - FOUND_LATE))
def test_a_program_that_is_wrong_about_hidden_certificates_is_found(name: str) -> None:
    variant = HIDDEN_VARIANTS[name]
    with pytest.raises(BrokenRuleError, match=variant.breaks):
        _look_for_broken_rules(variant.clauses, variant.memory)


NOT_NEEDED: Final = {
    current_is_proven_again: "who finds the app of current unknown sends its certificate again, and proves it then",
    all_is_done: "it breaks no rule: without it there is no action at all",
}
"""Clauses that no broken rule tells of where certificates are hidden, and why not."""


NEEDED: Final = [each for each in CLAUSES if each not in NOT_NEEDED]
FOR_THIS_ALONE: Final = [each for each in NEEDED if each not in FOR_APPS_THAT_SHOW_THEIRS]
"""The others cannot be left out where apps show theirs either (test_state_space), which takes less to find."""


@pytest.mark.parametrize(
    "clause", standard_first(NEEDED, FOR_THIS_ALONE + NEEDED[:2]), ids=lambda clause: str(clause.__name__)
)
def test_no_clause_can_be_left_out(clause: Clause) -> None:
    with pytest.raises(BrokenRuleError):
        _look_for_broken_rules(without(clause))


HARMLESS: Final = {
    "uploads without a test login of current": "no app that hides its certificate is known to hold current's before one"
}
"""Programs that are wrong about apps that show theirs alone, and why."""


SOME_VARIANTS: Final = (
    "promotes what is not live",
    "makes new keys for the app of current",
)
"""The others are found in the standard tier where apps show theirs, which takes less."""


@pytest.mark.parametrize("name", standard_first([name for name in VARIANTS if name not in HARMLESS], SOME_VARIANTS))
def test_a_program_that_is_wrong_in_one_point_is_found(name: str) -> None:
    with pytest.raises(BrokenRuleError):
        _look_first_where_it_takes_least(VARIANTS[name].clauses)


def _look_first_where_it_takes_least(clauses: tuple[Clause, ...]) -> None:
    Walk(OFTEN, clauses).run(BOTH, faults=0)
    Walk(REQUESTS, clauses).run(ONE, faults=1)
    _look_for_broken_rules(clauses)


def _look_for_broken_rules(clauses: tuple[Clause, ...], memory: Remembering = Memory) -> None:
    """One fault is enough to find what is wrong in one point."""
    Walk(OFTEN, clauses, memory).run(ONE, faults=1)
    Walk(OFTEN, clauses, memory).run(BOTH, faults=1)
    Walk(REQUESTS, clauses, memory).run(ONE, faults=1)
