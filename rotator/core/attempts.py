"""What is tried again and again: when it is due, and how long it is left alone after a failure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

_SPREAD: Final = 0.25
"""By so much of itself a pause may be lengthened, so that what failed together is not tried again together."""


@dataclass(frozen=True)
class BackOff:
    """How long something is left alone after failures."""

    first: timedelta = timedelta(minutes=5)
    """After the first failure; it doubles with each that follows."""
    ceiling: timedelta = timedelta(hours=6)
    attention_after: int = 5
    """So many failures in a row that time does not mend, and a person is needed."""

    def pause(self, failures: int) -> timedelta:
        """After so many failures in a row."""
        if not failures:
            return timedelta(0)
        # In seconds: a timedelta overflows where a float does not.
        doubled = self.first.total_seconds() * 2.0 ** min(failures - 1, 100)
        return timedelta(seconds=min(doubled, self.ceiling.total_seconds()))


@dataclass(frozen=True)
class AttemptRecord:
    """What is known of one thing that is tried again and again: a look at an org, a credential, a channel."""

    kind: str
    """What is tried, such as `look` or `rotate`."""
    name: str
    """On what: an org, a credential, a channel."""
    last_at: datetime | None = None
    """When it was last tried."""
    last_good_at: datetime | None = None
    """When it last succeeded."""
    failures: int = 0
    """In a row, up to the last trial."""
    lasting: int = 0
    """Those of them in a row, up to the last trial, that time alone does not mend."""
    next_at: datetime | None = None
    """Before this it is left alone; None when nothing holds it up."""
    needs_attention: bool = False
    """It cannot succeed before a person does something."""
    problem: str = ""
    """Why the last trial failed, in a person's words; empty after a success."""
    hint: str = ""
    """What to do about it."""
    world: str = ""
    """What was seen when it last failed: a digest that changes when a new trial may end otherwise."""

    def succeeded(self, now: datetime) -> AttemptRecord:
        """After a success; what failed before is forgotten."""
        return AttemptRecord(self.kind, self.name, last_at=now, last_good_at=now)

    def failed(
        self,
        now: datetime,
        back_off: BackOff,
        *,
        problem: str,
        hint: str = "",
        lasting: bool = False,
        jitter: float = 0.0,
        not_before: datetime | None = None,
        world: str = "",
    ) -> AttemptRecord:
        """After a failure; `lasting` when time alone does not mend it.

        `jitter` is a random number from 0 to 1, `not_before` a time that the other side has asked to wait for.
        """
        failures = self.failures + 1
        in_a_row = self.lasting + 1 if lasting else 0
        next_at = now + back_off.pause(failures) * (1 + _SPREAD * jitter)
        return replace(
            self,
            last_at=now,
            failures=failures,
            lasting=in_a_row,
            next_at=max(next_at, not_before) if not_before else next_at,
            needs_attention=in_a_row >= back_off.attention_after,
            problem=problem,
            hint=hint,
            world=world,
        )

    def is_due(self, now: datetime, every: timedelta = timedelta(0)) -> bool:
        """Whether it is to be tried now: not left alone any more, and last tried at least `every` ago.

        A clock that was set back postpones nothing: a last trial that lies in the future is one that proves nothing.
        """
        if self.last_at is None or self.last_at > now:
            return True
        if self.next_at is not None:
            return self.next_at <= now
        return now - self.last_at >= every
