"""What a run would do if everything went well: `decide` asked again and again, over the effects it counts on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import WRITES, Action, ActionKind
from rotator.core.decision.next_action import next_action
from rotator.core.decision.observations import Memory, Observation
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import KnownVersion, ObservedApp
from rotator.core.usage.retirement import NOT_CONFIRMED

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.decision.policies import Policy, Wanted

NEW_VERSION: Final = Fingerprint("new")
"""Stands for the version that is yet to be made."""

_THROWAWAY: Final = Fingerprint("throwaway")
_LIMIT: Final = 1000
"""Decisions; a forecast that is longer has a fault, not a future."""


@dataclass(frozen=True)
class Forecast:
    """The actions in their order, repetitions and short waits left out, and how it ends."""

    steps: tuple[Action, ...]
    end: Action
    """`done`, `halt`, or a `wait` for the end of the previous version's grace."""


def foresee(seen: Observation, wanted: Wanted, policy: Policy, now: datetime) -> Forecast:
    """Plays a run through in memory. Test logins are taken to succeed where the certificate is live.

    An app that does not show what it holds is taken to hold what it should.
    """
    steps: list[Action] = []
    memory, longest_wait = Memory(), policy.verification.timeout
    held = {name: _expected(seen, name) if app.hidden else app.live for name, app in seen.apps.items()}
    for _ in range(_LIMIT):
        memory, observed = memory.observe(seen, policy.verification, now)
        action = next_action(observed, wanted, policy, now)
        long_wait = action.kind is ActionKind.WAIT and action.until is not None and action.until - now > longest_wait
        if action.kind in {ActionKind.DONE, ActionKind.HALT} or long_wait:
            return Forecast(tuple(steps), action)
        if action.kind is ActionKind.WAIT and action.until:
            now = action.until
            continue
        if not steps or (steps[-1].kind, steps[-1].version) != (action.kind, action.version):
            steps.append(action)
        if action.kind is ActionKind.VERIFY:
            app = observed.apps[action.its_app]
            is_live = held[app.name] == action.its_version if app.hidden else app.accepts(action.its_version)
            outcome = LoginOutcome.ACCEPTED if is_live else LoginOutcome.MISMATCH
            memory = memory.probed(action.its_version, LoginAnswer(outcome), now)
            continue
        if action.kind in WRITES:
            memory = memory.sending(action, observed).told_yes(action)
            held[action.its_app] = _THROWAWAY if action.kind is ActionKind.DISABLE else action.its_version
        seen = _effect(seen, action, wanted, policy, now)
        if action.kind is ActionKind.GENERATE:
            memory = memory.made(NEW_VERSION)
    raise AssertionError(f"no end after {steps}")


def _expected(seen: Observation, app: str) -> Fingerprint | None:
    versions = (seen.current, seen.previous)
    return next((version.fingerprint for version in versions if version and version.app == app), None)


def _effect(  # noqa: PLR0911 - one line a kind of action
    seen: Observation, action: Action, wanted: Wanted, policy: Policy, now: datetime
) -> Observation:
    match action.kind:
        case ActionKind.TAKE:
            return replace(seen, pending=_made(seen.live(action.its_app) or NEW_VERSION, action, policy, now))
        case ActionKind.STAGE:
            staged = _with(seen, replace(seen.apps[action.its_app], staged=NEW_VERSION))
            return replace(staged, pending=_made(NEW_VERSION, action, policy, now))
        case ActionKind.ROTATE:
            app = seen.apps[action.its_app]
            return _with(seen, replace(app, live=app.staged, staged=None, rotated=app.live))
        case ActionKind.UNSTAGE:
            return _with(seen, replace(seen.apps[action.its_app], staged=None, rotated=None))
        case ActionKind.GENERATE:
            same_key = wanted.options.keep_key and seen.current is not None
            key = seen.current.public_fingerprint if same_key and seen.current else NEW_VERSION
            return replace(seen, pending=replace(_made(NEW_VERSION, action, policy, now), public_fingerprint=key))
        case ActionKind.RECALL:
            return replace(seen, pending=seen.previous)
        case ActionKind.UPLOAD | ActionKind.RESTORE:
            return _with_live(seen, action.its_app, action.its_version)
        case ActionKind.DISABLE:
            return _with_live(seen, action.its_app, _THROWAWAY)
        case ActionKind.PROMOTE:
            after = replace(seen, pending=None, current=seen.pending, previous=seen.current, promoted_at=now)
            # What consumers have said was of the version before.
            return replace(after, gap_is_open=False, confirmation=NOT_CONFIRMED)
        case ActionKind.DISCARD:
            return replace(seen, pending=None)
        case _:
            return replace(seen, previous=None)


def _with_live(seen: Observation, app: str, live: Fingerprint) -> Observation:
    if seen.apps[app].hidden:
        return seen
    return _with(seen, replace(seen.apps[app], live=live, throwaway=live == _THROWAWAY))


def _made(name: Fingerprint, action: Action, policy: Policy, now: datetime) -> KnownVersion:
    return KnownVersion(name, action.its_app, name, now + 2 * policy.rotate_before)


def _with(seen: Observation, app: ObservedApp) -> Observation:
    return replace(seen, apps={**seen.apps, app.name: app})
