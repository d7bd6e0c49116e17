"""The situation of one decision, and the questions that the clauses ask of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.core.decision.actions import Action, ActionKind
from rotator.core.decision.hidden_apps import given_to
from rotator.core.decision.policies import RATE_TIMEOUT, Goal, Strategy
from rotator.core.lifecycle.dates import gives_way_at, grace_left
from rotator.core.lifecycle.drift import drifted
from rotator.core.logins import LoginOutcome
from rotator.core.thresholds import is_short_of

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.decision.observations import Observation, Probe
    from rotator.core.decision.policies import Policy, Wanted
    from rotator.core.observed import KnownVersion


@dataclass(frozen=True)
class Situation:
    """What was observed, what is wanted, the policy and the time."""

    seen: Observation
    wanted: Wanted
    policy: Policy
    now: datetime

    @property
    def name(self) -> str:
        """What the credential is called in commands."""
        return self.seen.credential

    @property
    def adopt(self) -> str:
        """The command that takes into its store what people have put in use."""
        return f"rotator adopt {self.name}{'' if self.seen.strategy is Strategy.STAGED else ' --key FILE'}"

    @property
    def met(self) -> bool:
        """Whether `current` is what is wanted."""
        current = self.seen.current
        match self.wanted.goal:
            case Goal.REPLACE | Goal.BRING:
                return self.wanted.is_met_by(current.fingerprint if current else None)
            case Goal.RESTORE:
                return current is not None and self.seen.is_live(current) and self.holds(current)
            case Goal.FINISH:
                return True

    @property
    def target(self) -> str:
        """The app that the next version is for."""
        names, current = list(self.seen.apps), self.seen.current
        if current is None or current.app not in names:
            return names[0]
        if self.seen.strategy is Strategy.IN_PLACE or self.wanted.options.keep_key:
            return current.app
        return next(name for name in names if name != current.app)

    @property
    def drifted(self) -> bool:
        """Whether the app that `current` logs in through holds a certificate that is not ours to expect there."""
        return drifted(self.seen)

    @property
    def failed(self) -> bool:
        """Whether this run has found that the pending version's key does not log in.

        That it is refused before its certificate is live is as it must be. Where an app does not show what it holds,
        takes no stored key, and was sent the pending version's certificate last, it is that one that does not log in.
        """
        pending = self.seen.pending
        if pending is None:
            return False
        if pending.fingerprint in self.seen.given_up:
            return True
        if self.pending_is_outdated:
            return False
        app = self.seen.apps[pending.app]
        if app.refuses_stored:
            return app.ours and self.is_slot_of_current(app.name) and pending in self.given_to(app.name)
        probe = self.seen.probe(pending)
        return probe is not None and self.seen.is_live(pending) and self.refused_for_good(probe)

    @property
    def fit(self) -> bool:
        """Whether the pending version is one that serves what is wanted."""
        pending, current, wanted = self.seen.pending, self.seen.current, self.wanted
        if pending is None or self.failed or self.pending_is_outdated:
            return False
        same_key = current is not None and pending.public_fingerprint == current.public_fingerprint
        match wanted.goal:
            case Goal.REPLACE:
                recalled = pending == self.seen.previous
                lasting = not is_short_of(pending.not_after, self.now, self.policy.rotate_before)
                right_key = same_key == (wanted.options.keep_key and current is not None)
                return not recalled and lasting and right_key and (same_key or self.leaves_current_alone(pending))
            case Goal.BRING:
                return pending.fingerprint == wanted.version
            case Goal.RESTORE:
                return False
            case Goal.FINISH:
                return same_key or pending == self.seen.previous or self.leaves_current_alone(pending)

    @property
    def pending_is_outdated(self) -> bool:
        """Whether the pending version lets nobody in whatever is done, and another can be made instead."""
        pending = self.seen.pending
        return pending is not None and self.wanted.goal is not Goal.BRING and self.is_shut_out(pending)

    def is_past(self, current: KnownVersion) -> bool:
        """Whether nobody logs in with current whatever its app holds, and the next version is the way out."""
        return self.is_shut_out(current) and not self.met

    def is_shut_out(self, version: KnownVersion) -> bool:
        """Whether nobody logs in with the version whatever its app holds, as that has another consumer key by now.

        An org may take the old one for a while still. So where the certificate is on the app a row of refusals says it,
        and where it is not yet, another version is the better one to send; but not in the place of one that was made
        just now, as servers may disagree for a while on which consumer key it is.
        """
        if not self.seen.has_old_client_id(version):
            return False
        if not self.seen.may_be_live(version):
            return version.fingerprint not in self.seen.unsent
        probe = self.seen.probe(version)
        if probe is None or probe.outcome is not LoginOutcome.MISMATCH:
            return False
        return probe.refused_in_a_row(self.policy.verification)

    def leaves_current_alone(self, version: KnownVersion) -> bool:
        """Whether consumers of `current` keep their app when the version gets its own; with one app there is no other.

        A certificate that is live in the place of current's already takes nothing away any more.
        """
        current = self.seen.current
        alone = self.seen.strategy is Strategy.IN_PLACE or not self.is_slot_of_current(version.app)
        if alone or self.seen.is_live(version) or current is None:
            return True
        return self.seen.apps[version.app].is_unknown and self.tells(version)

    def tells(self, version: KnownVersion) -> bool:
        """Whether a login has just told that its app, which does not show what it holds, may hold the version's.

        Of a pair, what is accepted in the place of current's is believed only while current's key is refused again and
        again: servers that have not heard yet of what a person did accept the one and refuse the other.
        """
        if not self.just_accepts(version):
            return False
        current = self.seen.current
        if current is None or self.seen.strategy is Strategy.IN_PLACE or not self.is_slot_of_current(version.app):
            return True
        probe = self.seen.probe(current)
        is_refused = probe is not None and probe.refused_in_a_row(self.policy.verification)
        return is_refused or version.public_fingerprint == current.public_fingerprint

    def is_slot_of_current(self, app: str) -> bool:
        """Whether `current` logs in through the app, so that an upload to it ends current's key."""
        return self.seen.is_slot_of_current(app)

    def has_taken_slot_of_current(self, version: KnownVersion) -> bool:
        """Whether the app of `current` holds the version's certificate, or lost current's when it was to hold it."""
        current = self.seen.current
        if current is None or self.seen.is_live(current):
            return False
        live = self.seen.live(current.app)
        return live == version.fingerprint or (live is None and version.app == current.app)

    def given_to(self, app: str) -> list[KnownVersion]:
        """The stored versions whose certificates an app that does not show its own may hold."""
        return given_to(app, self.seen, self.seen.unsent)

    def just_accepts(self, version: KnownVersion) -> bool:
        """Whether a login with the version's key has just succeeded."""
        probe = self.seen.probe(version)
        return probe is not None and probe.just_accepted(self.now)

    def holds(self, version: KnownVersion) -> bool:
        """Whether test logins with the version's key hold."""
        probe = self.seen.probe(version)
        return probe is not None and probe.holds(self.policy.verification, self.now)

    def refused_for_good(self, probe: Probe) -> bool:
        """Whether the org has said for too long that a key does not match."""
        return probe.refused_for_good(self.policy.verification)

    def unproven_for_too_long(self, probe: Probe) -> bool:
        """Whether answers that prove nothing have come for too long."""
        if probe.outcome.conclusive:
            return False
        limit = RATE_TIMEOUT if probe.outcome is LoginOutcome.RATE else self.policy.verification.timeout
        return probe.last_at - probe.since >= limit

    def grace_ends(self) -> datetime | None:
        """When the previous version has served its time; None when it has, or there is none."""
        return grace_left(self.seen, self.policy, self.now, is_urgent=self.wanted.urgent)

    def why_it_ends(self, version: KnownVersion) -> str:
        """Why a version that was replaced is kept no longer."""
        if self.wanted.compromised and version.fingerprint == self.wanted.version:
            return "it is in wrong hands"
        return "no grace is left to it" if self.wanted.urgent else "its grace has ended"

    def previous_gives_way_at(self) -> datetime | None:
        """When a previous version that consumers may still use makes room; None when it may now."""
        return gives_way_at(self.seen, self.policy, self.now, is_urgent=self.wanted.urgent)

    def try_login(self, version: KnownVersion, why: str) -> Action:
        """One more test login, as soon as it is due."""
        probe = self.seen.probe(version)
        due = probe.next_at(self.policy.verification) if probe else self.now
        if due > self.now:
            return Action(ActionKind.WAIT, why, version=version.fingerprint, app=version.app, until=due)
        return Action(ActionKind.VERIFY, why, version=version.fingerprint, app=version.app)
