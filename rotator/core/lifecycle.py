"""The life of a certificate and of a credential: its state, when it is due, when its grace ends, how urgent it is.

Everything here follows from dates, stages, what the history knows, policy and time, and from nothing else. Commands,
pages, metrics, alerts and the service ask here, and no other module compares a date with a threshold
(tests/unit/test_house.py): so all of them say the same of one thing, also after a crash and while a rotation is halted
(tests/contract/surfaces/test_one_answer.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from rotator.core.observed import drifted
from rotator.core.severity import Severity, most_severe
from rotator.core.thresholds import EXPIRED, Expiry, earlier, has_come, is_expired, is_short_of, later
from rotator.core.windows import SPARE, Beginning, NextDue, may_begin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from rotator.core.observed import ObservedCertificate, ObservedCredential
    from rotator.core.windows import Window


class CertificateState(StrEnum):
    """What a certificate is, in one place. None of these says that logins fail: orgs have taken expired ones."""

    OK = "ok"
    """Nothing has to be done yet."""
    DUE = "due"
    """It is time to replace it: its rotation is due, or the first threshold is crossed of one that nobody rotates."""
    DEFERRED = "deferred"
    """It would be due; but a person brought this version back, and it is left alone for a while."""
    EXPIRED = "expired"
    RESTING = "resting"
    """Nobody has to care: it ended an old key, or is on the app whose turn it is not."""
    DRIFT = "drift"
    """Nobody here knows it, though the credential of the app is in its store."""
    NONE = "none"
    """The app holds no certificate."""
    UNREADABLE = "unreadable"
    """It could not be read, or the store not, that tells which of two apps is in use; dates are those last seen."""
    UNUSABLE = "unusable"
    """It waits for the chain that an authority is to sign: nothing is in use that could expire."""
    VANISHED = "vanished"
    """It was seen before, and the org has it no more."""


class CredentialState(StrEnum):
    """What a credential is. The first that holds, in the order of `CredentialLife.state`."""

    OK = "ok"
    DUE = "due"
    """Less time is left than `rotate_before`."""
    DEFERRED = "deferred"
    """It would be due; but a person brought this version back, and it is left alone for a while."""
    EXPIRED = "expired"
    REFUSED = "refused"
    """Consumers of `current` are refused now: a rotation took its key's place, and no key was proven since."""
    DRIFT = "drift"
    """The app that `current` logs in through holds a certificate that is not ours to expect there, or none."""
    UNFINISHED = "unfinished"
    """A rotation was begun and has not ended: it runs, or was interrupted, or stopped where a person is needed."""
    UNSTORED = "not stored"
    """The store has no current version: adopt or enroll it."""
    UNKNOWN = "unknown"
    """Its store or its org could not be read; dates are those last known."""


def in_words(state: CertificateState | CredentialState, urgency: Severity | None) -> str:
    """The state as people are shown it, with its urgency where that does not go without saying: `due (critical)`."""
    is_known = urgency is None or urgency is Severity.INFO or state.value == CertificateState.EXPIRED
    own = URGENCIES.get(state) if isinstance(state, CredentialState) else None
    return str(state) if is_known or urgency is own or state.value == CertificateState.DRIFT else f"{state} ({urgency})"


class Lifetimes(Protocol):
    """What is decided of how long things last: a decision's policy, a credential's settings."""

    @property
    def rotate_before(self) -> timedelta:
        """How long before its expiry the current version is due."""

    @property
    def grace(self) -> timedelta:
        """How long the previous version is kept after a promotion."""


def expiry_of(
    not_after: datetime,
    thresholds: Sequence[timedelta],
    *,
    fingerprint: str = "",
    policy: Lifetimes | None = None,
    credential: ObservedCredential | None = None,
) -> Expiry:
    """The expiry of a certificate; `policy` is that of the credential whose app holds it, if any.

    A rotation replaces what stands in the credential's store, and nothing else: neither a key that is not there yet,
    nor one that a person put on the app. Where the credential was never seen, it is taken to be in its store.
    """
    if policy is None:
        return Expiry(not_after, thresholds)
    if credential is None:
        return Expiry(not_after, thresholds, policy.rotate_before)
    if credential.current is None or (fingerprint and fingerprint not in credential.stored):
        return Expiry(not_after, thresholds)
    is_current = fingerprint in {"", credential.current.fingerprint}
    return Expiry(
        not_after, thresholds, policy.rotate_before, deferred_until(credential, policy) if is_current else None
    )


def state_by_date(expiry: Expiry, now: datetime) -> CertificateState:
    """EXPIRED, DEFERRED, DUE or OK."""
    if is_expired(expiry.not_after, now):
        return CertificateState.EXPIRED
    if expiry.rotate_before is None:
        return CertificateState.DUE if expiry.crossed(now) else CertificateState.OK
    if not is_short_of(expiry.not_after, now, expiry.rotate_before):
        return CertificateState.OK
    return CertificateState.DUE if has_come(expiry.due_at, now) else CertificateState.DEFERRED


@dataclass(frozen=True, kw_only=True)
class CertificateLife:
    """One certificate in one place, and the questions that are asked of it."""

    seen: ObservedCertificate
    now: datetime
    expiry: Expiry | None = None
    """None where nothing is there that could expire."""

    @property
    def state(self) -> CertificateState:  # noqa: PLR0911 - one line a state
        """The first that holds."""
        seen = self.seen
        if seen.is_vanished:
            return CertificateState.VANISHED
        if not seen.is_readable or seen.is_standby is None:
            return CertificateState.UNREADABLE
        if not seen.is_usable:
            return CertificateState.UNUSABLE
        if seen.drift:
            return CertificateState.DRIFT
        if seen.not_after is None or self.expiry is None:
            return CertificateState.NONE
        if rests(seen):
            return CertificateState.RESTING
        return state_by_date(self.expiry, self.now)

    @property
    def not_after(self) -> datetime:
        """When it expires. Raises ValueError where nothing is there that could."""
        if self.expiry is None:
            raise ValueError(f"{self.seen.app} holds nothing that expires")
        return self.expiry.not_after

    @property
    def is_anybodys_business(self) -> bool:
        """Whether it matters to somebody when it expires: also of what cannot be read now, by what was last seen.

        Of two apps it is not guessed which is in use.
        """
        seen = self.seen
        is_there = seen.is_usable and not seen.is_vanished and seen.is_standby is not None
        return self.expiry is not None and is_there and not rests(seen)

    @property
    def urgency(self) -> Severity | None:
        """How urgent it is that somebody looks."""
        return self.expiry.urgency(self.now) if self.expiry and self.is_anybodys_business else None

    @property
    def due_at(self) -> datetime | None:
        """When a rotation is due to replace it."""
        return self.expiry.due_at if self.expiry and self.is_anybodys_business else None


def rests(seen: ObservedCertificate) -> bool:
    """Whether a certificate may expire: nobody has its key, or nobody logs in through its app."""
    return not seen.drift and (seen.is_throwaway or seen.is_standby is True)


def promoted_at(made_at: datetime, last_promotion: datetime | None) -> datetime:
    """When the current version became current: the history tells, unless the version is younger than what it knows."""
    return max(made_at, last_promotion) if last_promotion else made_at


def grace_end(seen: ObservedCredential, policy: Lifetimes, *, is_urgent: bool = False) -> datetime | None:
    """When the grace of the previous version ends or ended; None where it has none.

    `is_urgent`: the rotation under way is to end it at once.
    """
    if seen.previous is None or seen.promoted_at is None or is_urgent:
        return None
    return later(seen.promoted_at, policy.grace)


def grace_left(
    seen: ObservedCredential, policy: Lifetimes, now: datetime, *, is_urgent: bool = False
) -> datetime | None:
    """The same while it is to come; None when it is over."""
    end = grace_end(seen, policy, is_urgent=is_urgent)
    return None if has_come(end, now) else end


def gives_way_at(
    seen: ObservedCredential, policy: Lifetimes, now: datetime, *, is_urgent: bool = False
) -> datetime | None:
    """When a previous version that consumers may still log in with gives way to the next one; None when it does now.

    It is not waited for where the current version would expire meanwhile.
    """
    previous, current = seen.previous, seen.current
    end = grace_left(seen, policy, now, is_urgent=is_urgent)
    if previous is None or end is None or (current and is_expired(current.not_after, end)):
        return None
    return end if any(not seen.is_slot_of_current(app) for app in seen.live_on(previous)) else None


def deferred_until(seen: ObservedCredential, policy: Lifetimes) -> datetime | None:
    """Until when the schedule leaves a version alone that a person brought back: one that took a newer one's place.

    That is for the grace; less where the certificate would expire meanwhile, unless that was as near when the person
    wanted it back. None for any other version.
    """
    current, previous, promoted_at = seen.current, seen.previous, seen.promoted_at
    if current is None or previous is None or promoted_at is None or previous.not_after <= current.not_after:
        return None
    ends, last = later(promoted_at, policy.grace), current.not_after - SPARE
    return min(ends, last) if last > promoted_at else ends


def due_at(seen: ObservedCredential, policy: Lifetimes) -> datetime | None:
    """From when on the schedule replaces the current version; None where there is none."""
    if seen.current is None:
        return None
    by_date, deferred = earlier(seen.current.not_after, policy.rotate_before), deferred_until(seen, policy)
    return max(by_date, deferred) if deferred else by_date


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
    last_promotion: datetime | None = None
    """When the history says that a version of it was last promoted."""
    refused_since: datetime | None = None
    """Since when consumers of `current` are refused; None where they are not."""
    needs_attention: bool = False
    """Its rotations by schedule cannot succeed before a person does something."""
    unstored_not_after: datetime | None = None
    """When the certificate of its app expires, while nothing is current in its store."""
    windows: Sequence[Window] = ()
    """When a rotation may begin by schedule."""
    lasts: timedelta = EXPIRED
    """How long a rotation may take."""

    @property
    def state(self) -> CredentialState:
        """The first that holds."""
        seen = self.seen
        if self.refused_since:
            return CredentialState.REFUSED
        if seen is None or not self.is_in_sight:
            return CredentialState.UNKNOWN
        if drifted(seen):
            return CredentialState.DRIFT
        if self.rotation or seen.pending:
            return CredentialState.UNFINISHED
        if seen.current is None or self.expiry is None:
            return CredentialState.UNSTORED
        return CredentialState(state_by_date(self.expiry, self.now).value)

    @property
    def is_in_sight(self) -> bool:
        """Whether its store and all of its apps could be read."""
        return self.seen is not None and self.is_known and _is_in_sight(self.seen)

    @property
    def is_lost(self) -> bool:
        """Whether it was in its store, and is there no more."""
        return self.state is CredentialState.UNSTORED and self.last_promotion is not None

    @property
    def urgency(self) -> Severity | None:
        """How urgent it is that somebody looks; None when all is well, or goes its way by itself."""
        by_state = URGENCIES.get(self.state)
        if self.is_lost:
            by_state = LOST
        by_date = self.expiry.urgency(self.now) if self.expiry else None
        return most_severe(by_state, by_date, Severity.WARNING if self.needs_attention else None)

    @property
    def expiry(self) -> Expiry | None:
        """Of the current version's certificate; while there is none, of the one that its app holds."""
        current = self.seen.current if self.seen else None
        if current is None:
            not_after = self.unstored_not_after
            return Expiry(not_after, self.thresholds) if not_after else None
        mine = current.fingerprint
        return expiry_of(current.not_after, self.thresholds, fingerprint=mine, policy=self.policy, credential=self.seen)

    @property
    def not_after(self) -> datetime | None:
        """When that expires."""
        return self.expiry.not_after if self.expiry else None

    @property
    def due_at(self) -> datetime | None:
        """From when on the current version is to be replaced."""
        return due_at(self.seen, self.policy) if self.seen else None

    @property
    def begins(self) -> Beginning | None:
        """When the next rotation begins by schedule; None where that depends on a person, or one is under way."""
        due = self.due_at
        if self.seen is None or self.not_after is None or due is None or self.state in _BEGINS_NOT:
            return None
        at = max(due, self.now)
        room_at = gives_way_at(self.seen, self.policy, at, is_urgent=self._is_urgent)
        return may_begin(self.windows, room_at or at, expires_at=self.not_after, lasts=self.lasts)

    @property
    def previous_until(self) -> datetime | None:
        """When the previous version's grace ends or ended; None where none is kept."""
        return grace_end(self.seen, self.policy, is_urgent=self._is_urgent) if self.seen else None

    @property
    def next_due(self) -> NextDue:
        """What there will be to do by schedule; nothing where it could not be seen, or is not in its store."""
        seen = self.seen
        if seen is None or seen.current is None or not self.is_in_sight:
            return NextDue()
        return NextDue(
            is_half_done=seen.pending is not None or self.rotation is not None,
            expires_at=self.not_after,
            due_at=self.due_at,
            retires_at=self.previous_until,
        )

    @property
    def _is_urgent(self) -> bool:
        return self.rotation is not None and self.rotation.is_urgent


def _is_in_sight(seen: ObservedCredential) -> bool:
    """Whether every app was read, and that of `current` is among them."""
    is_configured = seen.current is None or seen.current.app in seen.apps
    return is_configured and all(app.readable for app in seen.apps.values())


URGENCIES: Final = {
    CredentialState.REFUSED: Severity.CRITICAL,
    CredentialState.DRIFT: Severity.CRITICAL,
    CredentialState.UNFINISHED: Severity.WARNING,
    CredentialState.UNKNOWN: Severity.WARNING,
    CredentialState.UNSTORED: Severity.INFO,
}
"""How urgent a state is by itself, whatever the dates."""
LOST: Final = Severity.CRITICAL
"""How urgent it is that a credential is gone from its store."""

_BEGINS_NOT: Final = {
    CredentialState.REFUSED,
    CredentialState.DRIFT,
    CredentialState.UNFINISHED,
    CredentialState.UNSTORED,
}
