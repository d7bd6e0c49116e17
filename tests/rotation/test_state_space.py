"""From every state that store, apps and test logins can be in, no action breaks a rule, and every run gets home.

Walks go through the program's own `decide` with every action succeeding, failing without effect, with half of it, or
being the last before a crash; with certificates that arrive late, answers that prove nothing, and people who change
apps between two runs. Left to `test_random_walks` are people who change them during a run or have a pair's
certificates adopted, the order in which a pair is named, and requests of rare kinds.
"""

from __future__ import annotations

import gc
import sys
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.decide import CLAUSES, Clause, all_is_done
from rotator.core.decision.policies import Goal, Strategy, Wanted
from tests.rotation import happenings, looks, sameness
from tests.rotation import walk as walking
from tests.rotation.rules import BrokenRuleError
from tests.rotation.starts import RARE_REQUESTS, REQUESTS, conceivable, hiding, in_other_words, in_the_middle, sane
from tests.rotation.variants import HIDDEN_VARIANTS, VARIANTS, without
from tests.rotation.walk import Walk
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_PLACE, ALTERNATING = Strategy.IN_PLACE, Strategy.ALTERNATING
OFTEN = [REQUESTS[0], next(wanted for wanted in REQUESTS if wanted.goal is Goal.BRING)]


@pytest.fixture(autouse=True)
def _no_garbage_is_looked_for() -> Iterator[None]:
    """Worlds hold no cycles, and there are a hundred thousand of them to look through."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="module", autouse=True)
def _worlds_are_forgotten_afterwards() -> Iterator[None]:
    """The tests that come next in this process need not carry them along."""
    yield
    for module in (happenings, looks, sameness, walking):
        for kept in vars(module).values():
            if hasattr(kept, "cache_clear"):
                kept.cache_clear()


@pytest.mark.parametrize(
    ("strategy", "states", "transitions"), [(IN_PLACE, 30_000, 110_000), (ALTERNATING, 35_000, 110_000)]
)
def test_no_run_breaks_a_rule_and_every_run_gets_home(
    strategy: Strategy, states: int, transitions: int, capsys: pytest.CaptureFixture[str]
) -> None:
    walk = Walk(REQUESTS).run(sane(strategy))
    _tell(f"{strategy}: {walk.states:,} states, {walk.transitions:,} transitions, no broken rule", capsys)
    # A walk that has lost its way shows nothing.
    assert walk.states > states
    assert walk.transitions > transitions


@thorough
def test_what_an_app_says_of_a_wrong_key_is_learnt_whatever_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    walk = Walk(OFTEN).run(in_other_words(sane(IN_PLACE)))
    _tell(f"{IN_PLACE}, other words: {walk.states:,} states, {walk.transitions:,} transitions, no broken rule", capsys)
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
    strategy: Strategy, requests: tuple[Wanted, ...], states: int, capsys: pytest.CaptureFixture[str]
) -> None:
    walk = Walk(requests).step(chain(conceivable(strategy), in_other_words(conceivable(strategy))))
    _tell(f"{strategy}: {walk.states:,} conceivable states, no broken rule", capsys)
    assert walk.states > states


def test_where_an_app_hides_its_certificate_the_next_action_is_safe_whatever_logins_have_proven(
    capsys: pytest.CaptureFixture[str],
) -> None:
    middle = (world for world in in_the_middle(hiding(conceivable(IN_PLACE), True)) if not world.in_grace)
    walk = Walk(OFTEN).step(middle)
    rare = Walk(REQUESTS + RARE_REQUESTS).step(hiding(conceivable(IN_PLACE), True))
    words = Walk(OFTEN).step(in_other_words(hiding(conceivable(IN_PLACE), True)))
    states = walk.states + rare.states + words.states
    _tell(f"{IN_PLACE}, hidden: {states:,} conceivable states, no broken rule", capsys)
    assert walk.states > 12_000
    assert rare.states > 4_000


@thorough
@pytest.mark.parametrize("hidden", [(True, True), (True, False), (False, True)], ids=str)
def test_it_is_the_same_for_a_pair_that_hides_one_certificate_or_both(
    hidden: tuple[bool, bool], capsys: pytest.CaptureFixture[str]
) -> None:
    walk = Walk(OFTEN).step(hiding(conceivable(ALTERNATING), *hidden))
    _tell(f"{ALTERNATING}, hidden {hidden}: {walk.states:,} conceivable states, no broken rule", capsys)
    assert walk.states > 12_000


@pytest.mark.parametrize("name", HIDDEN_VARIANTS)
def test_a_program_that_is_wrong_about_hidden_certificates_is_found(name: str) -> None:
    variant = HIDDEN_VARIANTS[name]
    with pytest.raises(BrokenRuleError, match=variant.breaks):
        Walk(OFTEN, variant.clauses, variant.memory).step(
            in_the_middle(hiding(conceivable(IN_PLACE), True)), looks_ahead=True
        )


@pytest.mark.parametrize("clause", CLAUSES[:-1], ids=lambda clause: str(clause.__name__))
def test_no_clause_can_be_left_out(clause: Clause) -> None:
    with pytest.raises(BrokenRuleError):
        _look_for_broken_rules(without(clause))


def test_there_is_an_action_for_every_situation_only_with_the_last_clause() -> None:
    with pytest.raises(StopIteration):
        _look_for_broken_rules(without(all_is_done))


@pytest.mark.parametrize("name", VARIANTS)
def test_a_program_that_is_wrong_in_one_point_is_found(name: str) -> None:
    variant = VARIANTS[name]
    with pytest.raises(BrokenRuleError, match=variant.breaks):
        _look_for_broken_rules(variant.clauses)


def _look_for_broken_rules(clauses: tuple[Clause, ...]) -> None:
    """Less than a whole walk, but enough to find what is wrong in one point."""
    Walk(REQUESTS, clauses).step(conceivable(IN_PLACE))
    Walk(OFTEN, clauses).run(sane(IN_PLACE))
    Walk(REQUESTS, clauses).step(conceivable(ALTERNATING))
    Walk(REQUESTS, clauses).step(hiding(conceivable(IN_PLACE), True))


def _tell(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{count}\n")
