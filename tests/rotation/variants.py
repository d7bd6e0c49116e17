"""Programs that are wrong in one point each, so that walks can show that they would find it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from rotator.core.decision.actions import Action, ActionKind, HaltReason
from rotator.core.decision.decide import (
    CLAUSES,
    Clause,
    all_is_done,
    hidden_certificate_is_found,
    pending_is_uploaded,
    previous_ends,
    unfit_pending_goes,
)
from rotator.core.decision.proofs import new_key_is_refused
from rotator.core.decision.situation import Situation
from rotator.core.logins import LoginOutcome

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.decision.observations import Probe
    from rotator.core.observed import KnownVersion


_UPLOAD: Final = CLAUSES.index(pending_is_uploaded)


def without(clause: Clause) -> tuple[Clause, ...]:
    """The program with a clause left out."""
    return tuple(other for other in CLAUSES if other is not clause)


def instead_of(clause: Clause, wrong: Clause) -> tuple[Clause, ...]:
    """The program with a wrong clause in the place of one."""
    return tuple(wrong if other is clause else other for other in CLAUSES)


def judging_as(mistaken: type[Situation]) -> tuple[Clause, ...]:
    """The program with every clause asking a mistaken judge."""

    def mistaking(clause: Clause) -> Clause:
        return lambda s: clause(mistaken(s.seen, s.wanted, s.policy, s.now))

    return tuple(map(mistaking, CLAUSES))


class _OneLoginHolds(Situation):
    def holds(self, version: KnownVersion) -> bool:
        probe = self.seen.probe(version)
        return probe is not None and probe.just_accepted(self.now)


class _OldLoginsHold(Situation):
    def holds(self, version: KnownVersion) -> bool:
        probe = self.seen.probe(version)
        return probe is not None and probe.holds(self.policy.verification, probe.last_at)


class _SilenceRefuses(Situation):
    def refused_for_good(self, probe: Probe) -> bool:
        return probe.outcome is not LoginOutcome.ACCEPTED and super().refused_for_good(
            replace(probe, answer=replace(probe.answer, outcome=LoginOutcome.MISMATCH))
        )


class _OneRefusalIsForGood(Situation):
    def refused_for_good(self, probe: Probe) -> bool:
        return probe.outcome is LoginOutcome.MISMATCH


class _AnyPendingServes(Situation):
    @property
    def fit(self) -> bool:
        return not self.failed


class _NothingEverFails(Situation):
    @property
    def failed(self) -> bool:
        return False


class _NobodyChangesApps(Situation):
    @property
    def drifted(self) -> bool:
        return False


class _NoGrace(Situation):
    def grace_ends(self) -> datetime | None:
        return None


class _AppsTakeNoTurns(Situation):
    @property
    def target(self) -> str:
        return self.seen.current.app if self.seen.current else super().target


class _SlotOfCurrentIsLikeAny(Situation):
    def is_slot_of_current(self, app: str) -> bool:
        return super().is_slot_of_current(app) and len(self.seen.apps) > 2


class _CurrentIsBelieved(Situation):
    def holds(self, version: KnownVersion) -> bool:
        return version == self.seen.current or super().holds(version)


class _CompromisedKeysServe(Situation):
    @property
    def fit(self) -> bool:
        return super().fit or (self.wanted.compromised and self.seen.pending is not None and not self.failed)


class _ConsumerKeysStay(Situation):
    def is_shut_out(self, version: KnownVersion) -> bool:  # noqa: ARG002 - it asks for nothing
        return False


def _discards_without_looking(s: Situation) -> Action | None:
    pending = s.seen.pending
    return discards_what_is_live(s) if pending and s.is_shut_out(pending) else unfit_pending_goes(s)


def _promotes_unseen(s: Situation) -> Action | None:
    pending, current = s.seen.pending, s.seen.current
    if pending is None or current is None or pending.public_fingerprint != current.public_fingerprint:
        return None
    kind = ActionKind.PROMOTE if s.holds(pending) else ActionKind.VERIFY
    return Action(kind, "its key logs in", version=pending.fingerprint, app=pending.app)


def _uploads_untried(s: Situation) -> Action | None:
    action = pending_is_uploaded(s)
    tries_current = action and action.kind is ActionKind.VERIFY and s.seen.current
    if action and tries_current and action.version == tries_current.fingerprint:
        return new_key_is_refused(s, s.seen.pending) or _upload(s) if s.seen.pending else None
    return action


def _uploads_a_key_that_was_not_tried(s: Situation) -> Action | None:
    action = pending_is_uploaded(s)
    is_of_pending = action and s.seen.pending and action.version == s.seen.pending.fingerprint
    return _upload(s) if is_of_pending else action


def _goes_on_with_an_accepted_key(s: Situation) -> Action | None:
    probe = s.seen.probe(s.seen.pending) if s.seen.pending else None
    action = pending_is_uploaded(s)
    is_accepted = action is not None and probe is not None and probe.outcome is LoginOutcome.ACCEPTED
    return _upload(s) if is_accepted else action


def _always_learns(clause: Clause) -> Clause:
    def learning(s: Situation) -> Action | None:
        action = clause(s)
        return replace(action, learns=True) if action and action.kind is ActionKind.VERIFY else action

    return learning


def _uploads_over_strangers(s: Situation) -> Action | None:
    action = pending_is_uploaded(s)
    return _upload(s) if action and action.halt is HaltReason.STANDBY_UNKNOWN else action


def _upload(s: Situation) -> Action | None:
    pending = s.seen.pending
    if pending is None:
        return None
    return Action(ActionKind.UPLOAD, "it is pending", version=pending.fingerprint, app=pending.app)


def discards_what_is_live(s: Situation) -> Action | None:
    """A clause that asks no app."""
    pending = s.seen.pending
    if pending is None or s.fit:
        return None
    return Action(ActionKind.DISCARD, "it is not what is wanted now", version=pending.fingerprint, app=pending.app)


def retires_what_is_live(s: Situation) -> Action | None:
    """A clause that asks for the grace alone."""
    previous = s.seen.previous
    if previous is None or s.grace_ends():
        return None
    return Action(ActionKind.RETIRE, "its grace has ended", version=previous.fingerprint, app=previous.app)


class Variant(NamedTuple):
    """A wrong program."""

    clauses: tuple[Clause, ...]
    breaks: str
    """The rule that it is found by."""


FOR_APPS_THAT_SHOW_THEIRS: Final = [
    clause for clause in CLAUSES if clause not in {hidden_certificate_is_found, all_is_done}
]
"""Clauses without which a rule is broken where every app shows its certificate."""

VARIANTS: Final = {
    "promotes after one login": Variant(judging_as(_OneLoginHolds), "a version is promoted only when its logins hold"),
    "promotes long after a login": Variant(
        judging_as(_OldLoginsHold), "a version is promoted only when its login has just succeeded"
    ),
    "promotes what is not live": Variant(
        (*CLAUSES[:_UPLOAD], _promotes_unseen, *CLAUSES[_UPLOAD:]), "a version is promoted only while it is live"
    ),
    "takes answers that prove nothing for a refusal": Variant(
        judging_as(_SilenceRefuses), "only `invalid assertion`, for long, speaks against a certificate"
    ),
    "gives up at the first refusal": Variant(
        judging_as(_OneRefusalIsForGood), "only `invalid assertion`, for long, speaks against a certificate"
    ),
    "never gives up": Variant(judging_as(_NothingEverFails), "a run without faults ends"),
    "believes that the old key logs in": Variant(judging_as(_CurrentIsBelieved), "the old key was seen to log in"),
    "goes on with any pending version": Variant(judging_as(_AnyPendingServes), "the key stays when it is to be kept"),
    "goes on with a compromised key": Variant(judging_as(_CompromisedKeysServe), "a compromised key is not used again"),
    "overlooks what people did": Variant(
        judging_as(_NobodyChangesApps), "a certificate that nobody knows is overwritten only if asked"
    ),
    "uploads over the standby's unknown certificate": Variant(
        instead_of(pending_is_uploaded, _uploads_over_strangers),
        "a certificate that nobody knows is overwritten only if asked",
    ),
    "uploads without a test login of current": Variant(
        instead_of(pending_is_uploaded, _uploads_untried),
        "current's slot is taken only when its key has just logged in, or is refused for certain",
    ),
    "uploads a key that was not tried": Variant(
        instead_of(pending_is_uploaded, _uploads_a_key_that_was_not_tried),
        "a new key is refused before its certificate is there",
    ),
    "goes on with a key that is accepted before its certificate is there": Variant(
        instead_of(pending_is_uploaded, _goes_on_with_an_accepted_key),
        "a new key is refused before its certificate is there",
    ),
    "takes any refusal for what a wrong key is told": Variant(
        tuple(map(_always_learns, CLAUSES)), "what a wrong key is told is learnt while it is wrong"
    ),
    "knows no grace": Variant(judging_as(_NoGrace), "a previous version is kept for its grace"),
    "makes new keys for the app of current": Variant(
        judging_as(_AppsTakeNoTurns), "alternating: a new key is for the standby app"
    ),
    "treats the app of current like the other": Variant(
        judging_as(_SlotOfCurrentIsLikeAny),
        "the app of current is never disabled|what a wrong key is told is learnt while current's key logs in",
    ),
    "discards what is live": Variant(
        instead_of(unfit_pending_goes, discards_what_is_live),
        "no version leaves the store while its certificate is live",
    ),
    "retires what is live": Variant(
        instead_of(previous_ends, retires_what_is_live), "no version leaves the store while its certificate is live"
    ),
}
"""Each named for what it does wrong."""

FOR_OTHER_CONSUMER_KEYS: Final = {
    "holds on to a version whose consumer key is gone": Variant(
        judging_as(_ConsumerKeysStay), "without faults nobody is called for help"
    ),
    "gives up a version at once whose consumer key is gone": Variant(
        instead_of(unfit_pending_goes, _discards_without_looking),
        "no version leaves the store while its certificate is live",
    ),
}
"""The same where people give apps other consumer keys."""
