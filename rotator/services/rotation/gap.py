"""The time in which a consumer that knows only `current` may have been refused.

It begins before a certificate over another key is sent to the app of `current`, and ends with a proof: the new version
was promoted, or the key of `current` was accepted again after its certificate came back. Between the two it goes on,
through halts, crashes and runs of other machines: the journal keeps since when (`rotator.history.journal.projection`).

Its length comes from a clock that nobody sets, within a run and over several runs on a machine that was not restarted
in between; else from the wall clock. It is called uncertain where that was seen to be set, and where it ended with a
promotion that nobody could write down: then it may have ended sooner.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from rotator.core.decision.actions import Action, ActionKind
from rotator.errors import RotatorError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.core.decision.observations import Observation
    from rotator.core.observed import KnownVersion
    from rotator.history.journal.journal import Journal
    from rotator.services.rotation.clock import RunClock
    from rotator.stores.base import Store


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
    """Whether the length is a guess: the clock was set, or nobody wrote down when it ended."""

    @property
    def is_open(self) -> bool:
        """Whether consumers may still be refused."""
        return self.begun_at is not None and self.ended_at is None


@dataclass(frozen=True)
class OpenGap:
    """What the journal has of a gap that an earlier run left open."""

    since: datetime
    is_certain: bool = False
    """Whether the app of `current` was observed without current's certificate since then."""
    counter: str = ""
    """What `RunClock.counter` was then; empty where it is not known."""
    is_end_unwritten: bool = False
    """Whether an earlier run promoted a version and could not write down when."""


class GapEvent(StrEnum):
    """What was found out of a gap by observing, for the journal."""

    CONFIRMED = "confirmed"
    """The app of `current` is without current's certificate."""
    WITHDRAWN = "withdrawn"
    """The upload that opened it had no effect, and has refused nobody."""
    ENDED = "ended"
    """Current's key logs in again."""


class Gap:
    """The gap of a run, which may have found one open."""

    def __init__(self, clock: RunClock, found: OpenGap | None = None) -> None:
        """`found` is the one that an earlier run left open."""
        self._clock: Final = clock
        self._found: Final = found
        self._since = clock.as_set_now(found.since, found.counter) if found else None
        self._steady_since: datetime | None = None
        self._is_certain = found is not None and found.is_certain
        self._first = self._since
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
        if current is None or self.is_open or action.app != current.app or not seen.may_be_live(current):
            return False
        if action.kind is not ActionKind.UPLOAD or _same_key(action, seen, current):
            return False
        self._since, self._steady_since, self._is_certain = self._clock.now(), self._clock.steady(), False
        self._first = self._first or self._since
        return True

    def judge(self, seen: Observation, *, is_met: bool, current_holds: bool) -> GapEvent | None:
        """What an observation says of it, if that is news.

        `is_met`: current is the version that was wanted; if the gap is open still, an earlier run promoted it.
        `current_holds`: current's key has just logged in, often enough.
        """
        if seen.current is None:
            # The store has lost it, or is not mounted: its consumers are refused or not as they were before.
            return None
        if not seen.is_settled:
            return GapEvent.CONFIRMED if self.confirm() else None
        if is_met:
            self._close_with_promotion(seen.promoted_at)
            return None
        if self.withdraw():
            return GapEvent.WITHDRAWN
        return GapEvent.ENDED if current_holds and self.close() else None

    def _close_with_promotion(self, promotion: datetime | None) -> None:
        """Ends it when an earlier run promoted; now, where that was before it began."""
        found = self._found
        if self._steady_since or found is None or promotion is None or promotion < found.since:
            self.close()
        elif self._since is not None:
            self._is_uncertain = found.is_end_unwritten
            self._before, self._ended_at, self._since = promotion - found.since, promotion, None

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
        self._since = None
        return True

    def close(self) -> bool:
        """Ends the gap by a proof, just now; whether there was one."""
        if self._since is None:
            return False
        self._before += self._so_far()
        self._ended_at, self._since = self._clock.now(), None
        return True

    def measured(self) -> MeasuredGap:
        """The gap until now."""
        if self._first is None:
            return MeasuredGap()
        ended_at = None if self.is_open else self._ended_at
        return MeasuredGap(self._first, ended_at, self._before + self._so_far(), self._is_uncertain)

    def _so_far(self) -> timedelta:
        if self._since is None:
            return timedelta(0)
        if self._steady_since is not None:
            return self._clock.steady() - self._steady_since
        counted = self._clock.since(self._found.counter) if self._found else None
        if counted is not None:
            return counted
        now = self._clock.now()
        self._is_uncertain = self._is_uncertain or self._clock.was_set or now < self._since
        return max(now - self._since, timedelta(0))


def found_open(journal: Journal, credential: str) -> OpenGap | None:
    """The gap that an earlier run left open. Raises HistoryError."""
    known = journal.credential_record(credential)
    if known.refused_since is None:
        return None
    return OpenGap(known.refused_since, known.is_refusal_certain, journal.gap_counter(credential))


def refused_since(journal: Journal, open_store: Callable[[], Store], credential: str) -> datetime | None:
    """Since when consumers are refused by what a rotation has left half done; the store tells what is current.

    Where it cannot be opened or read, the history alone tells. Raises HistoryError.
    """
    try:
        current = open_store().stages(credential).current
    except RotatorError:
        current = None
    return journal.credential_record(credential).consumers_refused_since(current)


def _same_key(action: Action, seen: Observation, current: KnownVersion) -> bool:
    versions = (seen.pending, seen.previous)
    return any(
        version.public_fingerprint == current.public_fingerprint
        for version in versions
        if version and version.fingerprint == action.version
    )
