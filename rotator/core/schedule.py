"""When a rotation may begin by schedule, and if not now, until when and why not: the only place that says so.

A credential's schedule is made of who begins its rotations (`Mode`), of maintenance windows, and of standstills: a
pause, a freeze, the time after the first start of a service. The service, plans, commands, pages, metrics and alerts
ask here.

- A window is a wish: one that would let the certificate expire is overridden. A standstill is an order: it is kept
  whatever it costs, and people are told in time what that is (`Schedule.danger`).
- Only what begins is held up. What is half done goes on, in a pause and in a freeze as well: an app whose certificate
  nobody has proven is worse than a change that is carried through.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.thresholds import EXPIRED, earlier, has_come
from rotator.core.windows import is_open, next_opening

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rotator.core.attempts import AttemptRecord
    from rotator.core.windows import Window

SPARE: Final = timedelta(days=1)
"""A rotation is to be over so long before the certificate expires, whatever the windows say."""

NOTICE: Final = timedelta(days=7)
"""So long before the last moment for a rotation people are told that a restriction would miss it."""

_LEAST: Final = timedelta(microseconds=1)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Mode(StrEnum):
    """Who begins the rotations of a credential."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
    """People do: it is watched, told and planned, and the schedule finishes what they began."""


class Why(StrEnum):
    """Why nothing begins."""

    PAUSE = "pause"
    """A person has paused it."""
    FREEZE = "freeze"
    """The configuration says so, from one time to another."""
    FIRST_START = "first start"
    """The service is new here and nothing was rotated before: people may look first at what it will do."""


@dataclass(frozen=True, kw_only=True)
class Standstill:
    """A time in which the schedule begins nothing."""

    why: Why
    since: datetime
    until: datetime | None = None
    """When it ends; None: when a person ends it."""
    reason: str = ""
    """In the words of whoever wanted it."""
    by: str = ""
    """Who that was; empty where it is the configuration."""
    scope: str = ""
    """What it is of: `credential billing`, `org production`, `all`."""

    def covers(self, time: datetime) -> bool:
        """Whether it is that time: `until` is not part of it. A clock that was set back ends no pause."""
        has_begun = self.why is not Why.FREEZE or self.since <= time
        return has_begun and (self.until is None or time < self.until)

    @property
    def resumed_by(self) -> str:
        """The command that ends a pause."""
        kind, _, name = self.scope.partition(" ")
        return f"rotator resume {name if kind == 'credential' else f'--{self.scope}'}"

    def __str__(self) -> str:
        """Such as `paused by ana@crm-1 until 2027-01-04 07:00 UTC: audit`."""
        until = f"until {words.moment(self.until)}" if self.until else "until somebody resumes it"
        match self.why:
            case Why.PAUSE:
                return f"paused by {self.by} {until}: {self.reason}"
            case Why.FREEZE:
                return f"frozen from {words.moment(self.since)} {until}: {self.reason}"
            case Why.FIRST_START:
                return f"not begun before {words.moment(self.until or _NEVER)}, as the service is new here"


@dataclass(frozen=True)
class Beginning:
    """When a rotation that is due may begin."""

    at: datetime | None
    """None: not by schedule, as things stand."""
    is_by_hand: bool = False
    """People begin it (`Mode.MANUAL`)."""
    overrides: bool = False
    """It begins outside every window, as the next one would come too late."""
    held_by: tuple[Standstill, ...] = ()
    """What keeps it from beginning sooner, windows apart."""


@dataclass(frozen=True)
class Danger:
    """Standstills hold a rotation up until it is too late."""

    begins: Beginning
    last_chance: datetime
    """The last moment at which a rotation could begin, be over in time, and break no freeze."""
    told_from: datetime
    """From when on people have to know."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When rotations of one credential may begin by themselves."""

    mode: Mode = Mode.AUTOMATIC
    windows: Sequence[Window] = ()
    """At any time where there are none."""
    standstills: Sequence[Standstill] = ()
    """Those that are, and those to come."""
    lasts: timedelta = EXPIRED
    """How long a rotation may take."""

    def in_force(self, now: datetime) -> tuple[Standstill, ...]:
        """What holds it up now, the one that ends last first."""
        return _last_to_end_first(each for each in self.standstills if each.covers(now))

    def is_held_up_from(self, now: datetime) -> bool:
        """Whether anything holds it up, now or later."""
        return any(not has_come(each.until, now) for each in self.standstills)

    def beginning(self, now: datetime, *, expires_at: datetime) -> Beginning:
        """When a rotation that is due `now` may begin, which is to be over in time before `expires_at`.

        A window that opens too late, or never, is overridden; a standstill never is.
        """
        if self.mode is Mode.MANUAL:
            return Beginning(None, is_by_hand=True)
        free = self._free_from(now)
        opens = free and self._opens(free)
        is_in_time = opens is not None and (opens == free or opens <= self._latest(expires_at))
        found = Beginning(opens) if is_in_time else Beginning(free, overrides=free is not None)
        return replace(found, held_by=self._held_by(now, found, expires_at))

    def allows(self, now: datetime) -> bool:
        """Whether something that can wait may begin now: the end of a previous version whose grace is over.

        In `Mode.MANUAL` as well: it belongs to the rotation that a person began.
        """
        return not self.in_force(now) and is_open(self.windows, now)

    def next_allowed(self, time: datetime) -> datetime | None:
        """When such a thing may begin, from that time on; None while that is not known."""
        free = self._free_from(time)
        return free and self._opens(free)

    def danger(self, begins: Beginning, due_at: datetime, *, expires_at: datetime) -> Danger | None:
        """What standstills would let expire, of a rotation that is due then and begins so; None where they do not.

        What had expired before any of them began is none of their doing.
        """
        latest = self._latest(expires_at)
        if not any(each.since < expires_at for each in begins.held_by) or (begins.at and begins.at <= latest):
            return None
        last = self._unfrozen_until(latest)
        return Danger(begins, last, min(due_at, earlier(last, NOTICE)))

    def _latest(self, expires_at: datetime) -> datetime:
        return earlier(expires_at, SPARE + self.lasts)

    def _free_from(self, time: datetime) -> datetime | None:
        """The first moment from then on that no standstill covers; None where one has no end."""
        while covering := self.in_force(time):
            if covering[0].until is None:
                return None
            time = covering[0].until
        return time

    def _opens(self, time: datetime) -> datetime | None:
        """When a window is open for the first time while nothing stands still; None when that never is."""
        opens = next_opening(self.windows, time)
        while opens is not None:
            free = self._free_from(opens)
            if free is None or free == opens:
                return free
            opens = next_opening(self.windows, free)
        return None

    def _held_by(self, now: datetime, found: Beginning, expires_at: datetime) -> tuple[Standstill, ...]:
        """The standstills without which it would begin sooner."""
        if found.at == now or not self.standstills:
            return ()
        if replace(self, standstills=()).beginning(now, expires_at=expires_at).at == found.at:
            return ()
        before = found.at or min(each.since for each in self.standstills if each.until is None)
        ahead = (each for each in self.standstills if not has_come(each.until, now) and each.since <= before)
        return _last_to_end_first(ahead)

    def _unfrozen_until(self, time: datetime) -> datetime:
        """The last moment until then that no freeze covers: people may end a pause, and have to keep to a freeze."""
        freezes = [each for each in self.standstills if each.why is Why.FREEZE]
        while covering := [each.since for each in freezes if each.covers(time)]:
            time = earlier(min(covering), _LEAST)
        return time


def _last_to_end_first(standstills: Iterable[Standstill]) -> tuple[Standstill, ...]:
    return tuple(sorted(standstills, key=lambda each: each.until or _NEVER, reverse=True))


ALWAYS: Final = Schedule()
"""At any time."""


AT_ONCE: Final = 3
"""So often in a row what is half done is tried again without a pause."""


@dataclass(frozen=True)
class NextDue:
    """When something is due for a credential, as far as its last observation tells."""

    is_half_done: bool = False
    expires_at: datetime | None = None
    due_at: datetime | None = None
    """When the current version is to be replaced."""
    retires_at: datetime | None = None
    """When the previous version's grace ends."""

    def is_due(self, schedule: Schedule, now: datetime, attempt: AttemptRecord | None = None) -> bool:
        """Whether something is to be tried now; `attempt` is how it went so far."""
        return not self.is_quiet(now) and has_come(self.tried_at(schedule, now, attempt), now)

    def tried_at(self, schedule: Schedule, now: datetime, attempt: AttemptRecord | None = None) -> datetime | None:
        """When it is tried next: what people are told, and what the service begins by. None where nothing will be.

        What is half done is tried again AT_ONCE times without a pause, whatever the windows.
        """
        free = attempt.free_from(now) if attempt else now
        if self.is_half_done:
            return now if attempt is None or attempt.failures < AT_ONCE else free
        begins = retires = None
        if self.expires_at and self.due_at:
            begins = schedule.beginning(max(free, self.due_at), expires_at=self.expires_at).at
        if self.retires_at:
            retires = schedule.next_allowed(max(free, self.retires_at))
        return min((each for each in (begins, retires) if each), default=None)

    def is_quiet(self, now: datetime) -> bool:
        """Whether nothing is to be done before some time to come, windows or not."""
        return not (self.is_half_done or has_come(self.due_at, now) or has_come(self.retires_at, now))
