"""One credential: its state, when it is rotated next, and how urgent it is that somebody looks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from rotator.core.lifecycle.certificate_life import expiry_of, state_by_date
from rotator.core.lifecycle.dates import due_at, gives_way_at, grace_end, told_end
from rotator.core.lifecycle.drift import changed_by_hand, drifted, undone
from rotator.core.lifecycle.states import HALF_REVOKED, LOST, URGENCIES, CredentialState
from rotator.core.schedule import ALWAYS, Beginning, Danger, Mode, NextDue, Schedule
from rotator.core.severity import Severity, most_severe
from rotator.core.thresholds import NEVER, Expiry, has_come, soonest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from rotator.core.attempts import AttemptRecord
    from rotator.core.lifecycle.dates import Lifetimes
    from rotator.core.lifecycle.revocation import Revocation
    from rotator.core.lifecycle.states import Halt
    from rotator.core.observed import ObservedCredential
    from rotator.errors import Holder


@dataclass(frozen=True)
class OpenRotation:
    """A rotation that the history knows no end of."""

    is_urgent: bool = False
    """It gives the previous version no grace: its key is in wrong hands, or a person wanted it gone."""


@dataclass(frozen=True, kw_only=True)
class CredentialLife:
    """All that the state of one credential follows from, and the questions that are asked of it."""

    seen: ObservedCredential | None
    """How it was last seen; None if it never was."""
    policy: Lifetimes
    thresholds: Sequence[timedelta]
    now: datetime
    is_known: bool = True
    """False: its store or its org cannot be read now, and `seen` is how it was before."""
    rotation: OpenRotation | None = None
    stored_at: datetime | None = None
    """When a version was last known to be current in its store, by the history; None where it knows of none."""
    refused_since: datetime | None = None
    """Since when consumers of `current` are refused; None where they are not."""
    revoked: Revocation | None = None
    """That a person has ended its access; None where logins with it are to succeed."""
    running: Holder | None = None
    """The process that is rotating it now, by the lock that it holds."""
    halt: Halt | None = None
    """Why a rotation of it stopped, where a person is needed before the next one can end better."""
    needs_attention: bool = False
    """Its rotations by schedule cannot succeed before a person does something."""
    unstored_not_after: datetime | None = None
    """When the certificate of its app expires, while nothing is current in its store."""
    attempt: AttemptRecord | None = None
    """How its rotations by schedule went so far."""
    schedule: Schedule = ALWAYS
    """When a rotation may begin by itself."""

    @cached_property
    def state(self) -> CredentialState:  # noqa: PLR0911 - one line a state
        """The first that holds."""
        seen = self.seen
        if self.revoked:
            return self._state_while_revoked(self.revoked)
        if self.refused_since:
            return CredentialState.REFUSED
        if self.running:
            return CredentialState.RUNNING
        if seen is not None and self.is_in_sight and changed_by_hand(seen):
            return CredentialState.DRIFT
        if self.is_lost:
            return CredentialState.UNSTORED
        if self.halt:
            return CredentialState.HALTED
        if seen is None or not self.is_in_sight:
            return CredentialState.UNKNOWN
        if self.is_half_done:
            return CredentialState.UNFINISHED
        if seen.current is None or self.expiry is None:
            return CredentialState.UNSTORED
        return CredentialState(state_by_date(self.expiry, self.now, seen.current.not_before).value)

    def _state_while_revoked(self, revoked: Revocation) -> CredentialState:
        """Who brings it back, or has put another certificate on its app or let its user in, is seen all the same."""
        if self.running:
            return CredentialState.RUNNING
        is_undone = self.rotation is None and (self.is_revoked_app_changed or revoked.logs_in_again)
        return CredentialState.DRIFT if is_undone else CredentialState.REVOKED

    @property
    def is_revoked_app_changed(self) -> bool:
        """Whether it was revoked, and an app of it holds another certificate since than the one that ended its key."""
        seen, revoked = self.seen, self.revoked
        return revoked is not None and seen is not None and self.is_in_sight and undone(seen, revoked)

    @property
    def is_in_sight(self) -> bool:
        """Whether its store and all of its apps could be read."""
        return self.seen is not None and self.is_known and _is_in_sight(self.seen)

    @property
    def is_half_done(self) -> bool:
        """Whether a rotation of it was begun and has not ended, or has left a version behind that is not current."""
        return self.rotation is not None or (self.seen is not None and self.seen.pending is not None)

    @property
    def is_half_revoked(self) -> bool:
        """Whether a revocation of it was interrupted, so that what it was to end may go on."""
        return self.revoked is not None and bool(self.revoked.left) and not self.running

    @property
    def is_coming_back(self) -> bool:
        """Whether a rotation that is to bring a revoked one back was begun and has stopped; a revocation ends any."""
        return self.revoked is not None and self.rotation is not None and not self.running

    @property
    def is_left_alone(self) -> bool:
        """Whether nothing is to be checked of it: a rotation is at work, or it was revoked, and that has ended."""
        is_at_rest = self.state is CredentialState.REVOKED and not self.is_half_revoked
        return self.state is CredentialState.RUNNING or is_at_rest

    @property
    def is_lost(self) -> bool:
        """Whether it was in its store, and is there no more; the first version after a loss may be on its way."""
        seen = self.seen
        is_gone = self.is_in_sight and seen is not None and seen.current is None and seen.pending is None
        return is_gone and self.stored_at is not None

    @cached_property
    def urgency(self) -> Severity | None:
        """How urgent it is that somebody looks; None when all is well, or goes its way by itself."""
        by_state = URGENCIES.get(self.state)
        if self.revoked:
            return HALF_REVOKED if self.is_half_revoked else by_state
        if self.is_lost:
            by_state = LOST
        by_date = self.expiry.urgency(self.now) if self.expiry else None
        return most_severe(by_state, by_date, Severity.WARNING if self.needs_attention else None)

    @cached_property
    def expiry(self) -> Expiry | None:
        """Of the current version's certificate; while there is none, of the one that its app holds."""
        current = self.seen.current if self.seen else None
        if current is None:
            not_after = self.unstored_not_after
            return Expiry(not_after, self.thresholds) if not_after else None
        return expiry_of(
            current.not_after,
            self.thresholds,
            fingerprint=current.fingerprint,
            policy=self.policy,
            credential=self.seen,
            is_by_hand=self.schedule.mode is Mode.MANUAL,
        )

    @property
    def not_after(self) -> datetime | None:
        """When that expires."""
        return self.expiry.not_after if self.expiry else None

    @property
    def due_at(self) -> datetime | None:
        """From when on the current version is to be replaced; None where it was revoked, too."""
        return due_at(self.seen, self.policy) if self.seen and not self.revoked else None

    @cached_property
    def begins(self) -> Beginning | None:
        """When the next rotation begins by schedule; None where that depends on a person, or one is under way."""
        due = self.due_at
        if self.seen is None or self.not_after is None or due is None or self._begins_not(self.seen):
            return None
        if self.needs_attention:
            return None
        at = max(due, self.attempt.free_from(self.now) if self.attempt else self.now)
        room_at = gives_way_at(self.seen, self.policy, at, is_urgent=self._is_urgent)
        return self.schedule.beginning(room_at or at, expires_at=self.not_after)

    def _begins_not(self, seen: ObservedCredential) -> bool:
        """Whether its state stands against it; another consumer key does not, as the new version gets that."""
        return self.state in _BEGINS_NOT and (self.state is not CredentialState.DRIFT or drifted(seen))

    @property
    def goes_on_at(self) -> datetime | None:
        """When the service tries again what it could not end; None where it did not try, or a run is at work."""
        has_failed = self.attempt is not None and self.attempt.failures > 0
        if not self.is_half_done or not has_failed or self.running:
            return None
        return NextDue(is_half_done=True).tried_at(self.schedule, self.now, self.attempt)

    @property
    def danger(self) -> Danger | None:
        """What pauses and freezes would let expire; None where they do not."""
        begins, due = self.begins, self.due_at
        if begins is None or due is None or self.not_after is None:
            return None
        return self.schedule.danger(begins, due, expires_at=self.not_after)

    @property
    def previous_until(self) -> datetime | None:
        """When the previous version's grace ends or ended; None where none is kept, or that depends on consumers.

        None of what was revoked, too: whatever is stored of it is of no use to anybody.
        """
        return told_end(self._grace_end)

    @property
    def waits_for_consumers(self) -> bool:
        """Whether a previous version is kept until consumers have said that they have moved, however long it takes."""
        return self._grace_end == NEVER

    @property
    def _grace_end(self) -> datetime | None:
        is_kept = self.seen is not None and not (self.revoked and self.revoked.ends_logins)
        return grace_end(self.seen, self.policy, is_urgent=self._is_urgent) if self.seen and is_kept else None

    @property
    def next_due(self) -> NextDue:
        """What there will be to do by schedule; nothing where it could not be seen, or is not in its store."""
        seen = self.seen
        if self.revoked:
            # Its date is nobody's business; who has begun to bring it back is to get there.
            return NextDue(is_half_done=self.rotation is not None)
        if seen is None or seen.current is None or not self.is_in_sight:
            return NextDue()
        return NextDue(
            is_half_done=self.is_half_done,
            expires_at=self.not_after,
            due_at=self.due_at,
            retires_at=self.previous_until,
        )

    @property
    def steady_until(self) -> datetime:
        """Until when every answer stays as it is `now`, as long as nothing is seen or done; `now` where none may.

        Of what is due, or half done, the answer moves with the time: it would begin now.
        """
        if self.is_half_done or has_come(self.due_at, self.now):
            return self.now
        attempt, standstills = self.attempt, self.schedule.standstills
        times = [self.due_at, *(each.since for each in standstills), *(each.until for each in standstills)]
        if self.seen is not None and self.seen.current is not None:
            times.append(self.seen.current.not_before)
        if attempt is not None:
            times += [attempt.last_at, attempt.next_at]
        return min(soonest(times, self.now), self.expiry.next_change(self.now) if self.expiry else NEVER)

    @property
    def _is_urgent(self) -> bool:
        return self.rotation is not None and self.rotation.is_urgent


def _is_in_sight(seen: ObservedCredential) -> bool:
    """Whether every app was read, and that of `current` is among them."""
    is_configured = seen.current is None or seen.current.app in seen.apps
    return is_configured and all(app.readable for app in seen.apps.values())


_BEGINS_NOT: Final = {
    CredentialState.REVOKED,
    CredentialState.REFUSED,
    CredentialState.RUNNING,
    CredentialState.HALTED,
    CredentialState.DRIFT,
    CredentialState.UNFINISHED,
    CredentialState.UNSTORED,
}
