"""Programs that are wrong about apps that do not show what they hold, in one point each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import Action, ActionKind
from rotator.core.decision.decide import CLAUSES, Clause, pending_is_uploaded, previous_ends, unfit_pending_goes
from rotator.core.decision.observations import Memory
from rotator.core.logins import LoginOutcome
from tests.rotation.variants import discards_what_is_live, instead_of, retires_what_is_live
from tests.rotation.world import UNKNOWN

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.decision.observations import Observation
    from rotator.core.decision.policies import Verification
    from rotator.core.decision.situation import Situation
    from tests.rotation.looks import Remembering


class _OldProofs(Memory):
    def sending(self, action: Action, seen: Observation) -> Memory:
        return replace(super().sending(action, seen), probes=self.probes)


class _ForgetsWhatWasNotAnswered(Memory):
    def sending(self, action: Action, seen: Observation) -> Memory:
        return replace(super().sending(action, seen), begun=self.begun, unsent=self.unsent)

    def told_yes(self, action: Action) -> Memory:
        return Memory.told_yes(replace(self, begun=self.begun | {action.its_app}), action)


class _TakesSilenceForYes(Memory):
    def sending(self, action: Action, seen: Observation) -> Memory:
        return super().sending(action, seen).told_yes(action)


class _OutagesRefuse(Memory):
    def observe(self, seen: Observation, rules: Verification, now: datetime) -> tuple[Memory, Observation]:
        refused = {
            name: replace(probe, answer=replace(probe.answer, outcome=LoginOutcome.MISMATCH))
            if probe.outcome is LoginOutcome.TRANSIENT
            else probe
            for name, probe in self.probes.items()
        }
        return Memory.observe(replace(self, probes=refused), seen, rules, now)


class _AnyLoginTells(Memory):
    def observe(self, seen: Observation, rules: Verification, now: datetime) -> tuple[Memory, Observation]:
        memory, proven = super().observe(seen, rules, now)
        versions = [version for version in (seen.pending, seen.previous, seen.current) if version]
        live = {
            version.app: replace(proven.apps[version.app], live=version.fingerprint)
            for version in versions
            if proven.apps[version.app].is_unknown
            and version.fingerprint in memory.probes
            and memory.probes[version.fingerprint].just_accepted(now)
        }
        return memory, replace(proven, apps={**proven.apps, **live})


class _WritesUnproven(Memory):
    def observe(self, seen: Observation, rules: Verification, now: datetime) -> tuple[Memory, Observation]:
        memory, proven = super().observe(seen, rules, now)
        return memory, replace(proven, begun=frozenset(proven.apps))


class _HiddenIsNone(Memory):
    def observe(self, seen: Observation, rules: Verification, now: datetime) -> tuple[Memory, Observation]:
        shown = {name: replace(app, hidden=False) for name, app in seen.apps.items()}
        return super().observe(replace(seen, apps=shown), rules, now)


def _promotes_by_the_missing_certificate(s: Situation) -> Action | None:
    pending = s.seen.pending
    if pending is None or not s.seen.apps[pending.app].is_unknown:
        return None
    return Action(ActionKind.PROMOTE, "no certificate is shown", version=pending.fingerprint, app=pending.app)


def _promotes_by_a_yes(s: Situation) -> Action | None:
    pending = s.seen.pending
    if pending is None or not s.seen.is_live(pending):
        return None
    return Action(ActionKind.PROMOTE, "the org has said yes", version=pending.fingerprint, app=pending.app)


def _sends_what_is_not_stored(s: Situation) -> Action | None:
    action = pending_is_uploaded(s)
    if action is None or action.kind is not ActionKind.UPLOAD:
        return action
    return replace(action, version=Fingerprint(UNKNOWN.name))


class HiddenVariant(NamedTuple):
    """A program that is wrong about apps that do not show what they hold."""

    breaks: str
    """The rule that it is found by."""
    clauses: tuple[Clause, ...] = CLAUSES
    memory: Remembering = Memory


_UPLOAD: Final = CLAUSES.index(pending_is_uploaded)

HIDDEN_VARIANTS: Final = {
    "promotes by the missing certificate": HiddenVariant(
        "a version is promoted only while it is live",
        clauses=(*CLAUSES[:_UPLOAD], _promotes_by_the_missing_certificate, *CLAUSES[_UPLOAD:]),
    ),
    "promotes by the org's yes": HiddenVariant(
        "a version is promoted only when its login has just succeeded",
        clauses=(*CLAUSES[:_UPLOAD], _promotes_by_a_yes, *CLAUSES[_UPLOAD:]),
    ),
    "takes a login from before the write as proof": HiddenVariant(
        "a version is promoted only while it is live", memory=_OldProofs
    ),
    "forgets a write that was not answered": HiddenVariant(
        "without faults nobody is called for help", memory=_ForgetsWhatWasNotAnswered
    ),
    "takes no answer for a yes": HiddenVariant("only what failed is taken back", memory=_TakesSilenceForYes),
    "takes an outage for a refusal": HiddenVariant(
        "only `invalid assertion`, for long, speaks against a certificate", memory=_OutagesRefuse
    ),
    "takes any login for what is live": HiddenVariant(
        "without faults nobody is called for help", memory=_AnyLoginTells
    ),
    "sends a certificate before a stored key has logged in": HiddenVariant(
        "where a certificate is hidden, current is seen to log in before the end", memory=_WritesUnproven
    ),
    "sends what is not stored": HiddenVariant(
        "only a stored version is worked with",
        clauses=instead_of(pending_is_uploaded, _sends_what_is_not_stored),
    ),
    "takes what is hidden for no certificate": HiddenVariant(
        "without faults nobody is called for help", memory=_HiddenIsNone
    ),
    "discards what may be live": HiddenVariant(
        "no version leaves the store while its certificate is live",
        clauses=instead_of(unfit_pending_goes, discards_what_is_live),
    ),
    "retires what may be live": HiddenVariant(
        "no version leaves the store while its certificate is live",
        clauses=instead_of(previous_ends, retires_what_is_live),
    ),
}
"""Each named for what it does wrong."""
