"""One certificate in one place: its state, who replaces it when, and how urgent that is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from rotator.core.lifecycle.dates import deferred_until
from rotator.core.lifecycle.states import CertificateState
from rotator.core.observed import Kind
from rotator.core.thresholds import NEVER, Expiry, has_come, is_ahead, is_expired, is_short_of, soonest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rotator.core.lifecycle.dates import Lifetimes
    from rotator.core.observed import ObservedCertificate, ObservedCredential
    from rotator.core.severity import Severity

HIDDEN_FOR: Final = timedelta(days=7)
"""An org that shows none of its apps hides them, more likely than not: not until then do they count as gone."""

SHOWN_AFTER_GONE: Final = timedelta(days=30)
"""How long what has vanished is still in the inventory, unless the configuration names it."""


def expiry_of(
    not_after: datetime,
    thresholds: Sequence[timedelta],
    *,
    fingerprint: str = "",
    policy: Lifetimes | None = None,
    credential: ObservedCredential | None = None,
    is_by_hand: bool = False,
) -> Expiry:
    """The expiry of a certificate; `policy` is that of the credential whose app holds it, if any.

    `is_by_hand`: people begin its rotations.

    A rotation replaces what stands in the credential's store, and nothing else: neither a key that is not there yet,
    nor one that a person put on the app. Where the credential was never seen, it is taken to be in its store.
    """
    if policy is None:
        return Expiry(not_after, thresholds)
    if credential is None:
        return Expiry(not_after, thresholds, policy.rotate_before, is_by_hand=is_by_hand)
    if credential.current is None or (fingerprint and fingerprint not in credential.stored):
        return Expiry(not_after, thresholds)
    is_current = fingerprint in {"", credential.current.fingerprint}
    deferred = deferred_until(credential, policy) if is_current else None
    return Expiry(not_after, thresholds, policy.rotate_before, deferred, is_by_hand)


def state_by_date(expiry: Expiry, now: datetime, not_before: datetime | None = None) -> CertificateState:
    """EXPIRED, DEFERRED, DUE, NOT_YET_VALID or OK."""
    state = _by_its_end(expiry, now)
    return CertificateState.NOT_YET_VALID if state is CertificateState.OK and is_ahead(not_before, now) else state


def _by_its_end(expiry: Expiry, now: datetime) -> CertificateState:
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
    is_revoked: bool = False
    """The credential of its app was revoked: nobody is to log in by it."""

    @cached_property
    def state(self) -> CertificateState:  # noqa: PLR0911 - one line a state
        """The first that holds."""
        seen = self.seen
        if seen.is_vanished:
            return CertificateState.VANISHED
        if not seen.is_readable or seen.is_standby is None:
            return CertificateState.UNREADABLE
        if seen.is_hidden:
            return CertificateState.HIDDEN
        if not seen.is_usable or seen.fits_no_login:
            return CertificateState.UNUSABLE
        if seen.drift:
            return CertificateState.DRIFT
        if seen.is_unproven:
            return CertificateState.UNPROVEN
        if seen.not_after is None or self.expiry is None:
            return CertificateState.NONE
        if self.rests:
            return CertificateState.RESTING
        return state_by_date(self.expiry, self.now, seen.not_before)

    @property
    def rests(self) -> bool:
        """Whether it may expire: nobody has its key, nobody logs in through its app, or nobody may."""
        return rests(self.seen) or (self.is_revoked and not (self.seen.drift or self.seen.is_unproven))

    @property
    def valid_from(self) -> datetime | None:
        """When its first day is, while that is still to come."""
        not_before = self.seen.not_before
        return not_before if is_ahead(not_before, self.now) else None

    @cached_property
    def not_after(self) -> datetime:
        """When it expires. Raises ValueError where nothing is there that could."""
        if self.expiry is None:
            raise ValueError(f"{self.seen.app} holds nothing that expires")
        return self.expiry.not_after

    @property
    def is_in_use(self) -> bool:
        """Whether something may use it: not what has vanished, nor what waits for the chain of its authority."""
        return not self.seen.is_vanished and (self.seen.is_usable or self.state is CertificateState.UNREADABLE)

    @property
    def is_anybodys_business(self) -> bool:
        """Whether it matters to somebody when it expires: also of what cannot be read now, by what was last seen.

        Of two apps it is not guessed which is in use.
        """
        seen = self.seen
        is_there = seen.is_usable and not seen.is_vanished and seen.is_standby is not None
        return self.expiry is not None and is_there and not (seen.is_unproven or self.rests)

    @cached_property
    def urgency(self) -> Severity | None:
        """How urgent it is that somebody looks."""
        return self.expiry.urgency(self.now) if self.expiry and self.is_anybodys_business else None

    @property
    def due_at(self) -> datetime | None:
        """When a rotation is due to replace it."""
        return self.expiry.due_at if self.expiry and self.is_anybodys_business else None

    @property
    def steady_until(self) -> datetime:
        """Until when every answer stays as it is `now`, as long as nothing else is seen."""
        until = self.expiry.next_change(self.now) if self.expiry else NEVER
        return soonest([until, self.seen.not_before], self.now)


def rests(seen: ObservedCertificate) -> bool:
    """Whether a certificate may expire: nobody has its key, or nobody logs in through its app."""
    return not seen.drift and not seen.is_unproven and (seen.is_throwaway or seen.is_standby is True)


def was_there_lately(last: ObservedCertificate, now: datetime) -> bool:
    """Whether it was there so lately that it is hidden, and not gone, where nothing of its kind is shown."""
    return not last.is_vanished and last.last_seen is not None and now - last.last_seen < HIDDEN_FOR


def is_still_shown(last: ObservedCertificate, now: datetime) -> bool:
    """Whether what is in a place no more belongs into the inventory still."""
    return last.gone_at is None or now - last.gone_at < SHOWN_AFTER_GONE


def is_undated(seen: ObservedCertificate, last: ObservedCertificate) -> bool:
    """Whether another certificate is there than before, though the org says that nothing was changed since.

    So it stays until the org tells another date.
    """
    if seen.last_modified_at is None or seen.last_modified_at != last.last_modified_at:
        return False
    if seen.type == Kind.EXTERNAL_APP and not (seen.fingerprint and last.fingerprint):
        # What is not shown may be there all the same.
        return False
    return last.is_undated or _held(seen) != _held(last)


def _held(seen: ObservedCertificate) -> tuple[str, datetime | None]:
    """What nothing uses yet is kept without a date."""
    return seen.fingerprint, seen.not_after if seen.is_usable else None


def as_last_seen(seen: ObservedCertificate, last_look: datetime | None) -> ObservedCertificate:
    """What was last seen in a place: unreadable since the last good inventory of its org, where that did not see it."""
    is_older = seen.last_seen is not None and last_look is not None and seen.last_seen < last_look
    return replace(seen, is_readable=False) if is_older else seen
