"""The dates of a credential: when a rotation of it is due, and how long its previous version is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rotator.core.schedule import SPARE
from rotator.core.thresholds import NEVER, earlier, has_come, is_expired, later
from rotator.core.usage.retirement import Retire

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from rotator.core.observed import KnownVersion, ObservedCredential


class Lifetimes(Protocol):
    """What is decided of how long things last: a decision's policy, a credential's settings."""

    @property
    def rotate_before(self) -> timedelta:
        """How long before its expiry the current version is due."""

    @property
    def grace(self) -> timedelta:
        """How long the previous version is kept after a promotion."""

    @property
    def retire(self) -> Retire:
        """Whether it is retired sooner, once its consumers have said that they have moved."""

    @property
    def require_confirmation(self) -> bool:
        """Whether it is kept until they have, however long that takes."""


def promoted_at(made_at: datetime, last_promotion: datetime | None) -> datetime:
    """When the current version became current: the history tells, unless the version is younger than what it knows."""
    return max(made_at, last_promotion) if last_promotion else made_at


def grace_end(seen: ObservedCredential, policy: Lifetimes, *, is_urgent: bool = False) -> datetime | None:
    """When the grace of the previous version ends or ended; None where it has none, NEVER while nobody can say.

    `is_urgent`: the rotation under way is to end it at once. What consumers say may end it sooner, as long as nobody
    was seen who still uses the old key; it is kept for longer only where the configuration requires that they say so.
    """
    if seen.previous is None or seen.promoted_at is None or is_urgent:
        return None
    end, confirmed = later(seen.promoted_at, policy.grace), seen.confirmation.at
    if policy.require_confirmation:
        end = max(end, confirmed) if confirmed else NEVER
    if confirmed and policy.retire is Retire.WHEN_CONFIRMED and not seen.confirmation.is_old_key_used:
        end = min(end, confirmed)
    return end


def told_end(end: datetime | None) -> datetime | None:
    """The end of a grace as it is told; None of one that depends on what consumers say."""
    return None if end == NEVER else end


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

    It is not waited for where the current version would expire meanwhile, nor beyond the usual grace: a consumer that
    does not say that it has moved holds up no rotation.
    """
    previous, current = seen.previous, seen.current
    end = grace_left(seen, policy, now, is_urgent=is_urgent)
    if end is not None and seen.promoted_at is not None:
        usual = later(seen.promoted_at, policy.grace)
        end = None if has_come(usual, now) else min(end, usual)
    if previous is None or end is None or (current and is_expired(current.not_after, end)):
        return None
    return end if _is_taken_beside_current(seen, previous) else None


def _is_taken_beside_current(seen: ObservedCredential, version: KnownVersion) -> bool:
    """Whether consumers may log in with the version while others do with `current`."""
    held_on, taken = seen.live_on(version), version.fingerprint
    return any(not seen.is_slot_of_current(app) or seen.apps[app].rotated == taken for app in held_on)


def deferred_until(seen: ObservedCredential, policy: Lifetimes) -> datetime | None:
    """Until when the schedule leaves a version alone that a person brought back: one that took a newer one's place.

    That is for the grace; less where the certificate would expire meanwhile, unless that was as near when the person
    wanted it back. None for any other version.
    """
    current, previous, promoted_at = seen.current, seen.previous, seen.promoted_at
    if current is None or previous is None or promoted_at is None or previous.not_after <= current.not_after:
        return None
    ends, last = later(promoted_at, policy.grace), earlier(current.not_after, SPARE)
    return min(ends, last) if last > promoted_at else ends


def due_at(seen: ObservedCredential, policy: Lifetimes) -> datetime | None:
    """From when on the schedule replaces the current version; None where there is none."""
    if seen.current is None:
        return None
    by_date, deferred = earlier(seen.current.not_after, policy.rotate_before), deferred_until(seen, policy)
    return max(by_date, deferred) if deferred else by_date
