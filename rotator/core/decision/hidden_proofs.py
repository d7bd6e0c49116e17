"""What must be proven of an app that does not show its certificate, before it is changed and after.

It is sent a certificate only when the key of a stored version has just logged in through it, when this run or, by the
history, an interrupted one has begun to send one, or when a person said so. A version of it leaves the store only when
its key is refused, again and again, since the app was sent another certificate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core import words
from rotator.core.decision.actions import RERUN_GOES_ON, Action, ActionKind, HaltReason, halt
from rotator.core.decision.policies import Goal
from rotator.core.logins import LoginOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.core.credentials import Fingerprint
    from rotator.core.decision.observations import Probe
    from rotator.core.decision.situation import Situation
    from rotator.core.observed import KnownVersion

_TELLS = "the app does not show its certificate; a login tells whether this one is live"
_AT_ONCE = frozenset({LoginOutcome.CONFIGURATION, LoginOutcome.CLOCK})


def some_key_logs_in(s: Situation, app: str) -> Action | None:
    """Test logins with a hidden app's stored versions, until one is accepted. None then, and when all are refused."""
    versions = s.given_to(app)
    # What else is accepted there while current's key is not refused for certain, a slow server may have said.
    telling = versions if s.seen.pending in versions else versions[:1]
    if not versions or s.seen.apps[app].refuses_stored or any(map(s.tells, telling)):
        return None
    probes = {version: s.seen.probe(version) for version in versions}
    for version, probe in probes.items():
        if probe is None:
            return s.try_login(version, _TELLS)
    known = {version: probe for version, probe in probes.items() if probe}
    undecided = {version: probe for version, probe in known.items() if not _is_decided(s, probe)}
    if not undecided or (len(known) == 1 and all(probe.outcome in _AT_ONCE for probe in known.values())):
        return _nothing_is_proven(s, app, known)
    version = min(undecided, key=lambda each: undecided[each].last_at)
    return s.try_login(version, _TELLS)


def found_out(s: Situation, app: str) -> Action | None:
    """The same of an app of which no login has proven yet what it holds; None of any other."""
    return some_key_logs_in(s, app) if s.seen.apps[app].is_unknown else None


def may_be_sent_to(s: Situation, app: str) -> Action | None:
    """What must be proven before another certificate is sent to an app of which it is not known what it holds."""
    is_begun = s.seen.apps[app].ours or app in s.seen.begun
    is_asked = s.wanted.goal is Goal.RESTORE and s.is_slot_of_current(app)
    return None if is_begun or is_asked else found_out(s, app)


def key_is_ended(s: Situation, version: KnownVersion) -> Action | None:
    """Before a version leaves the store: its key is refused, if its app does not show what it holds. None when it is.

    A key that the app's live version has, too, is accepted, and is not lost.
    """
    app = s.seen.apps[version.app]
    if not app.hidden or app.refuses_stored or version not in s.given_to(app.name):
        return None
    live = next((each for each in s.given_to(app.name) if each.fingerprint == app.live), None)
    if live and live.public_fingerprint == version.public_fingerprint:
        return None
    probe, rules = s.seen.probe(version), s.policy.verification
    if probe and probe.refused_in_a_row(rules):
        return None
    if probe and (probe.accepted_for_too_long(rules) or s.unproven_for_too_long(probe)):
        said = "is still accepted" if probe.outcome is LoginOutcome.ACCEPTED else f"is answered {probe.answer.reason}"
        return halt(
            HaltReason.NOT_ENDED,
            f"App {app.name} does not show its certificate and was given another; a key that it held before {said}.",
            f"Look at the app in Setup, and remove the certificate {version.fingerprint}. {probe.answer.hint}".strip(),
            rerun=RERUN_GOES_ON,
        )
    return s.try_login(version, "its key must be refused before it leaves the store")


def way_back(s: Situation, pending: KnownVersion, gives_up: Fingerprint | None) -> Action | None:
    """Gives a hidden app that may hold the pending certificate the one from before. None when it holds another."""
    app, is_of_current = s.seen.apps[pending.app], s.is_slot_of_current(pending.app)
    before, why = s.seen.current if is_of_current else s.seen.previous, "the new key is not kept"
    may_hold_it = app.is_unknown or app.live == pending.fingerprint or (app.refuses_stored and app.ours)
    if not may_hold_it or pending not in s.given_to(app.name) or pending == before:
        return None
    blocked = may_be_sent_to(s, app.name)
    if blocked:
        return blocked
    if s.seen.current is None and not s.pending_is_outdated:
        return nothing_was_current(s, pending, app.name)
    if before and before.app == app.name:
        return Action(ActionKind.RESTORE, why, version=before.fingerprint, app=app.name, gives_up=gives_up)
    return Action(ActionKind.DISABLE, why, version=pending.fingerprint, app=app.name, gives_up=gives_up)


def nothing_was_current(s: Situation, pending: KnownVersion, app: str) -> Action:
    """The end of a first rotation whose key does not log in: there is nothing to go back to."""
    probe = s.seen.probe(pending)
    said = f" ({probe.answer.reason})" if probe and probe.answer.reason else ""
    return halt(
        HaltReason.UNPROVEN,
        f"App {app} holds the new certificate, its key does not log in{said}, and nothing was current before.",
        (probe.answer.hint if probe else "") or "Look at the app's policies in Setup.",
        rerun=RERUN_GOES_ON,
    )


def _is_decided(s: Situation, probe: Probe) -> bool:
    return s.refused_for_good(probe) or s.unproven_for_too_long(probe) or probe.just_accepted(s.now)


def _nothing_is_proven(s: Situation, app: str, known: Mapping[KnownVersion, Probe]) -> Action:
    """The end of a run that cannot find out what an app holds."""
    telling = next((probe for probe in known.values() if not probe.outcome.conclusive), next(iter(known.values())))
    is_begun = s.seen.pending in known
    may_be_lost = s.is_slot_of_current(app) and telling.answer.may_speak_of_the_key
    lost = f"If nothing is wrong there, the app may hold none of these: `rotate restore {s.name}` gives it current's."
    return halt(
        HaltReason.UNPROVEN if is_begun else HaltReason.LOGIN_NOT_SET_UP,
        f"App {app} does not show its certificate, and test logins with the stored keys do not tell which it holds: "
        f"{telling.answer.reason}.",
        words.sentences(telling.answer.hint, lost if may_be_lost else ""),
        rerun=RERUN_GOES_ON if is_begun else "",
    )
