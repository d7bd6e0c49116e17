"""The rules that no world and no action may break, and where a run without faults may end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.decision.actions import WRITES, Action, ActionKind, HaltReason
from rotator.core.decision.policies import Goal
from rotator.core.logins import LoginOutcome
from tests.rotation.world import BAD_KEY, NAMED, NOW, POLICY, THROWAWAY, UNKNOWN, UNSENT, Stored, World

if TYPE_CHECKING:
    from rotator.core.decision.policies import Wanted


class BrokenRuleError(AssertionError):
    """A rule does not hold; the message shows where."""


def rule(holds: bool, text: str, world: World, about: object = "") -> None:
    """Raises BrokenRuleError when the rule does not hold."""
    if not holds:
        raise BrokenRuleError(f"{text}\n  in {world}\n  {about}")


def check_state(world: World) -> None:
    """What must be so at every moment, unless a person changed the app of `current`.

    Whether the org knows the consumer key that a version was stored with is no business of ours.
    """
    current = world.current
    if current is None or world.by_hand:
        return
    served = any(world.is_live(version) for version in world.stages if version.app == current.app)
    rule(served, "the live certificate of current's app is that of a stored version for it", world)
    if len(world.live) == 2 and not _change_in_place(world, current):
        rule(world.fits(current), "alternating: current logs in at every moment", world)
    elif world.pending is None or world.pending.key != BAD_KEY:
        rule(any(map(world.fits, world.stages)), "in place: some stored key logs in at every moment", world)


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
    unasked = held == UNKNOWN and not asked and not _just_logged_in(world, action.its_app)
    rule(not unasked, "a certificate that nobody knows is overwritten only if asked", world, action)
    if world.hides(action.its_app):
        _check_hidden_write(world, action, asked)
    if slot_of_current:
        rule(action.kind is not ActionKind.DISABLE, "the app of current is never disabled", world, action)
    if action.kind is ActionKind.UPLOAD:
        rule(action.version not in world.given_up, "what never held is not tried again in the same run", world, action)
    if action.kind is ActionKind.UPLOAD:
        _check_new_key(world, action)
    if action.kind is ActionKind.UPLOAD and slot_of_current:
        _check_way_back(world, action, wanted)
    _check_grace(world, action, wanted)


def _check_hidden_write(world: World, action: Action, asked: bool) -> None:
    app, pending = action.its_app, world.pending
    known = asked or world.sent_to(app) != UNSENT or _just_logged_in(world, app)
    # By the history, the last certificate that it was sent is ours.
    is_pendings = pending is not None and pending.app == app and world.app(app) in {pending.cert, None}
    known = known or world.app(app) == THROWAWAY or is_pendings
    rule(
        known, "an app that hides its certificate is sent one only when a stored key has just logged in", world, action
    )


def _just_logged_in(world: World, app: str) -> bool:
    """Whether a stored key has, through a hidden app; while a change by a person arrives that may be misleading."""
    rows = [world.row(version) for version in world.stages if version.app == app and world.hides(app)]
    return any(row is not None and row.outcome is LoginOutcome.ACCEPTED and row.age == 0 for row in rows)


def _check_new_key(world: World, action: Action) -> None:
    version = world.named(action.version)
    if version is None or any(other.key == version.key for other in world.stages if other != version):
        return
    row = world.row(version)
    refused = row is not None and row.outcome in {LoginOutcome.MISMATCH, LoginOutcome.CONFIGURATION}
    accepted_as_before = version == world.previous and row is not None and row.outcome is LoginOutcome.ACCEPTED
    # Where a certificate is hidden, it may have been sent before.
    may_be_there = world.hides(version.app) and not world.unsent and _just_logged_in(world, version.app)
    rule(
        refused or accepted_as_before or may_be_there,
        "a new key is refused before its certificate is there",
        world,
        action,
    )


def _check_test_login(world: World, action: Action) -> None:
    """When a refusal may count as what the app says of a wrong key."""
    version, current = world.named(action.version), world.current
    if version is None or not action.learns:
        return
    is_wrong = not world.is_live(version) or (world.hides(version.app) and not world.unsent)
    rule(is_wrong, "what a wrong key is told is learnt while it is wrong", world, action)
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
    said = said or world.sent_to(current.app) != UNSENT or _just_logged_in(world, current.app)
    rule(said, "current's slot is taken only when its key has just logged in, or is refused for certain", world, action)


def _check_grace(world: World, action: Action, wanted: Wanted) -> None:
    previous = world.previous
    if previous is None or world.app(action.its_app) != previous.cert or world.is_slot_of_current(action.app):
        return
    is_elsewhere = world.hides(action.its_app) and previous.app != action.app
    if is_elsewhere or (action.kind is not ActionKind.DISABLE and action.version == previous.name):
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
    displaced = previous is not None and previous != pending and _is_anywhere(world, previous)
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
    unused = gone in {stays, world.current} or not _is_anywhere(world, gone)
    rule(unused, "no version leaves the store while its certificate is live", world, action)
    if not discards:
        rule(not world.in_grace or wanted.urgent, "a previous version is kept for its grace", world, action)


def _is_anywhere(world: World, version: Stored) -> bool:
    """Whether any app holds a version's certificate.

    What another than its own hides, nobody can see; nor what a person did to an app of which some servers have not
    heard of it yet; nor what an app hides of which the org does not know the consumer key that is stored.
    """
    return any(
        cert == version.cert
        and not (world.hides(app) and world.is_shut_out(version))
        and not (world.hides(app) and (app != version.app or (world.by_hand and world.is_slot_of_current(app))))
        for app, cert in zip(world.apps, world.live, strict=True)
    )


def check_end(start: World, end: World, action: Action, wanted: Wanted) -> None:
    """Where a run without faults may end that began with `start`."""
    if action.kind is ActionKind.DONE:
        _check_done(end, action, wanted)
        if start == start.crashed() and wanted.goal is Goal.REPLACE and not _is_met(start, wanted) and not end.by_hand:
            said = "the next version has the consumer key that its app has by now"
            rule(end.current is None or not end.is_shut_out(end.current), said, start, f"{action} in {end}")
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
    if current and world.hides(current.app) and not wanted.options.replace_unknown:
        row = world.row(current)
        said = row is not None and row.outcome is LoginOutcome.ACCEPTED
        rule(said, "where a certificate is hidden, current is seen to log in before the end", world, action)
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
        HaltReason.DRIFT: world.by_hand or _is_hidden_and_unheard_of(world),
        HaltReason.STANDBY_UNKNOWN: any(_is_unknown(world, app) for app in world.apps)
        or _is_hidden_and_unheard_of(world),
        HaltReason.NOTHING_STORED: current is None,
        HaltReason.LOST: current is None,
        HaltReason.NOT_KEPT: wanted.goal is Goal.BRING,
        HaltReason.LOGIN_NOT_SET_UP: _is_wordless(world),
        HaltReason.UNPROVEN: (current is None and (_is_bad(world.pending) or bool(world.given_up)))
        or (world.other_words and _is_bad(world.pending) and not world.heard)
        or (wanted.goal is Goal.BRING and world.pending is not None and world.is_shut_out(world.pending))
        or _is_wordless(world),
    }
    if action.halt is HaltReason.REVERT_UNPROVEN:
        is_begun_anew = wanted.goal is Goal.REPLACE and not _is_met(world, wanted)
        is_left_to_people = not is_begun_anew or bool(world.given_up)
        return current is not None and world.is_shut_out(current) and is_left_to_people
    return action.halt is not None and excuses.get(action.halt, False)


def _is_wordless(world: World) -> bool:
    """Whether a hidden app does not take the key that it should, and it is not known what it says of a wrong one."""
    return world.other_words and any(map(world.hides, world.apps)) and not all(map(world.logs_in, world.stages))


def _is_unknown(world: World, app: str) -> bool:
    """Whether an app holds what nobody knows, or does not show what it holds, which no stored key proves."""
    cert = world.app(app)
    if not world.hides(app):
        return cert == UNKNOWN
    return cert != THROWAWAY and not any(version.app == app and version.cert == cert for version in world.stages)


def _had_failed(world: World) -> bool:
    """Whether a run has had reason to think that a key never works."""
    refused = any(row.outcome is LoginOutcome.MISMATCH and (row.row or row.since_first) for row in world.tried)
    is_bad = _is_bad(world.pending) or _is_unheard_of(world)
    return bool(world.given_up) or is_bad or refused or _is_lost(world)


def _is_lost(world: World) -> bool:
    """Whether a hidden app holds none of its versions, which looks like a key that never works."""
    there = [
        (app, [version for version in world.stages if version.app == app]) for app in world.apps if world.hides(app)
    ]
    return any(versions and not any(map(world.logs_in, versions)) for _, versions in there)


def _is_unheard_of(world: World) -> bool:
    """Whether the org does not know the consumer key of a stored version any more."""
    return any(map(world.is_shut_out, world.stages))


def _is_hidden_and_unheard_of(world: World) -> bool:
    """Whether that is so of one whose app does not show what it holds."""
    return any(world.is_shut_out(version) and world.hides(version.app) for version in world.stages)


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
            # Servers that have not heard yet of what a person did may be all that a test login comes to.
            is_unseen = current is not None and world.hides(current.app) and world.by_hand
            return current is not None and (world.is_live(current) or is_unseen)
        case Goal.FINISH:
            return True
