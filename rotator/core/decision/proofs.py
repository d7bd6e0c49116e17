"""What must be known before an app is changed, and what to say when it cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotator.core import words
from rotator.core.decision.actions import RERUN_GOES_ON, Action, ActionKind, HaltReason, halt
from rotator.core.decision.hidden_proofs import may_be_sent_to, some_key_logs_in
from rotator.core.decision.policies import Goal
from rotator.core.logins import LoginOutcome

if TYPE_CHECKING:
    from rotator.core.decision.observations import Probe
    from rotator.core.decision.situation import Situation
    from rotator.core.observed import KnownVersion


def prove_current(s: Situation, current: KnownVersion) -> Action:
    """Test logins with current's key after its certificate came back."""
    probe = s.seen.probe(current)
    if s.is_shut_out(current):
        return halt(
            HaltReason.REVERT_UNPROVEN,
            f"App {current.app} holds current's certificate, but has another consumer key than is stored with it, so"
            " nobody logs in with what is stored.",
            f"`rotate now {s.name}` makes a version with the consumer key that the app has by now. Nothing leaves the"
            " store.",
        )
    if probe and (s.refused_for_good(probe) or s.unproven_for_too_long(probe)):
        return halt(
            HaltReason.REVERT_UNPROVEN,
            f"App {current.app} holds current's certificate, but its key does not log in: {probe.answer.reason}.",
            f"{_why_not(probe)} Current's key stays in the store.",
            rerun="Then `rotate restore` proves it.",
        )
    return s.try_login(current, "current's key must be seen to log in")


def _why_not(probe: Probe) -> str:
    """What to do about a key that is refused although its certificate is on the app: it does match."""
    if probe.outcome is LoginOutcome.MISMATCH:
        return (
            "Look at the login history of its user in Setup; for ten minutes after a change a login server may not know"
            " of it yet."
        )
    return probe.answer.hint


def is_refused_for_certain(s: Situation, current: KnownVersion) -> bool:
    """Whether the org has said of current's key again and again that it does not match."""
    probe = s.seen.probe(current)
    return (
        probe is not None
        and probe.outcome is LoginOutcome.MISMATCH
        and probe.streak >= s.policy.verification.confirmations
    )


def current_logs_in(s: Situation, app: str) -> Action | None:
    """Before current's slot is taken: proof that the way back works. None when it is proven, or lost already."""
    current = s.seen.current
    if current is None or app != current.app:
        return None
    if not s.seen.is_live(current):
        return may_be_sent_to(s, app)
    probe = s.seen.probe(current)
    if probe is None:
        return s.try_login(current, "the login must work before anything is changed")
    if probe.just_accepted(s.now) or is_refused_for_certain(s, current):
        return None
    if probe.outcome in {LoginOutcome.CONFIGURATION, LoginOutcome.CLOCK} or s.unproven_for_too_long(probe):
        return halt(
            HaltReason.LOGIN_NOT_SET_UP,
            f"The test login with the current key was refused before anything was changed: {probe.answer.reason}.",
            probe.answer.hint,
        )
    return s.try_login(current, "the login must work before anything is changed")


def new_key_is_refused(s: Situation, pending: KnownVersion) -> Action | None:
    """Before an upload: the app refuses the new key, and its words for that are learnt. None when it has.

    A key that another stored version has is not tried, as the app may know it. A version that is brought back may be
    accepted by a server that has not heard yet that it was replaced; that is no reason to stop.
    """
    others = [version for version in (s.seen.current, s.seen.previous) if version and version != pending]
    if any(version.public_fingerprint == pending.public_fingerprint for version in others):
        return None
    probe, current = s.seen.probe(pending), s.seen.current
    # An earlier run may have sent it to an app that does not show what it holds.
    may_be_there = s.seen.apps[pending.app].hidden and pending in s.given_to(pending.app)
    is_wanted_itself = s.wanted.goal is Goal.BRING
    if probe and is_wanted_itself and s.seen.has_old_client_id(pending) and probe.answer.is_of_unknown_client:
        return halt(
            HaltReason.LOGIN_NOT_SET_UP,
            f"App {pending.app} has another consumer key by now than was stored with this version: consumers would be"
            " refused with it, whatever the app holds.",
            f"`rotate restore {s.name}` keeps the version that is current, `rotate now {s.name}` makes another.",
        )
    if probe and (probe.answer.may_speak_of_the_key or (may_be_there and s.just_accepts(pending))):
        return None
    if probe and s.holds(pending):
        return None if pending == s.seen.previous else _accepted_early(pending)
    if probe and s.unproven_for_too_long(probe):
        return halt(
            HaltReason.LOGIN_NOT_SET_UP,
            f"The org does not say what it makes of the new key, before anything was changed: {probe.answer.reason}.",
            probe.answer.hint,
        )
    is_set_up = s.just_accepts(current) if current and s.is_slot_of_current(pending.app) else not may_be_there
    attempt = s.try_login(pending, "the app must refuse the new key while it has not its certificate")
    return replace(attempt, before_upload=True, learns=is_set_up and attempt.kind is ActionKind.VERIFY)


def _accepted_early(pending: KnownVersion) -> Action:
    return halt(
        HaltReason.ACCEPTED_EARLY,
        f"The org accepts the new key for app {pending.app}, which does not hold its certificate.",
        "Look who else changes that app, and whether `client_id` and `login_url` are those of this app and org.",
    )


def standby_is_known(s: Situation, app: str) -> Action | None:
    """Before another app's certificate is replaced: nobody may be using it. None when that is so, or was said to be."""
    seen = s.seen.apps[app]
    if seen.hidden:
        return _hidden_standby_is_known(s, app)
    if s.is_slot_of_current(app) or s.wanted.options.replace_unknown or seen.throwaway:
        return None
    if seen.live is None or seen.live in s.seen.stored:
        return None
    return _unknown(s, f"App {app} holds a certificate that nobody here knows ({words.short(seen.live)})")


def _hidden_standby_is_known(s: Situation, app: str) -> Action | None:
    """The same of an app that does not show what it holds: a stored version logs in there, or we sent it the last."""
    seen, has_tried = s.seen.apps[app], s.given_to(app)
    if s.is_slot_of_current(app) or s.wanted.options.replace_unknown or app in s.seen.begun or seen.ours:
        return None
    if any(map(s.just_accepts, has_tried)):
        return None
    tried = some_key_logs_in(s, app)
    if tried:
        return tried
    said = ", and takes the key of no stored version" if has_tried else ""
    return _unknown(
        s,
        f"App {app} does not show whether it holds a certificate{said}",
        with_certificate=" --certificate FILE",
        unused="it has no certificate yet or nobody needs it",
    )


def _unknown(s: Situation, what: str, with_certificate: str = "", unused: str = "nobody needs it") -> Action:
    command = "rotate now" if s.seen.current else "rotator enroll"
    return halt(
        HaltReason.STANDBY_UNKNOWN,
        f"{what}: a consumer may log in with it.",
        f"If its key pair is yours, `{s.adopt}{with_certificate}`; if {unused},"
        f" `{command} {s.name} --replace-unknown`.",
    )


def unproven(s: Situation, pending: KnownVersion, probe: Probe) -> Action:
    """The end of a run whose test logins with the new key were neither accepted nor refused for too long."""
    left = (
        "its certificate is live, so consumers that try `current` only may be refused"
        if s.is_slot_of_current(pending.app)
        else "`current` is untouched and logs in"
    )
    return halt(
        HaltReason.UNPROVEN,
        f"Test logins with the new key prove nothing ({probe.answer.reason}); it stays pending, {left}.",
        probe.answer.hint,
        rerun=RERUN_GOES_ON,
    )
