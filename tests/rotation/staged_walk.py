"""Walks every state that client secrets can come into, with a crash or a failure at every action."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from rotator.core.decision.actions import Action, ActionKind, HaltReason
from rotator.core.decision.decide import Clause, decide
from rotator.core.decision.policies import Goal
from rotator.core.decision.staged import CLAUSES
from rotator.core.logins import LoginOutcome
from tests.rotation.rules import BrokenRuleError
from tests.rotation.staged_world import NOW, POLICY, Tried, World, observe, plain, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_STEPS: Final = 40
"""Of a run without faults."""
_ENDS: Final = frozenset({ActionKind.DONE, ActionKind.HALT, ActionKind.WAIT})
_ON_ORG: Final = frozenset({ActionKind.STAGE, ActionKind.ROTATE, ActionKind.UNSTAGE})
_NOT_ANSWERED: Final = frozenset({HaltReason.UNPROVEN, HaltReason.LOGIN_NOT_SET_UP})


def rule(holds: bool, text: str, world: World, about: object = "") -> None:
    """Raises BrokenRuleError when the rule does not hold."""
    if not holds:
        raise BrokenRuleError(f"{text}\n  in {world}\n  {about}")


@dataclass(frozen=True)
class Asked:
    """A request, by what it is about: the current or the previous version, or none."""

    goal: Goal
    about: str = ""
    options: tuple[str, ...] = ()

    def begun(self, world: World) -> World | None:
        """The world in which a run for it begins; None where the request is refused before."""
        subject = getattr(world, self.about) if self.about else None
        if self.about and subject is None:
            return None
        if self.goal is Goal.REPLACE and not self.about and world.current:
            return None
        if world.ended_by and self is not BROUGHT_BACK:
            return None
        return replace(world, wants=subject, probes=())


BROUGHT_BACK: Final = Asked(Goal.REPLACE, "current", ("replace_unknown", "retire_now"))
"""The one request that is taken of what was revoked."""
REQUESTS: Final = (
    BROUGHT_BACK,
    Asked(Goal.REPLACE, "current"),
    Asked(Goal.REPLACE, "current", ("compromised",)),
    Asked(Goal.REPLACE, "current", ("replace_unknown",)),
    Asked(Goal.REPLACE),
    Asked(Goal.BRING, "previous"),
    Asked(Goal.FINISH),
    Asked(Goal.RESTORE),
)


@dataclass
class Walk:
    """Every run for any request, one after another in any order, each with a crash at any moment."""

    clauses: Sequence[Clause] = CLAUSES
    between: set[World] = field(default_factory=set)
    during: set[tuple[Asked, World]] = field(default_factory=set)
    decisions: dict[tuple[Asked, World], Action] = field(default_factory=dict)
    halts: set[HaltReason | None] = field(default_factory=set)

    def run(self) -> Walk:
        """Visits every state that can come of an app of which nothing is stored. Raises BrokenRuleError."""
        begins = deque(World("a", takes_staged=early) for early in (False, True))
        while begins:
            world = plain(begins.popleft().crashed())
            if world in self.between:
                continue
            self.between.add(world)
            begins.extend(_by_itself(world))
            for asked in REQUESTS:
                begun = asked.begun(world)
                if begun is not None:
                    begins.extend(self._runs(begun, asked))
        return self

    def _runs(self, start: World, asked: Asked) -> Iterator[World]:
        queue = [start]
        while queue:
            world = plain(queue.pop())
            if (asked, world) in self.during:
                continue
            self.during.add((asked, world))
            _check_state(world)
            action = self._next(world, asked)
            _check_action(world, action, asked)
            self._check_way_home(world, asked)
            for after in _outcomes(world, action):
                _check_change(world, after, action)
                queue.append(after)
            yield world

    def _next(self, world: World, asked: Asked) -> Action:
        # What a process sees of a world; the rest of it is for the rules.
        seen = replace(world, is_touched=False, tells=True, takes_staged=False)
        found = self.decisions.get((asked, seen))
        if found is None:
            options = dict.fromkeys(asked.options, True)
            found = decide(observe(seen), wanted(seen, asked.goal, **options), POLICY, NOW, self.clauses)
            self.decisions[asked, seen] = found
        return found

    def _check_way_home(self, start: World, asked: Asked) -> None:
        """Without further faults a run ends, and well where nobody but the program changed anything."""
        world = start
        for _ in range(MOST_STEPS):
            action = self._next(world, asked)
            _check_action(world, action, asked)
            if action.kind in _ENDS:
                break
            [world, *_] = _outcomes(replace(world, tells=True), action)
        else:
            rule(False, "a run without faults ends", start, world)
        self.halts.add(action.halt)
        _check_calls(start, action, asked)
        if action.kind is ActionKind.DONE:
            _check_end(start, world, asked)


def _check_calls(start: World, action: Action, asked: Asked) -> None:
    """When a person is called, and when not."""
    is_called, is_empty = action.kind is ActionKind.HALT, start.current is None
    if asked.goal is Goal.RESTORE and is_empty:
        rule(is_called, "nothing is put back where nothing was", start, action)
    elif asked.goal is not Goal.BRING and not start.is_touched and start.tells:
        rule(not is_called, "nobody is called for what the program did itself", start, action)


def _check_end(start: World, end: World, asked: Asked) -> None:
    """What is so when a run says that it is done."""
    is_so = {
        Goal.REPLACE: end.current not in {None, end.wants},
        Goal.BRING: end.current == end.wants,
        Goal.RESTORE: end.current is not None and end.takes(end.current),
        Goal.FINISH: True,
    }
    rule(is_so[asked.goal], "what was asked for is so", start, end)
    rule(end.pending is None or end.current is None or start.is_touched, "nothing is left half done", start, end)
    is_over = end.is_graced or end.previous in {None, end.in_use}
    rule(is_over or asked.goal is Goal.RESTORE, "the previous version ends with its grace", start, end)
    is_room_known = end.rotated is None or end.rotated in end.stored or asked.goal is not Goal.REPLACE
    rule(is_room_known, "a pair that nobody has is not left in the place of the next", start, end)
    if end.current:
        rule(end.takes(end.current), "it is told when the org takes the pair of `current` no more", start, end)
        rule(end.in_use in end.stored, "it is told when a pair is in use that is not stored", start, end)
    if "compromised" in asked.options and end.wants != end.in_use:
        rule(not end.takes(str(end.wants)), "a pair in wrong hands is not taken any more", start, end)


def _check_state(world: World) -> None:
    if world.current and not (world.is_touched or world.ended_by):
        rule(world.takes(world.current), "the org takes the pair of `current`", world, "")


def _check_action(world: World, action: Action, asked: Asked) -> None:
    tried = dict(world.probes)
    accepted = {name for name, each in tried.items() if each.outcome is LoginOutcome.ACCEPTED}
    match action.kind:
        case ActionKind.ROTATE:
            is_safe = action.version == world.staged == world.pending
            rule(is_safe, "a pair is rotated in only when it is stored", world, action)
            gone = world.current is not None and not world.takes(world.current)
            rule(world.current in accepted or gone, "only when the present one has just logged in", world, action)
            rule(world.pending in tried, "only when it was tried", world, action)
            rule(world.rotated is None, "nothing is taken away by it", world, action)
        case ActionKind.PROMOTE:
            holds = tried.get(str(action.version)) == Tried(LoginOutcome.ACCEPTED, is_for_long=True)
            rule(holds, "a version is promoted only when it logs in", world, action)
            is_taken = action.version in {world.in_use, world.rotated}
            rule(is_taken, "a version is promoted only when the org takes it", world, action)
        case ActionKind.UNSTAGE:
            held = world.staged or world.rotated
            rule(action.version == held, "what is deleted is what is there", world, action)
            rule(held != world.current, "the pair of `current` is never deleted", world, action)
            is_foreign = held not in world.stored
            is_said = "replace_unknown" in asked.options
            rule(not is_foreign or is_said, "what nobody knows is deleted only when it was said", world, action)
            is_early = held == world.previous == world.rotated and world.is_graced
            is_urgent = not {"compromised", "retire_now"}.isdisjoint(asked.options)
            rule(not is_early or is_urgent, "the previous pair is deleted only after its grace", world, action)
        case ActionKind.STAGE:
            is_free = world.rotated is None and (world.staged is None or world.is_staging)
            rule(is_free, "a pair is staged only where there is room", world, action)
            rule(world.pending is None, "one at a time", world, action)
        case ActionKind.DISCARD | ActionKind.RETIRE:
            other = world.previous if action.kind is ActionKind.DISCARD else world.pending
            is_gone = action.version not in {world.in_use, world.staged, world.rotated}
            rule(is_gone or action.version == other, "no pair is lost that the org has", world, action)
        case ActionKind.HALT:
            rule(bool(action.hint) or action.halt in _NOT_ANSWERED, "who is called is told what to do", world, action)


def _check_change(before: World, after: World, action: Action) -> None:
    had = before.current is not None and before.takes(before.current)
    has = before.current is None or after.takes(before.current)
    rule(not had or has, "no action ends the logins of who uses `current`", before, action)


def _outcomes(world: World, action: Action) -> list[World]:
    """What may come of an action, the best first; crashes come in between runs."""
    if action.kind in _ENDS:
        return []
    if action.kind is ActionKind.VERIFY:
        return _logins(world, str(action.version))
    done = _effect(world, action)
    lost = [replace(world, staged=world.new_name(), is_staging=True)] if action.kind is ActionKind.STAGE else []
    begun = [replace(world, is_staging=True)] if action.kind is ActionKind.STAGE else [world]
    if action.kind is ActionKind.STAGE and world.staged:
        lost = []
    return [done, *lost, *begun]


def _logins(world: World, pair: str) -> list[World]:
    """Each answer once, then for long; after a change a server may not have heard of it yet."""
    was = dict(world.probes).get(pair)
    truth = LoginOutcome.ACCEPTED if world.takes(pair) else LoginOutcome.MISMATCH
    others = {LoginOutcome.MISMATCH, LoginOutcome.TRANSIENT} - {truth}
    found = []
    for outcome in (truth, *sorted(others)):
        is_for_long = was is not None and was.outcome is outcome
        found.append(replace(world.probed(pair, Tried(outcome, is_for_long)), tells=outcome is truth and world.tells))
    return found


def _effect(world: World, action: Action) -> World:  # noqa: PLR0911 - one line a kind of action
    match action.kind:
        case ActionKind.TAKE:
            return replace(world, pending=world.in_use)
        case ActionKind.STAGE:
            made = world.staged or world.new_name()
            return replace(world, staged=made, pending=made, is_staging=False)
        case ActionKind.ROTATE:
            return replace(world, in_use=str(world.staged), rotated=world.in_use, staged=None, probes=())
        case ActionKind.UNSTAGE:
            return replace(world, staged=None, rotated=None, is_staging=False)
        case ActionKind.PROMOTE:
            after = replace(world, pending=None, current=world.pending, previous=world.current, is_graced=True)
            return replace(after, ended_by=None)
        case ActionKind.RECALL:
            return replace(world, pending=world.previous)
        case ActionKind.DISCARD:
            return replace(world, pending=None)
        case _:
            return replace(world, previous=None, is_graced=False)


def _by_itself(world: World) -> Iterator[World]:
    """What time and people do while no run goes on."""
    if world.is_graced:
        yield replace(world, is_graced=False)
    if world.current and not world.ended_by:
        ended_by = world.new_name()
        yield replace(world, in_use=ended_by, staged=None, rotated=None, is_staging=False, ended_by=ended_by)
    touched = replace(world, is_touched=True)
    if world.rotated:
        # Its 30 days have ended: it is gone, as it is when somebody deletes it.
        is_harmless = world.rotated != world.current and not world.is_graced
        yield replace(world if is_harmless else touched, rotated=None)
    if not world.is_touched:
        if world.staged is None and world.rotated is None:
            yield replace(touched, staged=world.new_name())
        if world.staged:
            yield replace(touched, staged=None)
            yield replace(touched, in_use=world.staged, rotated=world.in_use, staged=None)
