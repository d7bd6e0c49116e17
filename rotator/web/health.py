"""Whether the daemon lives, and whether everything that it needs is there: a list of checks, each a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from rotator.core.attempts import AttemptRecord
    from rotator.services.machines.fleet_reader import MachinesShown
    from rotator.services.reporting.overview import ChannelLine, Readiness
    from rotator.web.source import Liveness

MOST_ORGS: Final = 20
"""Of so many orgs each is a check of its own; of more only those that fail, and no more than so many of them."""

MISSED_INVENTORIES: Final = 3
"""The inventory of an org is to have been taken well within so many of its intervals."""


@dataclass(frozen=True)
class Check:
    """One thing that was checked."""

    name: str
    ok: bool
    what: str


def of_scheduler(alive: Liveness) -> Check:
    """Whether the scheduler makes progress."""
    ago = words.exact(alive.since_tick)
    if alive.ticked_at is None:
        return Check("scheduler", alive.is_alive, f"It started {ago} ago and has not ticked yet.")
    return Check("scheduler", alive.is_alive, f"It ticked {ago} ago; it is to tick every {words.exact(alive.tick)}.")


def of_worker(alive: Liveness) -> Check:
    """Who does the work, and that this process does its part of it."""
    return Check("worker", alive.does_its_part, alive.whose_work)


def of_history(alive: Liveness) -> Check:
    """That it was just read, and written by a process that writes."""
    return Check("history", True, "It can be read." if alive.only_reads else "It can be read and written.")


def of_readiness(ready: Readiness) -> Iterator[Check]:
    """Orgs, stores and channels, as they were when they were last used."""
    yield from _of_orgs(ready)
    yield from (Check(alert.key, False, alert.title) for alert in ready.stores)
    if not ready.stores:
        yield Check("stores", True, "Every store was readable when it was last read.")
    yield from map(_of_channel, ready.channels)
    if ready.machines is not None:
        yield from _of_machines(ready.machines)


def _of_machines(seen: MachinesShown) -> Iterator[Check]:
    """That somebody leads, somebody works and no queue stalls, on whatever machine: each sees the same."""
    yield from (Check("machines", False, str(remark)) for remark in seen.remarks)
    if not seen.remarks:
        yield Check("machines", True, seen.summary)


def _of_orgs(ready: Readiness) -> Iterator[Check]:
    """Each org; of more than MOST_ORGS those whose inventory is missing, and how many they are."""
    checks = (_of_org(each, ready.at, MISSED_INVENTORIES * ready.inventory_every) for each in ready.inventories)
    total = len(ready.inventories)
    if total <= MOST_ORGS:
        yield from sorted(checks, key=lambda check: check.name)
        return
    # They come in the order of their inventories: after the first that is well, all are.
    missing = list(takewhile(lambda check: not check.ok, checks))
    yield from missing[:MOST_ORGS]
    what = f"{total - len(missing)} of {total} orgs had a good inventory lately."
    yield Check("orgs", not missing, what)


def _of_org(inventory: AttemptRecord, now: datetime, patience: timedelta) -> Check:
    name, good = f"org:{inventory.name}", inventory.last_good_at
    if good is None:
        return Check(name, False, inventory.problem or "Its inventory was not taken yet.")
    # A clock that was set back makes no inventory too old.
    ok = now - good <= patience
    ago = f"Its last good inventory was {words.exact(max(now - good, now - now))} ago."
    return Check(name, ok, f"{ago} {inventory.problem}".strip())


def _of_channel(channel: ChannelLine) -> Check:
    name = f"{JobKind.DELIVER}:{channel.name}"
    if not channel.attempt.failures:
        return Check(
            name, True, "It accepts messages." if channel.attempt.last_good_at else "Nothing was sent there yet."
        )
    return Check(name, False, f"{channel.pending} notifications are pending. {channel.attempt.problem}".strip())
