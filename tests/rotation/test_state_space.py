"""From every state that store, apps and test logins can be in, no action breaks a rule, and every run gets home.

Walks go through the program's own `decide` with every action succeeding, failing without effect, with half of it, or
being the last before a crash; with certificates that arrive late, answers that prove nothing, and people who change
apps between two runs. Left to `test_random_walks` are people who change them during a run or have a pair's
certificates adopted, the order in which a pair is named, and requests of rare kinds. Apps that do not show what they
hold have a module of their own, `test_hidden_state_space`.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.decision.decide import Clause, all_is_done, previous_makes_room
from rotator.core.decision.policies import Strategy, Wanted
from tests.rotation.rules import BrokenRuleError
from tests.rotation.starts import (
    OFTEN,
    RARE_REQUESTS,
    REQUESTS,
    conceivable,
    in_other_words,
    sane,
    with_other_consumer_keys,
)
from tests.rotation.variants import FOR_APPS_THAT_SHOW_THEIRS, FOR_OTHER_CONSUMER_KEYS, VARIANTS, without
from tests.rotation.walk import Walk
from tests.rotation.world import REFUSED, TAKEN
from tests.tiers import more_in_thorough, of_tier, standard_first, thorough

if TYPE_CHECKING:
    from collections.abc import Callable

IN_PLACE, ALTERNATING = Strategy.IN_PLACE, Strategy.ALTERNATING

pytestmark = pytest.mark.usefixtures("no_garbage_is_looked_for", "worlds_are_forgotten_afterwards")


@more_in_thorough
@pytest.mark.parametrize(
    ("strategy", "states", "transitions"),
    [
        pytest.param(IN_PLACE, 30_000, 110_000, marks=thorough),
        (ALTERNATING, *of_tier((4_000, 12_000), thorough=(35_000, 110_000))),
    ],
)
def test_no_run_breaks_a_rule_and_every_run_gets_home(
    strategy: Strategy, states: int, transitions: int, tell: Callable[[str], None]
) -> None:
    walk = Walk(of_tier(OFTEN, thorough=REQUESTS)).run(sane(strategy))
    tell(f"{strategy}: {walk}")
    # A walk that has lost its way shows nothing.
    assert walk.states > states
    assert walk.transitions > transitions


@thorough
def test_what_an_app_says_of_a_wrong_key_is_learnt_whatever_its_words(tell: Callable[[str], None]) -> None:
    walk = Walk(OFTEN).run(in_other_words(sane(IN_PLACE)))
    tell(f"{IN_PLACE}, other words: {walk}")
    assert walk.states > 8_000
    assert any(world.heard for world in walk.between), "the words are never heard"


@pytest.mark.parametrize(
    ("strategy", "requests", "states"),
    [
        (IN_PLACE, REQUESTS + RARE_REQUESTS, 4_000),
        pytest.param(ALTERNATING, REQUESTS, 35_000, marks=thorough),
    ],
)
def test_from_every_conceivable_state_the_next_action_is_safe_and_the_run_ends(
    strategy: Strategy, requests: tuple[Wanted, ...], states: int, tell: Callable[[str], None]
) -> None:
    walk = Walk(requests).step(chain(conceivable(strategy), in_other_words(conceivable(strategy))))
    tell(f"{strategy}: {walk.states:,} conceivable states, no broken rule")
    assert walk.states > states


@thorough
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("strategy", "old", "requests", "states"),
    [
        (IN_PLACE, REFUSED, REQUESTS, 100_000),
        (IN_PLACE, TAKEN, OFTEN, 25_000),
        (ALTERNATING, REFUSED, OFTEN, 20_000),
        (ALTERNATING, TAKEN, OFTEN, 15_000),
    ],
)
def test_an_app_may_get_another_consumer_key_at_any_moment(
    strategy: Strategy, old: str, requests: tuple[Wanted, ...], states: int, tell: Callable[[str], None]
) -> None:
    walk = Walk(requests).run(with_other_consumer_keys(sane(strategy), old), faults=None)
    tell(f"{strategy}, another consumer key, the old one {old}: {walk}")
    assert walk.states > states


@pytest.mark.parametrize("name", FOR_OTHER_CONSUMER_KEYS)
def test_a_program_that_is_wrong_about_consumer_keys_is_found(name: str) -> None:
    variant = FOR_OTHER_CONSUMER_KEYS[name]
    with pytest.raises(BrokenRuleError, match=variant.breaks):
        Walk(OFTEN[:1], variant.clauses).run(with_other_consumer_keys(sane(IN_PLACE), REFUSED))


OF_PAIRS: Final = {previous_makes_room, "makes new keys for the app of current"}
"""What is wrong with pairs alone: of those nothing is found where there is one app, and all of it is walked."""


NEEDED_LATE: Final = {"current_is_proven_again", "failed_attempt_ends", "previous_makes_room", "apps_are_readable"}
FOUND_LATE: Final = {
    "takes answers that prove nothing for a refusal",
    "goes on with a key that is accepted before its certificate is there",
    "promotes long after a login",
}
"""After many states, as those are."""


@pytest.mark.parametrize(
    "clause",
    standard_first(
        FOR_APPS_THAT_SHOW_THEIRS, [each for each in FOR_APPS_THAT_SHOW_THEIRS if each.__name__ not in NEEDED_LATE]
    ),
    ids=lambda clause: str(clause.__name__),
)
def test_no_clause_can_be_left_out(clause: Clause) -> None:
    with pytest.raises(BrokenRuleError):
        _look_for_broken_rules(without(clause), of_pairs=clause in OF_PAIRS)


def test_there_is_an_action_for_every_situation_only_with_the_last_clause() -> None:
    with pytest.raises(StopIteration):
        _look_for_broken_rules(without(all_is_done), of_pairs=False)


@pytest.mark.parametrize("name", standard_first(VARIANTS, VARIANTS.keys() - FOUND_LATE))
def test_a_program_that_is_wrong_in_one_point_is_found(name: str) -> None:
    variant = VARIANTS[name]
    with pytest.raises(BrokenRuleError, match=variant.breaks):
        _look_for_broken_rules(variant.clauses, of_pairs=name in OF_PAIRS)


def _look_for_broken_rules(clauses: tuple[Clause, ...], *, of_pairs: bool) -> None:
    """Less than a whole walk, but enough to find what is wrong in one point; what takes least comes first."""
    if of_pairs:
        Walk(REQUESTS, clauses).step(conceivable(ALTERNATING))
    Walk(REQUESTS, clauses).step(conceivable(IN_PLACE))
    Walk(OFTEN, clauses).run(sane(IN_PLACE))
    Walk(REQUESTS, clauses).step(conceivable(ALTERNATING))
