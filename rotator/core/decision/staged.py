"""The decision for a client secret: what was observed + what is wanted + the time -> the next single action.

A consumer of an external client app has one pair of key and secret in use, and room for a second one: staged, and in
nobody's use yet, or rotated away, and taken by the org for 30 days still (External Client Apps, staged credentials).

    stage and store -> try -> rotate -> test logins -> promote -> keep the old one for the grace -> delete it

So nobody's login fails, and there is no way back but the old pair's own time: what was rotated in cannot be rotated
out. Rules that the clauses keep, whatever fails or crashes:

- a pair is rotated in only when it is stored (an observed version is one that was read back whole), and when the
  present one has just logged in;
- a version is promoted only when the org takes its pair, and test logins with it have just held;
- a pair is deleted on the org only when it is not `current`, and when the program itself staged it, its grace has
  ended, or a person said so of what nobody knows;
- a version leaves the store only when its pair is neither in use, nor staged, nor taken still.

Where a revocation has put a pair in use that nobody has (`rotator.services.revocation.ended_pairs`), that one gives way
to the next, and is deleted before anybody is told to use it.

What is asked of both kinds is asked by the clauses of `rotator.core.decision.decide`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.decision.actions import RERUN_GOES_ON, Action, ActionKind, HaltReason, halt
from rotator.core.decision.decide import all_is_done, apps_are_readable, request_can_be_met
from rotator.core.decision.policies import Goal
from rotator.core.decision.proofs import is_refused_for_certain
from rotator.core.logins import LoginOutcome
from rotator.core.thresholds import is_short_of

if TYPE_CHECKING:
    from rotator.core.credentials import Fingerprint
    from rotator.core.decision.decide import Clause
    from rotator.core.decision.observations import Probe
    from rotator.core.decision.situation import Situation
    from rotator.core.observed import KnownVersion, ObservedApp


def pair_in_use_is_known(s: Situation) -> Action | None:
    """A pair that somebody put in use by hand is not rotated away unasked, nor is the one that it took the place of."""
    current, app = s.seen.current, _app(s)
    if current is None or app.live in s.seen.stored or app.live == app.ended_by:
        return None
    left = "is taken for a while still" if s.seen.is_live(current) else "is not taken any more"
    return halt(
        HaltReason.DRIFT,
        f"App {app.name} uses a consumer key and secret that are not stored here: somebody rotated them by hand."
        f" Current's pair {left}.",
        f"`{s.adopt}` takes the pair in use into the store.",
    )


def nobodys_pair_goes(s: Situation) -> Action | None:
    """A pair that nobody has, by which a revocation ended those before it, makes room for the next but one."""
    app = _app(s)
    if app.rotated is None or app.rotated != app.ended_by:
        return None
    return _unstage(s, app.rotated, "it only ended the pair that was revoked, and nobody has it")


def current_is_taken(s: Situation) -> Action | None:
    """Where the org takes current's pair no more, and nothing is asked for that ends it, a person is called."""
    current = s.seen.current
    if current is None or not s.drifted or s.wanted.goal in {Goal.REPLACE, Goal.BRING}:
        return None
    return halt(
        HaltReason.DRIFT,
        f"App {current.app} does not take current's consumer key and secret any more: somebody deleted them by hand,"
        " or their time has ended.",
        f"`rotate now {s.name}` makes the pair in use current, which is stored.",
    )


def pair_is_not_put_back(s: Situation) -> Action | None:
    """`restore`: a secret cannot be put back; where the org takes current's, that is proven."""
    current = s.seen.current
    if s.wanted.goal is not Goal.RESTORE or current is None or s.met:
        return None
    return _prove_current(s, current)


def wanted_pair_is_taken(s: Situation) -> Action | None:
    """What is to be brought back must be taken by the org still."""
    if s.wanted.goal is not Goal.BRING or s.met:
        return None
    stored = (s.seen.pending, s.seen.previous)
    wanted = next((each for each in stored if each and each.fingerprint == s.wanted.version), None)
    if wanted is None or s.seen.is_live(wanted):
        return None
    return halt(
        HaltReason.NOT_KEPT,
        f"The org takes the pair that is wanted ({words.short(wanted.fingerprint)}) no more: its time has ended.",
        f"`rotate now {s.name}` stages a new one.",
    )


def unfit_pending_goes(s: Situation) -> Action | None:
    """A pending version that is of no use is deleted on the org, where it is only staged, then discarded."""
    pending = s.seen.pending
    if pending is None or _serves(s, pending):
        return None
    if _app(s).staged == pending.fingerprint:
        return _unstage(s, pending.fingerprint, "it is not what is wanted now")
    return Action(ActionKind.DISCARD, "it is not what is wanted now", version=pending.fingerprint, app=pending.app)


def pending_begins(s: Situation) -> Action | None:
    """What is wanted and not there yet is staged, called back, or, for the first version, taken as it is in use."""
    if s.met or s.seen.pending is not None:
        return None
    current, previous = s.seen.current, s.seen.previous
    if previous and s.wanted.goal is Goal.BRING:
        return Action(ActionKind.RECALL, "it is wanted back", version=previous.fingerprint, app=previous.app)
    if current is None:
        return Action(ActionKind.TAKE, "nothing is stored yet", app=_app(s).name)
    if previous and _is_in_use(s, previous):
        why = "it is the pair in use, and a further one can be staged only when it is current"
        return Action(ActionKind.RECALL, why, version=previous.fingerprint, app=previous.app)
    blocked = _current_logs_in(s, current) or _room_is_free(s)
    return blocked or Action(ActionKind.STAGE, "a new version is wanted", app=_app(s).name)


def pending_is_rotated(s: Situation) -> Action | None:
    """The staged pair is put in force when it is safe in the store, and the present one logs in."""
    pending, current = s.seen.pending, s.seen.current
    if pending is None or current is None or _app(s).staged != pending.fingerprint:
        return None
    blocked = _current_logs_in(s, current) or _is_tried(s, pending)
    why = "it is safe in the store"
    return blocked or Action(ActionKind.ROTATE, why, version=pending.fingerprint, app=pending.app)


def pending_is_promoted(s: Situation) -> Action | None:
    """Only a pair that the org takes, and that has just logged in often enough, becomes current."""
    pending = s.seen.pending
    if pending is None or not s.seen.is_live(pending) or not s.holds(pending):
        return None
    why = "the org takes it, and it logs in"
    return Action(ActionKind.PROMOTE, why, version=pending.fingerprint, app=pending.app)


def pending_is_verified(s: Situation) -> Action | None:
    """Test logins until they hold. What is never accepted leaves everything as it is: the old pair is taken still.

    The first pair was in use before, so there is no change of ours that servers might not have heard of yet.
    """
    pending, current = s.seen.pending, s.seen.current
    if pending is None or not s.seen.is_live(pending):
        return None
    probe = s.seen.probe(pending)
    if probe and current is None and _is_not_set_up(probe):
        return halt(
            HaltReason.LOGIN_NOT_SET_UP,
            f"The test login with the consumer key and secret in use was refused: {probe.answer.reason}. The pair is"
            " stored as pending; nothing was current before, and nothing was changed on the org.",
            probe.answer.hint,
            rerun=RERUN_GOES_ON,
        )
    if probe is None or not (s.unproven_for_too_long(probe) or s.refused_for_good(probe)):
        return s.try_login(pending, "its pair must log in before it becomes current")
    left = "nothing was current before"
    if current is not None:
        left = "the org takes current's still" if s.seen.is_live(current) else "the org takes current's no more"
    return halt(
        HaltReason.UNPROVEN,
        f"Test logins with the new consumer key and secret do not succeed ({probe.answer.reason}); {left}.",
        probe.answer.hint,
        rerun=RERUN_GOES_ON,
    )


def previous_ends(s: Situation) -> Action | None:
    """After its grace the previous pair is deleted on the org, then in the store; never one that is in use."""
    previous = s.seen.previous
    if previous is None or s.grace_ends() or _is_in_use(s, previous):
        return None
    if _app(s).rotated == previous.fingerprint:
        return _unstage(s, previous.fingerprint, s.why_it_ends(previous))
    return Action(ActionKind.RETIRE, s.why_it_ends(previous), version=previous.fingerprint, app=previous.app)


CLAUSES: Final[tuple[Clause, ...]] = (
    apps_are_readable,
    request_can_be_met,
    pair_in_use_is_known,
    nobodys_pair_goes,
    current_is_taken,
    pair_is_not_put_back,
    wanted_pair_is_taken,
    unfit_pending_goes,
    pending_begins,
    pending_is_rotated,
    pending_is_promoted,
    pending_is_verified,
    previous_ends,
    all_is_done,
)


def _app(s: Situation) -> ObservedApp:
    return next(iter(s.seen.apps.values()))


def _is_in_use(s: Situation, version: KnownVersion) -> bool:
    return s.seen.live(version.app) == version.fingerprint


def _serves(s: Situation, pending: KnownVersion) -> bool:
    """Whether the pending version is one that serves what is wanted.

    One that was rotated in has to become current, whatever is wanted now; one that was there before, only where it is
    what was asked for, or the pair in use that has to come first.
    """
    if pending == s.seen.previous:
        is_next = s.wanted.goal is Goal.REPLACE and not s.met and _is_in_use(s, pending)
        is_wanted = is_next or s.wanted.goal is Goal.FINISH or pending.fingerprint == s.wanted.version
        return is_wanted and s.seen.is_live(pending)
    if _is_in_use(s, pending):
        return True
    if _app(s).staged != pending.fingerprint or s.seen.current is None:
        return False
    is_lasting = not is_short_of(pending.not_after, s.now, s.policy.rotate_before)
    return s.wanted.goal is Goal.FINISH or (s.wanted.goal is Goal.REPLACE and not s.met and is_lasting)


def _prove_current(s: Situation, current: KnownVersion) -> Action:
    probe = s.seen.probe(current)
    if probe and (is_refused_for_certain(s, current) or s.unproven_for_too_long(probe)):
        return _not_set_up(s, current)
    return s.try_login(current, "the present pair must log in")


def _current_logs_in(s: Situation, current: KnownVersion) -> Action | None:
    """Before anything is changed: proof that logins by client credentials work. None when it is given.

    The org shows current's pair as one that it takes, so a refusal has a cause that a new pair would not mend.
    """
    probe = s.seen.probe(current)
    # Where it is not live, another pair is on its way in, or nothing that is stored is taken: nothing is to be proven.
    if s.just_accepts(current) or not s.seen.is_live(current):
        return None
    return _not_set_up(s, current) if probe and _is_not_set_up(probe) else _prove_current(s, current)


def _is_not_set_up(probe: Probe) -> bool:
    """Whether the org refuses a login for a cause that no waiting mends."""
    return probe.outcome in {LoginOutcome.CONFIGURATION, LoginOutcome.CLOCK}


def _not_set_up(s: Situation, current: KnownVersion) -> Action:
    probe = s.seen.probe(current)
    answer = probe.answer if probe else None
    return halt(
        HaltReason.LOGIN_NOT_SET_UP,
        f"The test login with the present consumer key and secret was refused before anything was changed:"
        f" {answer.reason if answer else 'no answer'}.",
        answer.hint if answer else "",
    )


def _is_tried(s: Situation, pending: KnownVersion) -> Action | None:
    """Before a pair is put in force it is tried: some orgs may take it already, and it must hold there; others refuse.

    None when it holds, or is refused in words that mean that it is not in force yet.
    """
    probe = s.seen.probe(pending)
    if probe and (s.holds(pending) or probe.answer.may_speak_of_the_key):
        return None
    if probe and s.unproven_for_too_long(probe):
        return halt(
            HaltReason.LOGIN_NOT_SET_UP,
            f"The org does not say what it makes of the staged pair before it is in force: {probe.answer.reason}.",
            probe.answer.hint,
        )
    return s.try_login(pending, "it is tried before it is put in force")


def _room_is_free(s: Situation) -> Action | None:
    """Before a pair is staged: the place beside the one in use is empty, or holds what this program just staged."""
    app, previous = _app(s), s.seen.previous
    held = app.rotated or (None if app.staging else app.staged)
    if held is None:
        return None
    if previous and held == previous.fingerprint:
        until = s.previous_gives_way_at()
        if until:
            why = "consumers may still use the previous pair, and a new one takes its place"
            return Action(ActionKind.WAIT, why, version=held, app=app.name, until=until)
        return _unstage(s, held, s.why_it_ends(previous))
    if s.wanted.options.replace_unknown:
        return _unstage(s, held, "it was asked for")
    is_rotated = held == app.rotated
    what = "was rotated away by hand, and is taken still" if is_rotated else "was staged by hand"
    return halt(
        HaltReason.SECOND_PAIR_UNKNOWN,
        f"App {app.name} has a second consumer key and secret that {what} ({words.short(held)}), and there is room for"
        " one.",
        f"Find out who needs it; if nobody does, `rotate now {s.name} --replace-unknown` deletes it.",
    )


def _unstage(s: Situation, held: Fingerprint, why: str) -> Action:
    return Action(ActionKind.UNSTAGE, why, version=held, app=_app(s).name)
