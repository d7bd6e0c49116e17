"""The gaps that the history has of a life, against the logins that its consumer was refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from rotator.history.engine.database import open_database
from rotator.history.journal.queries import events
from tests.worst_hour.machines import CONFIRMATIONS, HOLD, POLL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.history.records import Event
    from tests.worst_hour.consumers import Login
    from tests.worst_hour.lives import Life

MOST: Final = POLL + HOLD + timedelta(seconds=10)
"""By how much a gap may exceed its refusals, while an upload and two logins take seconds: see `Excess.exceeding`."""
PROOFS: Final = CONFIRMATIONS + 1
"""How many test logins may be accepted in that time, however slow the machine is."""


@dataclass(frozen=True)
class Gap:
    """One gap, in everybody's time."""

    begun_at: datetime
    ended_at: datetime | None
    is_uncertain: bool
    """Whether the history says that its end was written down later than it came."""

    @property
    def length(self) -> timedelta:
        """Of one that has ended."""
        assert self.ended_at
        return self.ended_at - self.begun_at

    def holds_moment(self, moment: datetime) -> bool:
        """Whether the moment lies in it."""
        return self.begun_at <= moment and (self.ended_at is None or moment <= self.ended_at)

    def holds(self, login: Login) -> bool:
        """Whether a login that was refused lies in it."""
        return login.answered_at >= self.begun_at and (self.ended_at is None or login.asked_at <= self.ended_at)


def gaps_of(life: Life) -> list[Gap]:
    """All of them, in the order in which they began."""
    with open_database(f"sqlite:///{life.machine.folder}/rotator.db") as database:
        return list(_gaps(life, events(database, credential=life.name)))


def _gaps(life: Life, written: list[Event]) -> Iterator[Gap]:
    begun_at: datetime | None = None
    for event in written:
        is_over = event.details.get("state") in {"ended", "withdrawn"} if event.kind == "gap" else False
        if event.kind == "upload_begins" and event.details.get("opens_gap") and begun_at is None:
            begun_at = life.machine.in_truth(event.time)
        elif begun_at and (is_over or (event.kind == "promote" and event.details.get("succeeded") is not False)):
            if event.details.get("state") != "withdrawn":
                yield Gap(begun_at, life.machine.in_truth(event.time), bool(event.details.get("written_late")))
            begun_at = None
    if begun_at:
        yield Gap(begun_at, None, is_uncertain=False)


@dataclass(frozen=True)
class Excess:
    """By how much the gaps of a life exceed what its consumer was refused."""

    refused: int
    outside: list[Login]
    """The refused logins that no gap holds: there must be none."""
    exceeding: list[timedelta]
    """For each gap, how much longer it is than the time in which logins in it were refused, or not answered.

    The time in which the program waited for a processor does not count: it is the machine's, however busy that is.
    """
    proofs: list[int]
    """For each gap, how many test logins were accepted in it after the last login that was refused."""


def excess_of(life: Life) -> Excess:
    """Of a life whose last gap has ended."""
    refusals, gaps = life.consumer.refusals, gaps_of(life)
    exceeding, proofs = [], []
    for gap in gaps:
        # While the org answers nobody, nothing can be proven to its consumer or to `rotator`.
        unserved = [login for login in life.consumer.logins if login.refusal or login.is_away]
        within = [login for login in unserved if gap.holds(login)]
        first, last = (within[0].asked_at, within[-1].answered_at) if within else (gap.begun_at, gap.begun_at)
        if life.machine.was_slow and life.mended_at and gap.holds_moment(life.mended_at):
            # By a clock that is slow no login is accepted, and nothing proven, before it is set right.
            last = max(last, life.mended_at)
        if not gap.is_uncertain:
            waited = _waited(life, gap.begun_at, first) + _waited(life, last, gap.ended_at or last)
            exceeding.append(gap.length - (last - first) - waited)
            proofs.append(_proofs(life, last, gap))
    outside = [login for login in refusals if not any(gap.holds(login) for gap in gaps)]
    return Excess(len(refusals), outside, exceeding, proofs)


def _waited(life: Life, since: datetime, until: datetime) -> timedelta:
    """For how long its processes waited for a processor between the two times."""
    logins = list(life.consumer.logins)
    before = max((login.waited for login in logins if login.asked_at <= since), default=timedelta(0))
    after = max((login.waited for login in logins if login.asked_at <= until), default=timedelta(0))
    return after - before


def _proofs(life: Life, since: datetime, gap: Gap) -> int:
    """How often `rotator` has logged in through the apps since then, before the gap ended.

    The org writes down every login; the consumer knows its own.
    """
    until = gap.ended_at or since
    written = [row for row in list(life.org.logins) if row.app in life.apps and since < row.time <= until]
    own = [login for login in life.consumer.logins if since < login.answered_at and login.asked_at <= until]
    accepted = sum(row.outcome == "Success" for row in written)
    return max(0, accepted - sum(not login.refusal and not login.is_away for login in own))
