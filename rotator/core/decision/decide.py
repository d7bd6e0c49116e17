"""The decision: what was observed + what is wanted + the time -> the next single action.

`decide` is a pure function. It asks the clauses below one after another; the first that has an answer gives it. No
clause knows what an earlier run did: all follows from what store and org show now, so that after a crash at any point
the next run decides as this one would have. Rules that the clauses keep, whatever fails or crashes:

- a certificate is uploaded only when its key is stored (an observed version is one whose key was read back), save the
  throwaway certificate of `disable`;
- a version is promoted only when its certificate is live on its app and test logins with its key have just held;
- a version is discarded or retired only when its certificate is live on no app;
- some stored version matches the live certificate of the app that `current` logs in through;
- `invalid assertion`, and what the app said of the very same key just before its certificate was there, alone speak
  against a certificate; every other refusal changes nothing on the org.

When is a key proven? By HTTP 200 with a token that userinfo accepts, for the right org and user: by default five times
in a row over at least 30 seconds, as the org's servers may disagree for a while. When is a new key given up? After 15
minutes of what the app says of a wrong key without a break, or 30 with breaks (`Verification`).

What an app says of a wrong key is `invalid assertion`, and whatever it said of this very key when it was tried once
just before its certificate was there, while current's key logged in through the same app: an external client app was
heard to say `invalid_client`. An outage, a limit, a wrong clock and a locked user teach nothing, and an app that
accepts the key before it has its certificate calls for a person. After every other answer the run waits, then stops.

Where an app has another consumer key by now than a version was stored with, an org may take the old one for a while or
not. Then nobody logs in with that version, whatever the app holds: another takes its place (`Situation.is_shut_out`).

Of an app that does not show its certificate the same rules hold by what logins prove (`hidden_apps`, `hidden_proofs`):
live is what this run has sent it, and was told yes, and whose key has held since; it is sent a certificate only when a
stored key has just logged in through it; a version leaves the store only when its key is refused since; and it has
drifted when the key of every stored version is refused for good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.decision.actions import BRING_STORE_BACK, Action, ActionKind, HaltReason, halt
from rotator.core.decision.hidden_proofs import (
    found_out,
    key_is_ended,
    may_be_sent_to,
    nothing_was_current,
    way_back,
)
from rotator.core.decision.policies import Goal
from rotator.core.decision.proofs import (
    current_logs_in,
    is_refused_for_certain,
    new_key_is_refused,
    prove_current,
    standby_is_known,
    unproven,
)
from rotator.core.decision.situation import Situation
from rotator.core.lifecycle.dates import told_end
from rotator.core.lifecycle.drift import refuses_stored
from rotator.core.logins import LoginOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rotator.core.credentials import Fingerprint
    from rotator.core.decision.observations import Observation
    from rotator.core.decision.policies import Policy, Wanted
    from rotator.core.observed import KnownVersion


def apps_are_readable(s: Situation) -> Action | None:
    """Nothing is decided while an app cannot be read, or the app of a stored version is not configured."""
    for app in s.seen.apps.values():
        if not app.readable:
            return halt(
                HaltReason.APP_UNREADABLE,
                f"The org shows no app {app.name}: it is not there, or this login may not read it.",
                "Check `apps` in config.yaml against App Manager or External Client App Manager in Setup, and the"
                " permissions of the management user; `rotator check` says which of them it is.",
            )
    for version in s.seen.versions.values():
        if version.app not in s.seen.apps:
            return halt(
                HaltReason.APP_NOT_CONFIGURED,
                f"A stored version logs in through app {version.app}, which `apps` does not name.",
                "Keep the app in `apps` until no stored version is for it, or move the store's versions away by hand.",
            )
    return None


def request_can_be_met(s: Situation) -> Action | None:
    """What is asked for must be there to be had."""
    if _is_lost(s):
        return halt(
            HaltReason.LOST,
            "The store holds no current version any more: what this rotation is about was there when it began.",
            BRING_STORE_BACK,
        )
    if s.wanted.goal is Goal.RESTORE and s.seen.current is None:
        return halt(
            HaltReason.NOTHING_STORED,
            "No version is current in the store, so there is none to put back.",
            f"`rotator enroll {s.name}` makes the first one, `{s.adopt}` takes one that exists.",
        )
    if s.wanted.goal is Goal.BRING and s.wanted.version not in s.seen.stored:
        return halt(
            HaltReason.NOT_KEPT,
            "The version that is wanted is not kept any more.",
            f"`rotate now {s.name}` makes a new one.",
        )
    return None


def hidden_certificate_is_found(s: Situation) -> Action | None:
    """What the app of `current` holds and does not show is found out by logins, before the first write of a run."""
    current = s.seen.current
    if current is None or s.wanted.goal is Goal.RESTORE or s.seen.begun:
        return None
    return found_out(s, current.app)


def drift_is_a_persons_business(s: Situation) -> Action | None:
    """A certificate that a person put on the app of `current` is not overwritten unasked."""
    current = s.seen.current
    if current is None or not s.drifted:
        return None
    live = s.seen.live(current.app)
    if s.wanted.goal is Goal.RESTORE or (s.wanted.goal is Goal.REPLACE and s.wanted.options.replace_unknown):
        return None
    if s.wanted.goal is Goal.BRING and live == s.wanted.version:
        return None
    if refuses_stored(s.seen) and s.is_shut_out(current):
        return halt(
            HaltReason.DRIFT,
            f"App {current.app} does not show its certificate, and has another consumer key by now than is stored, so"
            " that no login tells what it holds.",
            f"`rotate now {s.name} --replace-unknown` gives it another, with the consumer key that it has by now.",
        )
    held = f"holds a certificate that is not current's ({words.short(live)})" if live else "holds no certificate"
    if refuses_stored(s.seen):
        held = "does not show its certificate, and refuses the key of current and of every other stored version"
    return halt(
        HaltReason.DRIFT,
        f"App {current.app} {held}: somebody changed it by hand.",
        f"`{s.adopt}` takes that key pair into the store, `rotate restore {s.name}` puts"
        f" current's certificate back, `rotate now {s.name} --replace-unknown` replaces both.",
    )


def current_is_proven_again(s: Situation) -> Action | None:
    """While consumers may be refused, and current's certificate is back, its key is proven before anything else.

    A key that is refused again and again has nothing to prove: then the next one is the way out.
    """
    current = s.seen.current
    if not s.seen.gap_is_open or current is None or not s.seen.is_live(current) or s.holds(current):
        return None
    if is_refused_for_certain(s, current) and not s.met:
        return None
    return prove_current(s, current)


def unfit_pending_goes(s: Situation) -> Action | None:
    """A pending version that is of no use is taken off its app, and discarded once nothing depends on it."""
    pending, current = s.seen.pending, s.seen.current
    if pending is None or s.fit:
        return None
    abandoned = pending.fingerprint if s.failed else None
    back = _take_back(s, pending, gives_up=abandoned)
    if back:
        return back
    must_be_proven = abandoned or pending.app in s.seen.begun
    if (
        must_be_proven
        and current is not None
        and s.seen.is_live(current)
        and not (s.holds(current) or s.is_past(current))
    ):
        return prove_current(s, current)
    ended = key_is_ended(s, pending) if pending != s.seen.previous else None
    if ended:
        return ended
    why = "its test login never held" if abandoned else "it is not what is wanted now"
    return Action(ActionKind.DISCARD, why, version=pending.fingerprint, app=pending.app, gives_up=abandoned)


def failed_attempt_ends(s: Situation) -> Action | None:
    """What never held is not tried again in the same run."""
    if not s.seen.given_up:
        return None
    current = s.seen.current
    if current is None:
        left = "nothing was current before"
    elif not s.seen.may_be_live(current):
        left = f"app {current.app} is as it was found, without current's certificate"
    elif s.holds(current):
        left = "the old certificate is back, and its key logs in"
    else:
        # A person may have changed the app since it was proven.
        return prove_current(s, current)
    return halt(
        HaltReason.REVERTED,
        f"Test logins with the new key never held; {left}.",
        "See whether `username` is a user of this org, as orgs need not say that they know none; look at the app's"
        " policies and at the login history in Setup.",
        rerun="Then rotate again.",
    )


def current_is_put_back(s: Situation) -> Action | None:
    """`restore`: current's certificate goes to its app, and its key is proven."""
    current = s.seen.current
    if s.wanted.goal is not Goal.RESTORE or current is None or s.met:
        return None
    if not s.seen.is_live(current):
        probe = s.seen.probe(current)
        is_untried = probe is None or probe.outcome is LoginOutcome.ACCEPTED
        if s.seen.may_be_live(current) and is_untried and current.app not in s.seen.begun:
            return s.try_login(current, "the app does not show its certificate, and may hold this one")
        return Action(ActionKind.RESTORE, "it was asked for", version=current.fingerprint, app=current.app)
    return prove_current(s, current)


def previous_makes_room(s: Situation) -> Action | None:
    """A previous version that still logs in keeps its grace; then it gives way to the next one."""
    previous = s.seen.previous
    if previous is None or previous == s.seen.pending or (s.met and s.seen.pending is None):
        return None
    if s.wanted.goal is Goal.BRING and previous.fingerprint == s.wanted.version:
        return None
    held_on, until = s.seen.live_on(previous), s.previous_gives_way_at()
    if until:
        used = next(app for app in held_on if not s.is_slot_of_current(app))
        return Action(
            ActionKind.WAIT,
            f"consumers may still use the previous version through {used}",
            version=previous.fingerprint,
            app=used,
            until=until,
        )
    target = s.seen.pending.app if s.seen.pending else s.target
    for app in held_on:
        if app != target:
            return may_be_sent_to(s, app) or _end_on(s, app, previous)
    return key_is_ended(s, previous) if previous.app != target else None


def pending_begins(s: Situation) -> Action | None:
    """What is wanted and not there yet is made, or called back."""
    if s.met or s.seen.pending is not None:
        return None
    previous = s.seen.previous
    if previous and s.wanted.goal is Goal.BRING:
        return Action(ActionKind.RECALL, "it is wanted back", version=previous.fingerprint, app=previous.app)
    blocked = standby_is_known(s, s.target) or current_logs_in(s, s.target)
    if blocked:
        return blocked
    return Action(ActionKind.GENERATE, "a new version is wanted", app=s.target)


def pending_is_uploaded(s: Situation) -> Action | None:
    """The certificate goes to the app when its key is safe, the way back is proven, and the app refuses the key yet."""
    pending = s.seen.pending
    if pending is None or s.seen.is_live(pending):
        return None
    blocked = standby_is_known(s, pending.app) or current_logs_in(s, pending.app) or new_key_is_refused(s, pending)
    if blocked:
        return blocked
    return Action(ActionKind.UPLOAD, "its key is safe in the store", version=pending.fingerprint, app=pending.app)


def pending_is_promoted(s: Situation) -> Action | None:
    """Only a live certificate whose key has just logged in, often enough, becomes current."""
    pending = s.seen.pending
    if pending is None or not s.seen.is_live(pending) or not s.holds(pending):
        return None
    return Action(
        ActionKind.PROMOTE, "its certificate is live and its key logs in", version=pending.fingerprint, app=pending.app
    )


def pending_is_verified(s: Situation) -> Action | None:
    """Test logins until they hold. Answers that prove nothing for too long leave everything as it is."""
    pending = s.seen.pending
    if pending is None or not s.seen.is_live(pending):
        return None
    probe = s.seen.probe(pending)
    if probe and s.unproven_for_too_long(probe):
        return unproven(s, pending, probe)
    return s.try_login(pending, "its key must log in before it becomes current")


def previous_ends(s: Situation) -> Action | None:
    """After its grace the previous version's key is ended on the org, then in the store."""
    previous = s.seen.previous
    if previous is None or s.grace_ends():
        return None
    held_on = s.seen.live_on(previous)
    of_current = next(filter(s.is_slot_of_current, held_on), None)
    if of_current:
        return found_out(s, of_current)
    if held_on:
        return may_be_sent_to(s, held_on[0]) or _end_on(s, held_on[0], previous)
    return key_is_ended(s, previous) or Action(
        ActionKind.RETIRE, s.why_it_ends(previous), version=previous.fingerprint, app=previous.app
    )


def all_is_done(s: Situation) -> Action | None:
    """What is wanted is so."""
    return Action(ActionKind.DONE, "what is wanted is so", until=told_end(s.grace_ends()))


Clause = Callable[[Situation], Action | None]
"""One consideration: the action that it demands, or None when it demands none."""

CLAUSES: Final[tuple[Clause, ...]] = (
    apps_are_readable,
    request_can_be_met,
    hidden_certificate_is_found,
    drift_is_a_persons_business,
    current_is_proven_again,
    unfit_pending_goes,
    failed_attempt_ends,
    current_is_put_back,
    previous_makes_room,
    pending_begins,
    pending_is_uploaded,
    pending_is_promoted,
    pending_is_verified,
    previous_ends,
    all_is_done,
)


def decide(
    seen: Observation,
    wanted: Wanted,
    policy: Policy,
    now: datetime,
    clauses: Sequence[Clause] = CLAUSES,
) -> Action:
    """The next single action. Pure; `clauses` is a parameter so that a test can show what each of them is for."""
    situation = Situation(seen, wanted, policy, now)
    return next(action for clause in clauses if (action := clause(situation)))


def _is_lost(s: Situation) -> bool:
    """Whether the version that was current is gone from the store: a version to replace it must not be made then.

    The first one after a loss is asked for by whom it replaces nothing (`rotator enroll`).
    """
    if s.seen.current or s.seen.pending:
        return False
    if s.wanted.goal is Goal.REPLACE:
        return s.wanted.version is not None
    return s.seen.gap_is_open and s.wanted.goal is not Goal.BRING


def _take_back(s: Situation, pending: KnownVersion, *, gives_up: Fingerprint | None) -> Action | None:
    """Gives the apps that hold the pending certificate another one; None when no app depends on it."""
    current, previous = s.seen.current, s.seen.previous
    is_hidden = s.seen.apps[pending.app].hidden
    if is_hidden and (back := way_back(s, pending, gives_up)):
        return back
    why = "the new key is not kept"
    if current and not s.seen.apps[current.app].hidden and s.has_taken_slot_of_current(pending):
        return Action(ActionKind.RESTORE, why, version=current.fingerprint, app=current.app, gives_up=gives_up)
    held_on = [] if pending == previous else s.seen.live_on(pending)
    for app in held_on:
        if is_hidden and app == pending.app:
            continue
        if current is None and not s.pending_is_outdated:
            return nothing_was_current(s, pending, app)
        if previous and previous.app == app:
            return Action(ActionKind.RESTORE, why, version=previous.fingerprint, app=app, gives_up=gives_up)
        return _disable(app, pending, why, gives_up=gives_up)
    return None


def _end_on(s: Situation, app: str, version: KnownVersion) -> Action:
    """Gives an app that holds a version's certificate another one: current's, if it is current's app."""
    current, why = s.seen.current, f"it held the previous version, and {s.why_it_ends(version)}"
    if current and app == current.app:
        return Action(ActionKind.RESTORE, why, version=current.fingerprint, app=app)
    return _disable(app, version, why)


def _disable(app: str, version: KnownVersion, why: str, gives_up: Fingerprint | None = None) -> Action:
    return Action(ActionKind.DISABLE, why, version=version.fingerprint, app=app, gives_up=gives_up)
