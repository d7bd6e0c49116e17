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
    """Begins when a certificate over another key is sent to the app of `current`; ends when a key is proven again."""

    begun_at: datetime | None = None
    ended_at: datetime | None = None
    is_certain: bool = False
    """Whether the app of `current` was observed without current's certificate."""

    def before(self, action: Action, seen: Observation, now: datetime) -> bool:
        """Opens the gap if the action will give current's app a certificate over another key; whether it did."""
        current = seen.current
        if current is None or self.begun_at or action.app != current.app or not seen.is_live(current):
            return False
        if action.kind is not ActionKind.UPLOAD or _same_key(action, seen, current):
            return False
        self.begun_at = now
        return True

    def confirm(self) -> None:
        """Notes that current's certificate is gone from its app."""
        self.is_certain = True

    def forget(self) -> None:
        """Takes the gap back, unless it was confirmed: the upload that opened it had no effect."""
        if not self.is_certain:
            self.begun_at = None

    def close(self, at: datetime) -> None:
        """Ends the gap: the new version was promoted, or the old certificate is back and proven."""
        if self.begun_at and not self.ended_at:
            self.ended_at = at

    @property
    def is_open(self) -> bool:
        """Whether consumers may still be refused."""
        return self.begun_at is not None and self.ended_at is None

    @property
    def length(self) -> timedelta:
        """How long consumers may have been refused; zero where none can have been, and while it is open."""
        return self.ended_at - self.begun_at if self.begun_at and self.ended_at else timedelta(0)


def _same_key(action: Action, seen: Observation, current: KnownVersion) -> bool:
    versions = (seen.pending, seen.previous)
    return any(
        version.public_fingerprint == current.public_fingerprint
        for version in versions
        if version and version.fingerprint == action.version
    )
