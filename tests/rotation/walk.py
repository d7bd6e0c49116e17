"""Walks every state that worlds can come into, and checks every rule at every step.

A walk visits no world in which all servers have heard of a change of an app whose certificate is stored. Whatever can
become of such a world can become of the same world while they have not: `decide` sees no difference, the servers give
the same answers and others besides, and no rule asks for it. Where it makes one, in what is asked of the test logins,
`check` looks at both. So one stands for all that differ in that alone; `test_random_walks` comes through any of them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from rotator.core.decision.actions import WRITES, Action, ActionKind, HaltReason
from rotator.core.decision.decide import CLAUSES, Clause, decide
from rotator.core.decision.observations import Memory
from rotator.core.decision.policies import Goal, Wanted
from tests.rotation.happenings import After, effect, other_consumer_keys, outcomes, people, time_passes, verified
from tests.rotation.looks import observe
from tests.rotation.rules import check_action, check_end, check_state, rule
from tests.rotation.sameness import plain, turned
from tests.rotation.starts import begun
from tests.rotation.world import NOW, POLICY, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.rotation.looks import Remembering

_TRY_AGAIN = {
    HaltReason.LOGIN_NOT_SET_UP,
    HaltReason.ACCEPTED_EARLY,
    HaltReason.UNPROVEN,
    HaltReason.REVERT_UNPROVEN,
    HaltReason.NOT_ENDED,
}
"""What a run says that an org answered with anything but yes or no for too long, or of which a server has not heard
yet that a certificate is gone; another run may do better."""

_WRITES_HOME: Final = 4
"""Certificates that a run without faults may send at the most."""


class Home(NamedTuple):
    """Where a run gets once faults end."""

    world: World
    action: Action
    writes: int


class State(NamedTuple):
    """A world, and what the run is for that goes on in it; None: there is none."""

    wanted: Wanted | None
    world: World


class Walk:
    """Every run for any of the requests, one after another in any order, each with a crash at any moment."""

    def __init__(
        self,
        requests: Sequence[Wanted],
        clauses: Sequence[Clause] = CLAUSES,
        memory: Remembering = Memory,
    ) -> None:
        self._clauses = clauses
        self._memory = memory
        self._homes: dict[Wanted, dict[World, Home]] = {wanted: {} for wanted in requests}
        self._decisions: dict[Wanted, dict[World, Action]] = {wanted: {} for wanted in requests}
        self.between: set[World] = set()
        """Worlds in which no run goes on."""
        self.during: dict[Wanted, set[World]] = {wanted: set() for wanted in requests}
        self.transitions = 0
        self.by_faults: list[int] = []
        """How many states were visited that no fault leads to, that one does, and so on."""
        self.is_whole = False
        """Whether no further fault would lead to a further state."""

    @property
    def requests(self) -> list[Wanted]:
        """What runs may be for."""
        return list(self.during)

    @property
    def states(self) -> int:
        """How many were visited."""
        return len(self.between) + sum(map(len, self.during.values()))

    def __str__(self) -> str:
        by_faults = " + ".join(f"{states:,}" for states in self.by_faults)
        said = f" ({by_faults} by 0, 1, ... faults)" if by_faults else ""
        return f"{self.states:,} states{said}, {self.transitions:,} transitions, no broken rule"

    def run(self, starts: Iterable[World], *, faults: int | None = None) -> Walk:
        """Visits every state that can come of `starts`, with at most so many faults or with any number of them.

        From each finds the way home. Raises BrokenRuleError. A crash is a fault too, and so is what a person does.
        """
        due = [State(None, _at_rest(start)) for start in starts]
        while due and (faults is None or len(self.by_faults) <= faults):
            before = self.states
            due = self._visit(due)
            self.by_faults.append(self.states - before)
        self.is_whole = not due
        return self

    def _visit(self, due: list[State]) -> list[State]:
        """Every state that comes of these without a fault, and those that come of them by one."""
        by_a_fault = list[State]()
        while due:
            state = due.pop()
            if self._is_visited(state):
                continue
            wanted, world = state
            self._visited(wanted).add(world)
            for after, is_fault in self._by_itself(world) if wanted is None else self._goes_on(world, wanted):
                if not self._is_visited(after):
                    (by_a_fault if is_fault else due).append(after)
        return by_a_fault

    def _visited(self, wanted: Wanted | None) -> set[World]:
        return self.between if wanted is None else self.during[wanted]

    def _is_visited(self, state: State) -> bool:
        return state.world in self._visited(state.wanted)

    def step(self, worlds: Iterable[World], *, looks_ahead: bool = False) -> Walk:
        """Takes one step from each of the worlds, with every way in which it can end, and finds the way home.

        With `looks_ahead` from where it ends, too.
        """
        for world in worlds:
            check_state(world)
            for wanted in self.during:
                for start in begun(world, wanted):
                    self._step(plain_for(start, wanted), wanted, looks_ahead)
        return self

    def _step(self, start: World, wanted: Wanted, looks_ahead: bool) -> None:
        if start in self.during[wanted]:
            return
        self.during[wanted].add(start)
        self.check(start, wanted)
        for after in self.successors(start, wanted):
            self.transitions += 1
            if looks_ahead:
                self.check(plain_for(after, wanted), wanted)
            check_state(plain_for(after, wanted))

    def _by_itself(self, world: World) -> Iterator[tuple[State, bool]]:
        """What comes of a world in which no run goes on, and whether by a fault."""
        check_state(world)
        for after in time_passes(world):
            yield State(None, _at_rest(after)), False
        for after in people(world):
            yield State(None, _at_rest(after)), True
        for wanted in self.during:
            for start in begun(world, wanted):
                self._check_blind(start, wanted)
                yield State(wanted, plain_for(start, wanted)), False

    def _goes_on(self, world: World, wanted: Wanted) -> Iterator[tuple[State, bool]]:
        """What comes of a world in which a run goes on, and whether by a fault."""
        self.check(world, wanted)
        action = self.next_action(world, wanted)
        check_action(world, action, wanted)
        yield State(None, _at_rest(world.crashed())), action.kind not in {ActionKind.DONE, ActionKind.HALT}
        for after, is_fault in self._after(world, action, wanted):
            self.transitions += 1
            yield State(wanted, plain_for(after, wanted)), is_fault

    def check(self, world: World, wanted: Wanted) -> None:
        """The rules of a state, and the way home from it."""
        check_state(world)
        settled = plain_for(world.settled(), wanted)
        first = self._home(settled, wanted)
        for start in dict.fromkeys((world, settled)):
            home, begin = first, start
            if home.action.halt in _TRY_AGAIN and start != start.crashed():
                begin = plain_for(home.world.crashed(), wanted)
                home = self._home(begin, wanted)
            check_end(begin, home.world, home.action, wanted)
            rule(home.writes <= _WRITES_HOME, "a run without faults sends few certificates", start, home)

    def _check_blind(self, world: World, wanted: Wanted) -> None:
        for app in world.apps:
            action = decide(observe(world, app, self._memory), wanted, POLICY, NOW, self._clauses)
            rule(action.kind is ActionKind.HALT, "nothing is done while an app is out of sight", world, action)

    def successors(self, world: World, wanted: Wanted) -> Iterator[World]:
        """What may come next, by the program's action or by itself."""
        action = self.next_action(world, wanted)
        check_action(world, action, wanted)
        for after in self._after(world, action, wanted):
            yield after.world

    def _after(self, world: World, action: Action, wanted: Wanted) -> Iterator[After]:
        yield from outcomes(world, action, wanted, self._memory)
        for after in time_passes(world):
            yield After(after, is_fault=False)
        for after in other_consumer_keys(world):
            yield After(after, is_fault=True)

    def next_action(self, world: World, wanted: Wanted) -> Action:
        """What the program decides."""
        # No process sees whether an app's servers agree.
        seen, decisions = world.settled(), self._decisions[wanted]
        if seen not in decisions:
            decisions[seen] = decide(observe(seen, None, self._memory), wanted, POLICY, NOW, self._clauses)
        return decisions[seen]

    def _home(self, start: World, wanted: Wanted) -> Home:
        """How a run goes on without faults; `start` is settled."""
        homes, passed, world = self._homes[wanted], dict[World, Action](), start
        while world not in homes:
            if world in passed:
                rule(False, "a run without faults ends", start, f"comes again to {world}")
            action = self.next_action(world, wanted)
            check_action(world, action, wanted)
            if action.kind in {ActionKind.DONE, ActionKind.HALT}:
                homes[world] = Home(world, action, writes=0)
                break
            passed[world] = action
            world = plain_for(self._without_fault(world, action, wanted), wanted)
        home = homes[world]
        for world, action in reversed(passed.items()):
            home = home._replace(writes=home.writes + (action.kind in WRITES))
            homes[world] = home
        return home

    def _without_fault(self, world: World, action: Action, wanted: Wanted) -> World:
        if action.kind is ActionKind.VERIFY:
            return verified(world, action).settled()
        return effect(world, action, wanted, self._memory).settled()


@lru_cache(2**14)
def _at_rest(world: World) -> World:
    return plain(turned(world).lagging(), keeps_name=False)


def plain_for(world: World, wanted: Wanted) -> World:
    """The one world that stands for all that are the same to a run for a request."""
    return _named_plainly(world, asks_by_name(world, wanted))


@lru_cache(2**14)
def _named_plainly(world: World, keeps_name: bool) -> World:
    return plain(turned(world), keeps_name=keeps_name)


def asks_by_name(world: World, wanted: Wanted) -> bool:
    """Whether the name in a request makes a difference; of a version to be replaced, only whether it is current."""
    if wanted.version is None:
        return False
    if wanted.goal is Goal.BRING:
        return world.named(wanted.version) is not None
    return world.current is not None and world.current.name == wanted.version
