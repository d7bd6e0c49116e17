"""Long runs of chance through the same worlds, with what the exhaustive walks leave out.

People change apps, and have their key pairs adopted, at any moment of a run; either app of a pair may be the first;
requests are of every kind; every answer that proves nothing may come to every test login.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rotator.core.decision.actions import ActionKind
from rotator.core.decision.policies import Strategy
from rotator.core.logins import LoginOutcome
from tests.rotation.happenings import adopted, people, spreads
from tests.rotation.looks import answered
from tests.rotation.sameness import plain
from tests.rotation.starts import RARE_REQUESTS, REQUESTS, begun, conceivable, hiding, sane
from tests.rotation.walk import Walk, asks_by_name
from tests.rotation.world import UNKNOWN
from tests.tiers import of_tier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rotator.core.decision.policies import Wanted
    from tests.rotation.world import World

WALK: Final = Walk(REQUESTS + RARE_REQUESTS)
"""Judges every step, and remembers the ways home."""

ANY: Final = st.integers(0, 2**16)
"""Which of several things happens, whatever their number."""


IN_PLACE, ALTERNATING = Strategy.IN_PLACE, Strategy.ALTERNATING
STARTS: Final = st.deferred(lambda: _either(map(sane, Strategy)) | _either(map(conceivable, Strategy)))
HIDDEN: Final = st.deferred(lambda: _either(_hidden(sane)) | _either(_hidden(conceivable)))


class Walks(RuleBasedStateMachine):
    """One world, in which runs begin, go on and crash."""

    world: World
    wanted: Wanted

    @rule(wanted=st.sampled_from(WALK.requests), which=ANY)
    def another_run_begins(self, wanted: Wanted, which: int) -> None:
        self.wanted = wanted
        self._becomes(_one_of(begun(plain(self.world.crashed(), keeps_name=False), wanted), which))

    @rule(which=st.lists(ANY, min_size=1, max_size=20))
    def the_run_goes_on(self, which: list[int]) -> None:
        for one in which:
            after = chain(WALK.successors(self.world, self.wanted), spreads(self.world))
            self._becomes(_one_of(after, one))
            self.every_rule_holds_and_the_run_gets_home()

    @rule(outcome=st.sampled_from([LoginOutcome.CONFIGURATION, LoginOutcome.CLOCK, LoginOutcome.TRANSIENT]))
    def a_test_login_proves_nothing(self, outcome: LoginOutcome) -> None:
        action = WALK.next_action(self.world, self.wanted)
        version = self.world.named(action.version)
        if action.kind is ActionKind.VERIFY and version:
            self._becomes(answered(self.world, version, outcome))

    @invariant()
    def every_rule_holds_and_the_run_gets_home(self) -> None:
        WALK.check(self.world, self.wanted)

    def _becomes(self, world: World) -> None:
        self.world = plain(world, keeps_name=asks_by_name(world, self.wanted))


class RandomWalk(Walks):
    """Apps show what they hold."""

    @initialize(start=STARTS, wanted=st.sampled_from(WALK.requests))
    def begins(self, start: World, wanted: Wanted) -> None:
        self.world, self.wanted = start, wanted

    @rule(which=ANY)
    def a_person_changes_an_app(self, which: int) -> None:
        self._becomes(_one_of(people(self.world), which))

    @precondition(lambda self: self.world.pending is None and UNKNOWN in self.world.live)
    @rule()
    def a_person_has_a_key_pair_adopted(self) -> None:
        app = next(name for name in self.world.apps if self.world.app(name) == UNKNOWN)
        self._becomes(adopted(self.world.crashed(), app))


class HiddenRandomWalk(Walks):
    """Some app does not show what it holds, so that no run sees what people do to it meanwhile."""

    @initialize(start=HIDDEN, wanted=st.sampled_from(WALK.requests), in_turn=st.booleans(), other_words=st.booleans())
    def begins(self, start: World, wanted: Wanted, in_turn: bool, other_words: bool) -> None:
        self.world, self.wanted = start._replace(in_turn=in_turn, other_words=other_words), wanted

    @rule(which=ANY, wanted=st.sampled_from(WALK.requests), begun=ANY)
    def a_person_changes_an_app_between_two_runs(self, which: int, wanted: Wanted, begun: int) -> None:
        self.world = _one_of(people(self.world.crashed()), which)
        self.another_run_begins(wanted, begun)


def _hidden(starts: Callable[[Strategy], Iterator[World]]) -> Iterator[Iterator[World]]:
    yield hiding(starts(IN_PLACE), True)
    for hidden in ((True, True), (True, False), (False, True)):
        yield hiding(starts(ALTERNATING), *hidden)


def _either(starts: Iterable[Iterator[World]]) -> st.SearchStrategy[World]:
    return st.sampled_from(list(chain.from_iterable(starts)))


def _one_of(worlds: Iterable[World], which: int) -> World:
    choice = list(worlds)
    return choice[which % len(choice)]


SETTINGS: Final = settings(max_examples=of_tier(16, thorough=100), stateful_step_count=50, deadline=None)
RandomWalk.TestCase.settings = HiddenRandomWalk.TestCase.settings = SETTINGS
TestRandomWalk, TestHiddenRandomWalk = RandomWalk.TestCase, HiddenRandomWalk.TestCase
