"""The rules that no world and no action may break, and where a run without faults may end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.decision.actions import Action, ActionKind, HaltReason
from rotator.core.decision.policies import Goal
from rotator.core.logins import LoginOutcome
from tests.rotation.happenings import WRITES
from tests.rotation.world import BAD_KEY, NAMED, NOW, POLICY, UNKNOWN, Stored, World

if TYPE_CHECKING:
    from rotator.core.decision.policies import Wanted


class BrokenRuleError(AssertionError):
    """A rule does not hold; the message shows where."""


def rule(holds: bool, text: str, world: World, about: object = "") -> None:
    """Raises BrokenRuleError when the rule does not hold."""
    if not holds:
        raise BrokenRuleError(f"{text}\n  in {world}\n  {about}")


def check_state(world: World) -> None:
    """What must be so at every moment, unless a person changed the app of `current`."""
    current = world.current
    if current is None or world.by_hand:
        return
    served = any(world.is_live(version) for version in world.stages if version.app == current.app)
    rule(served, "the live certificate of current's app is that of a stored version for it", world)
    if len(world.live) == 2 and not _change_in_place(world, current):
        rule(world.logs_in(current), "alternating: current logs in at every moment", world)
    elif world.pending is None or world.pending.key != BAD_KEY:
        rule(any(map(world.logs_in, world.stages)), "in place: some stored key logs in at every moment", world)


def _change_in_place(world: World, current: Stored) -> bool:
    """Whether a version over another key is for the app of `current`: adopted there, or made when there was but one."""
    return any(version.app == current.app and version.key != current.key for version in world.stages)


def check_action(world: World, action: Action, wanted: Wanted) -> None:
    """What must be so of every single action."""
    if action.kind in WRITES:
        _check_write(world, action, wanted)
    if action.kind in {ActionKind.UPLOAD, ActionKind.RESTORE, ActionKind.VERIFY, ActionKind.PROMOTE}:
        rule(world.named(action.version) is not None, "only a stored version is worked with", world, action)
    if action.kind is ActionKind.GENERATE:
        rule(world.pending is None, "a pending version is never overwritten", world, action)
        in_turn = len(world.live) == 1 or wanted.options.keep_key or not world.is_slot_of_current(action.app)
        rule(in_turn, "alternating: a new key is for the standby app", world, action)
    if action.kind is ActionKind.VERIFY:
        _check_test_login(world, action)
    if action.kind is ActionKind.PROMOTE:
        _check_promotion(world, action, wanted)
    if action.kind in {ActionKind.DISCARD, ActionKind.RETIRE}:
        _check_removal(world, action, wanted)
    if action.gives_up and action.gives_up not in world.given_up:
        version = world.named(action.gives_up)
        row = version and world.row(version)
        refused = row is not None and row.outcome is LoginOutcome.MISMATCH and (row.row >= 1 or row.since_first >= 2)
        rule(refused, "only `invalid assertion`, for long, speaks against a certificate", world, action)
    if action.kind is ActionKind.WAIT:
        rule(action.until is not None and action.until > NOW, "a wait ends later", world, action)


def _check_write(world: World, action: Action, wanted: Wanted) -> None:
    held, slot_of_current = world.app(action.its_app), world.is_slot_of_current(action.app)
    asked = wanted.options.replace_unknown or (wanted.goal is Goal.RESTORE and slot_of_current)
    rule(held != UNKNOWN or asked, "a certificate that nobody knows is overwritten only if asked", world, action)
    if slot_of_current:
        rule(action.kind is not ActionKind.DISABLE, "the app of current is never disabled", world, action)
    if action.kind is ActionKind.UPLOAD:
        rule(action.version not in world.given_up, "what never held is not tried again in the same run", world, action)
    if action.kind is ActionKind.UPLOAD:
        _check_new_key(world, action)
    if action.kind is ActionKind.UPLOAD and slot_of_current:
        _check_way_back(world, action, wanted)
    _check_grace(world, action, wanted)


def _check_new_key(world: World, action: Action) -> None:
    version = world.named(action.version)
    if version is None or any(other.key == version.key for other in world.stages if other != version):
        return
    row = world.row(version)
    refused = row is not None and row.outcome in {LoginOutcome.MISMATCH, LoginOutcome.CONFIGURATION}
    accepted_as_before = version == world.previous and row is not None and row.outcome is LoginOutcome.ACCEPTED
    rule(refused or accepted_as_before, "a new key is refused before its certificate is there", world, action)


def _check_test_login(world: World, action: Action) -> None:
    """When a refusal may count as what the app says of a wrong key."""
    version, current = world.named(action.version), world.current
    if version is None or not action.learns:
        return
    rule(not world.is_live(version), "what a wrong key is told is learnt while it is wrong", world, action)
    row = world.row(current) if current and world.is_slot_of_current(version.app) else None
    in_use = current is None or not world.is_slot_of_current(version.app)
    proven = row is not None and row.outcome is LoginOutcome.ACCEPTED and row.age == 0
    rule(in_use or proven, "what a wrong key is told is learnt while current's key logs in", world, action)


def _check_way_back(world: World, action: Action, wanted: Wanted) -> None:
    current, version = world.current, world.named(action.version)
    if current is None or version is None or not world.is_live(current):
        return
    called_back = wanted.goal is Goal.BRING or version == world.previous
    rule(
        len(world.live) == 1 or called_back or version.key == current.key,
        "alternating: the app of current gets no other key unasked",
        world,
        action,
    )
    row = world.row(current)
    said = row is not None and (
        (row.outcome is LoginOutcome.ACCEPTED and row.age == 0)
        or (row.outcome is LoginOutcome.MISMATCH and row.streak >= POLICY.verification.confirmations)
    )
    rule(said, "current's slot is taken only when its key has just logged in, or is refused for certain", world, action)


def _check_grace(world: World, action: Action, wanted: Wanted) -> None:
    previous = world.previous
    if previous is None or world.app(action.its_app) != previous.cert or world.is_slot_of_current(action.app):
        return
    taken_back = previous == world.pending and previous.name in {action.gives_up, *world.given_up}
    over = not world.in_grace or wanted.urgent or taken_back
    rule(over, "a previous version that logs in keeps its grace", world, action)


def _check_promotion(world: World, action: Action, wanted: Wanted) -> None:
    pending, current, previous = world.pending, world.current, world.previous
    if pending is None or action.version != pending.name:
        rule(False, "it is the pending version that is promoted", world, action)
        return
    rule(world.is_live(pending), "a version is promoted only while it is live", world, action)
    row = world.row(pending)
    held = row is not None and row.outcome is LoginOutcome.ACCEPTED and row.age == 0
    rule(held, "a version is promoted only when its login has just succeeded", world, action)
    rules = POLICY.verification
    rule(
        row is not None and row.streak >= rules.confirmations and row.row >= 1,
        "a version is promoted only when its logins hold",
        world,
        action,
    )
    displaced = previous is not None and previous != pending and previous.cert in world.live
    rule(not displaced, "no version is pushed out of the store while its certificate is live", world, action)
    if wanted.compromised and current is not None and current.name == NAMED:
        rule(pending.key != current.key, "a compromised key is not used again", world, action)
    if wanted.options.keep_key and current is not None:
        rule(pending.key == current.key, "the key stays when it is to be kept", world, action)


def _check_removal(world: World, action: Action, wanted: Wanted) -> None:
    discards = action.kind is ActionKind.DISCARD
    gone, stays = (world.pending, world.previous) if discards else (world.previous, world.pending)
    if gone is None or action.version != gone.name:
        rule(False, "what is removed is there", world, action)
        return
    unused = gone in {stays, world.current} or gone.cert not in world.live
    rule(unused, "no version leaves the store while its certificate is live", world, action)
    if not discards:
        rule(not world.in_grace or wanted.urgent, "a previous version is kept for its grace", world, action)


def check_end(start: World, end: World, action: Action, wanted: Wanted) -> None:
    """Where a run without faults may end that began with `start`."""
    if action.kind is ActionKind.DONE:
        _check_done(end, action, wanted)
    elif action.halt is HaltReason.REVERTED:
        _check_return(start, end, action)
    else:
        rule(_excused(end, action, wanted), "without faults nobody is called for help", start, f"{action} in {end}")


def _check_done(world: World, action: Action, wanted: Wanted) -> None:
    current = world.current
    rule(world.pending is None, "nothing is pending at the end", world, action)
    rule(_is_met(world, wanted), "done means that what was wanted is so", world, action)
    rule(current is None or current.key != BAD_KEY, "a key that never works is never current", world, action)
    if current and not world.by_hand:
        rule(world.is_live(current), "current logs in at the end", world, action)
    rule(not world.gap or world.by_hand, "nobody is left refused without a proof", world, action)
    kept = world.in_grace and not wanted.urgent
    rule((action.until is not None) == kept, "the end tells until when the previous version is kept", world, action)
    if not kept and not world.by_hand:
        rule(world.previous is None, "a previous version is ended after its grace", world, action)
    if wanted.compromised and not world.by_hand:
        rule(all(version is current for version in world.stages), "of a compromised key nothing is kept", world, action)


def _check_return(start: World, end: World, action: Action) -> None:
    current = end.current
    rule(end.pending is None, "nothing is pending after a return", end, action)
    if current and not end.by_hand:
        row = end.row(current)
        rule(end.is_live(current), "the old certificate is back", end, action)
        proven = row is not None and row.outcome is LoginOutcome.ACCEPTED
        rule(proven, "the old key was seen to log in", end, action)
    rule(_had_failed(start), "only what failed is taken back", start, action)


def _excused(world: World, action: Action, wanted: Wanted) -> bool:
    current = world.current
    excuses = {
        HaltReason.DRIFT: world.by_hand,
        HaltReason.STANDBY_UNKNOWN: UNKNOWN in world.live,
        HaltReason.NOTHING_STORED: current is None,
        HaltReason.NOT_KEPT: wanted.goal is Goal.BRING,
        HaltReason.UNPROVEN: (current is None and (_is_bad(world.pending) or bool(world.given_up)))
        or (world.other_words and _is_bad(world.pending) and not world.heard),
    }
    return action.halt is not None and excuses.get(action.halt, False)


def _had_failed(world: World) -> bool:
    """Whether a run has had reason to think that a key never works."""
    refused = any(row.outcome is LoginOutcome.MISMATCH and (row.row or row.since_first) for row in world.tried)
    return bool(world.given_up) or _is_bad(world.pending) or refused


def _is_bad(version: Stored | None) -> bool:
    return version is not None and version.key == BAD_KEY


def _is_met(world: World, wanted: Wanted) -> bool:
    current = world.current
    match wanted.goal:
        case Goal.REPLACE:
            return current is not None and current.name != wanted.version
        case Goal.BRING:
            return current is not None and current.name == wanted.version
        case Goal.RESTORE:
            return current is not None and world.is_live(current)
        case Goal.FINISH:
            return True
