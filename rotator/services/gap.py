"""The time in which a consumer that knows only `current` may have been refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from rotator.core.actions import Action, ActionKind

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.observations import KnownVersion, Observation


@dataclass
class Gap:
    """From the moment a certificate over another key is sent to the app of `current`, until a key holds again."""

    begun_at: datetime | None = None
    ended_at: datetime | None = None

    def before(self, action: Action, seen: Observation, now: datetime) -> None:
        """Opens the gap when the action takes current's slot for another key."""
        current = seen.current
        if current is None or self.begun_at or action.app != current.app or not seen.is_live(current):
            return
        if action.kind is ActionKind.UPLOAD and not _same_key(action, seen, current):
            self.begun_at = now

    def forget(self) -> None:
        """What opened it had no effect."""
        self.begun_at = None

    def close(self, now: datetime) -> None:
        """A key holds: the new one that was promoted, or the old one that is back."""
        if self.begun_at:
            self.ended_at = now

    @property
    def length(self) -> timedelta:
        """Nothing when no consumer can have been refused."""
        return self.ended_at - self.begun_at if self.begun_at and self.ended_at else timedelta(0)


def _same_key(action: Action, seen: Observation, current: KnownVersion) -> bool:
    versions = (seen.pending, seen.previous)
    return any(
        version.public_fingerprint == current.public_fingerprint
        for version in versions
        if version and version.fingerprint == action.version
    )
