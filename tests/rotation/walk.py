"""Walks every state that a world can come into, and checks every rule at every step."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rotator.core.actions import Action, ActionKind, HaltReason
from rotator.core.logins import LoginOutcome
from rotator.core.policies import Goal, Wanted
from rotator.core.rotation import CLAUSES, Clause, decide
from tests.rotation.world import APPS, NOTHING, NOW, POLICY, THROWAWAY, TICK, UNKNOWN, Cert, Stored, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rotator.core.observations import Observation

_HOME_IN = 120
"""Steps within which a run without faults must end."""


_TRY_AGAIN = {HaltReason.LOGIN_NOT_SET_UP, HaltReason.UNPROVEN, HaltReason.REVERT_UNPROVEN}
"""What a run says when an org answered with anything but yes or no for too long."""


class BrokenRuleError(AssertionError):
    """A rule of the design does not hold; the message shows where."""


@dataclass
class Walk:
    """One exhaustive walk for one request."""

    wanted: Wanted
    clauses: Sequence[Clause] = CLAUSES
    states: set[World] = field(default_factory=set)
    transitions: int = 0
    homes: dict[World, str] = field(default_factory=dict)

    def run(self, starts: Iterable[World]) -> Walk:
        """Visits every state reachable from `starts`, and from each finds the way home. Raises BrokenRuleError."""
        queue = deque(starts)
        self.states.update(queue)
        while queue:
            world = queue.popleft()
            check_state(world)
            self._check_home(world)
            for after in self._successors(world):
                self.transitions += 1
                if after not in self.states:
                    self.states.add(after)
                    queue.append(after)
        return self

    def decide(self, seen: Observation) -> Action:
        return decide(seen, self.wanted, POLICY, NOW, self.clauses)

    def _successors(self, world: World) -> Iterator[World]:
        looked, seen = world.observe()
        action = self.decide(seen)
        check_action(looked, action, self.wanted)
        for after in outcomes(looked, action, self.wanted):
            aged = after.later(ticks(action))
            yield aged
            yield aged.settle()
            yield aged.crash()
        if not world.hand and world.current and not world.tried:
            yield from by_hand(world, world.current.app)
        for name in APPS[: len(world.live)]:
            blind, half_seen = world.observe(hidden=name)
            check_action(blind, self.decide(half_seen), self.wanted)

    def _check_home(self, start: World) -> None:
        world, first_run = start.settle(), True
        passed: list[World] = []
        for _ in range(_HOME_IN):
            if world in self.homes:
                break
            passed.append(world)
            looked, seen = world.observe()
            action = self.decide(seen)
            check_action(looked, action, self.wanted)
            if action.halt in _TRY_AGAIN and first_run:
                # The fault ended after this run had drawn its conclusions; the next run begins afresh.
                world, first_run = looked.crash(), False
                continue
            if action.kind in {ActionKind.DONE, ActionKind.HALT}:
                check_end(start, looked, action, self.wanted)
                break
            world = effect(looked, action, self.wanted).later(ticks(action)).settle()
        else:
            raise BrokenRuleError(f"no way home\n  from {start}\n  still at {world}")
        self.homes.update(dict.fromkeys(passed, ""))


def ticks(action: Action) -> int:
    """How long an action takes."""
    if action.kind is ActionKind.WAIT:
        assert action.until is not None
        return max(1, -((NOW - action.until) // TICK))
    return 1


def effect(world: World, action: Action, wanted: Wanted) -> World:
    """The world after an action that succeeds, with every server up to date."""
    staged = world.stages
    version = staged.get(action.version) if action.version else None
    if action.gives_up:
        world = world.giving_up(action.gives_up)
    match action.kind:
        case ActionKind.GENERATE:
            assert action.app
            name = world.new_name(wanted)
            key = world.current.key if wanted.keep_key and world.current else "k" + name
            return replace(world, pending=Stored(name, key, action.app))
        case ActionKind.RECALL:
            return replace(world, pending=world.previous)
        case ActionKind.UPLOAD | ActionKind.RESTORE:
            assert version
            assert action.app
            return world.put(action.app, version.cert)
        case ActionKind.DISABLE:
            assert action.app
            return world.put(action.app, THROWAWAY)
        case ActionKind.VERIFY:
            assert version
            answers = world.answers(version)
            truth = LoginOutcome.ACCEPTED if answers == {LoginOutcome.ACCEPTED} else LoginOutcome.MISMATCH
            return world.tried_login(version, truth)
        case ActionKind.PROMOTE:
            return replace(world, pending=None, current=world.pending, previous=world.current, promoted=0)
        case ActionKind.DISCARD:
            return replace(world, pending=None)
        case ActionKind.RETIRE:
            return replace(world, previous=None)
    return world


def outcomes(world: World, action: Action, wanted: Wanted) -> Iterator[World]:
    """Every way in which an action can end: with its effect, without it, half, or with any answer."""
    yield world
    if action.kind is ActionKind.VERIFY:
        version = world.stages[str(action.version)]
        faults = {LoginOutcome.TRANSIENT} | ({LoginOutcome.CONFIGURATION} if version == world.current else set())
        for answer in world.answers(version) | faults:
            yield world.tried_login(version, answer)
        return
    yield effect(world, action, wanted)
    if action.kind in {ActionKind.UPLOAD, ActionKind.RESTORE} and action.app:
        # The org says yes and has lost the certificate on the way.
        lost = world.put(action.app, None)
        yield replace(lost, hand=True) if world.current and action.app == world.current.app else lost
        # The adapter gives up on an upload that never arrives.
        if action.kind is ActionKind.UPLOAD and action.version:
            yield world.giving_up(action.version)


def by_hand(world: World, app: str) -> Iterator[World]:
    """A person changes the app that `current` logs in through."""
    for cert in (UNKNOWN, None):
        yield replace(world.put(app, cert), hand=True)


def check_state(world: World) -> None:
    """What must be so at every moment."""
    current = world.current
    if current is None or world.hand:
        return
    live = world.app(current.app)
    staged = {version.cert for version in world.stages.values()}
    _rule(live in staged, "the live certificate of current's app is stored", world)
    if len(world.live) == 2 and not any(v.app == current.app for v in (world.pending, world.previous) if v):
        _rule(live == current.cert, "alternating never touches the app of current", world)


def check_action(world: World, action: Action, wanted: Wanted) -> None:
    """What must be so of every single action."""
    staged = world.stages
    writes = action.kind in {ActionKind.UPLOAD, ActionKind.RESTORE, ActionKind.DISABLE}
    slot_of_current = world.current is not None and action.app == world.current.app
    if writes:
        assert action.app
        held = world.app(action.app)
        asked = wanted.replace_unknown or (wanted.goal is Goal.RESTORE and slot_of_current)
        _rule(held != UNKNOWN or asked, "a certificate that nobody knows is overwritten only if asked", world, action)
        _check_grace(world, action, wanted, held)
    if action.kind in {ActionKind.UPLOAD, ActionKind.RESTORE}:
        _rule(action.version in staged, "only a stored version is uploaded", world, action)
    if action.kind is ActionKind.DISABLE:
        _rule(not slot_of_current, "the app of current is never disabled", world, action)
    if action.kind is ActionKind.UPLOAD and slot_of_current:
        _check_way_back(world, action)
    if action.kind is ActionKind.PROMOTE:
        _check_promotion(world, action)
    if action.kind in {ActionKind.DISCARD, ActionKind.RETIRE}:
        gone = world.pending if action.kind is ActionKind.DISCARD else world.previous
        stays = world.previous if action.kind is ActionKind.DISCARD else world.pending
        _rule(gone is not None and action.version == gone.name, "what is removed is there", world, action)
        unused = gone is None or gone == stays or gone == world.current or gone.cert not in world.live
        _rule(unused, "no version leaves the store while its certificate is live", world, action)
    if action.gives_up:
        answers = {t.name: t.outcome for t in world.tried}
        refused = answers.get(action.gives_up) is LoginOutcome.MISMATCH
        _rule(refused, "only `invalid assertion` speaks against a certificate", world, action)
    if action.kind is ActionKind.WAIT:
        _rule(action.until is not None and action.until > NOW, "a wait ends later", world, action)


def _check_promotion(world: World, action: Action) -> None:
    pending, previous = world.pending, world.previous
    assert pending
    _rule(action.version == pending.name, "it is the pending version that is promoted", world, action)
    _rule(world.app(pending.app) == pending.cert, "a version is promoted only while it is live", world, action)
    _rule(pending.name in world.proven, "a version is promoted only after its login", world, action)
    row = next((t for t in world.tried if t.name == pending.name), None)
    held = row is not None and row.streak >= 2 and row.last <= 1
    _rule(held, "a version is promoted only while its login holds", world, action)
    displaced = previous is not None and previous != pending and previous.cert in world.live
    _rule(not displaced, "no version is pushed out of the store while its certificate is live", world, action)


def _check_way_back(world: World, action: Action) -> None:
    current = world.current
    assert current
    if world.app(current.app) != current.cert:
        return
    answers = {t.name: t.outcome for t in world.tried}
    conclusive = answers.get(current.name) in {LoginOutcome.ACCEPTED, LoginOutcome.MISMATCH}
    _rule(conclusive, "current's slot is taken only after a test login that said something", world, action)


def _check_grace(world: World, action: Action, wanted: Wanted, held: Cert | None) -> None:
    previous = world.previous
    if previous is None or held != previous.cert or wanted.urgent or action.version in world.given_up:
        return
    in_use = world.current is None or action.app != world.current.app
    over = world.promoted >= POLICY.grace // TICK
    taken_back = action.gives_up or (world.pending is not None and world.pending.name in world.given_up)
    _rule(not in_use or over or bool(taken_back), "a previous version keeps its grace", world, action)


def check_end(start: World, world: World, action: Action, wanted: Wanted) -> None:
    """Where a run without faults may end."""
    current = world.current
    if action.kind is ActionKind.DONE:
        _rule(world.pending is None, "nothing is pending at the end", world, action)
        _rule(not world.key_never_works or not _is_new(current), "a key that never works is never current", world)
        if wanted.goal is not Goal.FINISH:
            _rule(_is_met(world, wanted), "done means that what was wanted is so", world, action)
        if not world.hand and current:
            _rule(world.app(current.app) == current.cert, "current logs in at the end", world, action)
        return
    if action.halt is HaltReason.REVERTED:
        _rule(world.pending is None, "nothing is pending after a return", world, action)
        if current and not world.hand:
            _rule(world.app(current.app) == current.cert, "the old certificate is back", world, action)
            _rule(current.name in world.proven, "the old key was seen to log in", world, action)
        _rule(_had_failed(start), "only what failed is taken back", start, action)
        return
    excused = {
        HaltReason.DRIFT: world.hand,
        HaltReason.STANDBY_UNKNOWN: UNKNOWN in world.live,
        HaltReason.NOTHING_STORED: current is None,
        HaltReason.NOT_KEPT: wanted.goal is Goal.BRING,
        HaltReason.UNPROVEN: current is None and (world.key_never_works or bool(world.given_up)),
        HaltReason.REVERT_UNPROVEN: world.key_never_works and _is_new(current),
    }
    _rule(bool(action.halt and excused.get(action.halt)), "without faults nobody is called for help", start, action)


def _had_failed(world: World) -> bool:
    long_refused = any(
        t.outcome is LoginOutcome.MISMATCH and (t.since - t.last >= 1 or t.first - t.last >= 2) for t in world.tried
    )
    return world.key_never_works or bool(world.given_up) or long_refused


def _is_met(world: World, wanted: Wanted) -> bool:
    current = world.current
    if current is None:
        return False
    match wanted.goal:
        case Goal.REPLACE:
            return current.name != wanted.version
        case Goal.BRING:
            return current.name == wanted.version
        case _:
            return world.app(current.app) == current.cert


def _is_new(version: Stored | None) -> bool:
    return version is not None and version.key != "k0"


def _rule(holds: bool, rule: str, world: World, action: Action | None = None) -> None:
    if not holds:
        raise BrokenRuleError(f"{rule}\n  in {world}\n  by {action}")


__all__ = ["NOTHING", "BrokenRuleError", "Walk"]
