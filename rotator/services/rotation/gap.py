"""The time in which a consumer that knows only `current` may have been refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from rotator.core.decision.actions import Action, ActionKind

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.decision.observations import KnownVersion, Observation


@dataclass
class Gap:
    """From the moment a certificate over another key is sent to the app of `current`, until a key holds again."""

    begun_at: datetime | None = None
    ended_at: datetime | None = None
    is_certain: bool = False
    """Whether a look has shown the app of `current` without current's certificate."""

    def before(self, action: Action, seen: Observation, now: datetime) -> bool:
        """Opens the gap when the action takes current's slot for another key; tells whether it did."""
        current = seen.current
        if current is None or self.begun_at or action.app != current.app or not seen.is_live(current):
            return False
        if action.kind is not ActionKind.UPLOAD or _same_key(action, seen, current):
            return False
        self.begun_at = now
        return True

    def confirm(self) -> None:
        """Current's certificate is gone from its app."""
        self.is_certain = True

    def forget(self) -> None:
        """What opened it had no effect, as far as anybody saw."""
        if not self.is_certain:
            self.begun_at = None

    def close(self, at: datetime) -> None:
        """A key holds: the new one that was promoted, or the old one that is back."""
        if self.begun_at and not self.ended_at:
            self.ended_at = at

    @property
    def is_open(self) -> bool:
        """Whether consumers may be refused still."""
        return self.begun_at is not None and self.ended_at is None

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
