"""The time in which a consumer that knows only `current` may have been refused.

It begins before a certificate over another key is sent to the app of `current`, and ends with a proof: the new version
was promoted, or the key of `current` was accepted again after its certificate came back. Between the two it goes on,
through halts, crashes and runs of other machines: the journal keeps since when (`rotator.history.journal.projection`).
Within a run its length comes from a clock that nobody sets; over several runs there is the wall clock alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.decision.actions import Action, ActionKind

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.decision.observations import Observation
    from rotator.core.observed import KnownVersion
    from rotator.services.rotation.clock import RunClock


@dataclass(frozen=True)
class MeasuredGap:
    """A gap as a report shows it."""

    begun_at: datetime | None = None
    """When the first one of the run, or that it found open, began."""
    ended_at: datetime | None = None
    """None while consumers may still be refused, and where there was no gap."""
    length: timedelta = timedelta(0)
    """How long consumers may have been refused; until now while it is open. Never negative."""
    is_uncertain: bool = False
    """Whether the clock was set meanwhile, so that the length is a guess."""

    @property
    def is_open(self) -> bool:
        """Whether consumers may still be refused."""
        return self.begun_at is not None and self.ended_at is None


class Gap:
    """The gap of a run, which may have found one open."""

    def __init__(self, clock: RunClock, *, since: datetime | None = None, is_certain: bool = False) -> None:
        """`since` and `is_certain` are what the journal has of a gap that an earlier run left open."""
        self._clock: Final = clock
        self._since = since
        self._steady_since: datetime | None = None
        self._is_certain = is_certain
        self._first = since
        self._ended_at: datetime | None = None
        self._before = timedelta(0)
        self._is_uncertain = False

    @property
    def is_open(self) -> bool:
        """Whether consumers may still be refused."""
        return self._since is not None

    @property
    def is_certain(self) -> bool:
        """Whether the app of `current` was observed without current's certificate since it began."""
        return self._is_certain

    def before(self, action: Action, seen: Observation) -> bool:
        """Opens the gap if the action will give current's app a certificate over another key; whether it did."""
        current = seen.current
        if current is None or self.is_open or action.app != current.app or not seen.is_live(current):
            return False
        if action.kind is not ActionKind.UPLOAD or _same_key(action, seen, current):
            return False
        self._since, self._steady_since, self._is_certain = self._clock.now(), self._clock.steady(), False
        self._first = self._first or self._since
        return True

    def confirm(self) -> bool:
        """Notes that current's certificate is gone from its app; whether that is news."""
        is_news = self.is_open and not self._is_certain
        self._is_certain = self._is_certain or self.is_open
        return is_news

    def withdraw(self) -> bool:
        """Takes the gap back, unless it was confirmed: the upload that opened it had no effect. Whether it did."""
        if not self.is_open or self._is_certain:
            return False
        if self._first == self._since:
            self._first = None
        self._since = self._steady_since = None
        return True

    def close(self, at: datetime | None = None) -> bool:
        """Ends the gap by a proof, now or when an earlier run had it (`at`, wall clock); whether there was one."""
        if not self.is_open:
            return False
        self._before += self._so_far(at)
        self._ended_at = at or self._clock.now()
        self._since = self._steady_since = None
        return True

    def measured(self) -> MeasuredGap:
        """The gap until now."""
        if self._first is None:
            return MeasuredGap()
        ended_at = None if self.is_open else self._ended_at
        return MeasuredGap(self._first, ended_at, self._before + self._so_far(), self._is_uncertain)

    def _so_far(self, at: datetime | None = None) -> timedelta:
        if self._since is None:
            return timedelta(0)
        if self._steady_since is not None and at is None:
            return self._clock.steady() - self._steady_since
        until = at or self._clock.now()
        self._is_uncertain = self._is_uncertain or self._clock.was_set or until < self._since
        return max(until - self._since, timedelta(0))


def _same_key(action: Action, seen: Observation, current: KnownVersion) -> bool:
    versions = (seen.pending, seen.previous)
    return any(
        version.public_fingerprint == current.public_fingerprint
        for version in versions
        if version and version.fingerprint == action.version
    )
