"""Records of what is tried again and again: how it went, when it is due, and how long to wait after a failure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.retry import BackOff
from rotator.core.thresholds import later, was_set_back

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class AttemptBackOff(BackOff):
    """How long something is left alone after failures, and when it is left to a person."""

    first: timedelta = timedelta(minutes=5)
    ceiling: timedelta = timedelta(hours=6)
    spread: float = field(default=0.25, kw_only=True)
    attention_after: int = 5
    """So many failures in a row that time does not mend, and a person is needed."""


INVENTORY: Final = "look"
"""Kind of the attempts at the inventory of an org. Its value, as that of every kind, is the first release's."""
ROTATE: Final = "rotate"
"""Kind of the attempts at what is due for a credential."""
AUDIT: Final = "audit"
"""Kind of the attempts to audit an org."""
DELIVER: Final = "deliver"
"""Kind of the attempts to send to a channel."""
HOOK: Final = "hook"
"""Kind of the attempts to call a hook after events of a credential; the name is both, with a space between."""

BEGUN: Final = "begun"
"""The circumstances of an attempt whose run is at work, or was killed: no digest reads so."""


@dataclass(frozen=True)
class AttemptRecord:
    """How the attempts at one thing went so far: the inventory of an org, a credential, a channel."""

    kind: str
    """What is tried, such as `rotate` (`rotator.services.schedule.jobs.JobKind`)."""
    name: str
    """On what: an org, a credential, a channel."""
    last_at: datetime | None = None
    """When it was last tried."""
    last_good_at: datetime | None = None
    """When it last succeeded."""
    failures: int = 0
    """In a row, up to the last attempt."""
    lasting: int = 0
    """Those of them in a row, up to the last attempt, that time alone does not mend."""
    next_at: datetime | None = None
    """It is not tried again before this; None when nothing holds it up."""
    needs_attention: bool = False
    """It cannot succeed before a person does something."""
    problem: str = ""
    """Why the last attempt failed, in a person's words; empty after a success."""
    hint: str = ""
    """What to do about it."""
    circumstances: str = ""
    """A digest of what was observed when it last failed: while it stays the same, another attempt ends alike. BEGUN
    while a run is at work, and after one that was killed."""

    def succeeded(self, now: datetime) -> AttemptRecord:
        """The record after a success: earlier failures are forgotten."""
        return AttemptRecord(self.kind, self.name, last_at=now, last_good_at=now)

    def begun(self, now: datetime, back_off: AttemptBackOff) -> AttemptRecord:
        """The record while a run is at work: a failure in advance, for the next one to count if this one is killed."""
        problem = "A run was begun, and has not ended or was interrupted."
        return self.failed(now, back_off, problem=problem, circumstances=BEGUN)

    @property
    def is_begun(self) -> bool:
        """Whether a run began of which no end is noted."""
        return self.circumstances == BEGUN

    def failed(
        self,
        now: datetime,
        back_off: AttemptBackOff,
        *,
        problem: str,
        hint: str = "",
        lasting: bool = False,
        jitter: float = 0.0,
        not_before: datetime | None = None,
        circumstances: str = "",
    ) -> AttemptRecord:
        """The record after a failure; `lasting` when time alone does not mend it.

        `jitter` is a random number from 0 to 1, `not_before` a time that the other side has asked to wait for.
        """
        failures = self.failures + 1
        in_a_row = self.lasting + 1 if lasting else 0
        next_at = now + back_off.pause(failures, jitter)
        return replace(
            self,
            last_at=now,
            failures=failures,
            lasting=in_a_row,
            next_at=max(next_at, not_before) if not_before else next_at,
            # Another failure, of whatever kind, proves nothing: only a success ends it.
            needs_attention=self.needs_attention or in_a_row >= back_off.attention_after,
            problem=problem,
            hint=hint,
            circumstances=circumstances,
        )

    def free_from(self, now: datetime) -> datetime:
        """From when on nothing holds it up: now, or when it was said to be tried again."""
        return now if self.next_at is None or self.is_due(now) else self.next_at

    def due_from(self, every: timedelta = timedelta(0)) -> datetime | None:
        """Before when `is_due` is not so, unless the clock is set back; None for what was never tried."""
        if self.last_at is None:
            return None
        return later(self.last_at, every) if self.next_at is None else self.next_at

    def is_current(self, now: datetime, within: timedelta) -> bool:
        """Whether the last attempt succeeded, and that is no longer ago than `within`."""
        return not self.failures and self.last_good_at is not None and now - self.last_good_at <= within

    def is_due(self, now: datetime, every: timedelta = timedelta(0)) -> bool:
        """Whether it is to be tried now: nothing holds it up, and it was last tried at least `every` ago.

        A clock that was set back postpones nothing by more than CLOCKS_APART: an attempt that lies further in the
        future does not count. One that does not may be another machine's, whose clock is ahead.
        """
        if self.last_at is None or was_set_back(self.last_at, now):
            return True
        if self.next_at is not None:
            return self.next_at <= now
        return max(now - self.last_at, timedelta(0)) >= every
