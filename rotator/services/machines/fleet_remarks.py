"""What is said of machines and their queue, the same on every surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rotator.core import words
from rotator.core.machines.fleet import Trouble
from rotator.services.schedule.jobs import label_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from rotator.core.machines.fleet import Fleet


class FleetRemark(NamedTuple):
    """What keeps jobs from being done, and what to do."""

    trouble: Trouble
    what: str
    hint: str

    def __str__(self) -> str:
        return f"{self.what} {self.hint}"


_TO_LEAD = (
    "Start `rotator run` with `--role both`, or `leader`, on one of the machines; its log says why it does not lead."
)
_TO_START = "Start `rotator run`. Where a timer runs single cycles (`rotator run --once`), none has to be."
_TO_WORK = "Start `rotator run` with `--role both`, or `worker`, on one of the machines."
_TO_BEGIN = (
    "Look at the log of the machines, which says why they begin none; `--concurrency` may leave that kind no room."
)


def remarks_on(fleet: Fleet) -> tuple[FleetRemark, ...]:
    """What keeps jobs from being done, the worst first."""
    return tuple(remark for trouble in fleet.troubles for remark in _of(trouble, fleet))


def wrong_clocks(fleet: Fleet) -> tuple[str, ...]:
    """A sentence for each machine whose clock is wrong: its jobs are done all the same, as far as orgs let it in."""
    return tuple(wrong_clock(each.host, each.clock_off) for each in fleet.with_wrong_clocks if each.clock_off)


def wrong_clock(host: str, off: timedelta) -> str:
    """How the clock of a machine is wrong, without a full stop."""
    return f"The clock of the machine {host} is {words.of_database(off)}"


def who_leads(fleet: Fleet) -> str:
    """Who leads, in a sentence."""
    if fleet.leader is None:
        return "No machine leads."
    since = f"since {words.instant(fleet.leader.since)}"
    if fleet.leading is not None:
        return f"The leader is {fleet.leading.name}, {since}."
    led = f"process {fleet.leader.pid} on {fleet.leader.host}"
    return f"The leader is {led}, {since}; it says nothing of itself, as an earlier release, or `run --once`."


def who_works(fleet: Fleet) -> str:
    """How many machines carry out jobs, and at how many jobs they are, in a sentence."""
    silent = len(fleet.lines) - len(fleet.alive)
    number = len(fleet.working)
    working = words.count(number, "machine carries out jobs", "machines carry out jobs")
    working = working if number else "No machine carries out jobs"
    told = f", {words.count(silent, 'machine is silent', 'machines are silent')}" if silent else ""
    waiting = sum(each.waiting for each in fleet.queue)
    at_work = words.count(len(fleet.jobs), "job is", "jobs are")
    return f"{working}{told}; {at_work} at work and {words.count(waiting, 'job waits', 'jobs wait')}."


def _of(trouble: Trouble, fleet: Fleet) -> Iterator[FleetRemark]:
    if trouble is Trouble.NO_MACHINE:
        yield FleetRemark(trouble, "No machine is at work.", _TO_START)
    elif trouble is Trouble.NO_LEADER:
        silent = fleet.leading
        if silent is None:
            what = "No machine leads, so nobody asks what is due."
        else:
            what = f"The leader, {silent.name}, is silent since {words.instant(silent.seen_at)}."
        yield FleetRemark(trouble, what, _TO_LEAD)
    elif trouble is Trouble.NO_WORKER:
        waiting = sum(each.waiting for each in fleet.queue)
        wait = f"; {words.count(waiting, 'job waits', 'jobs wait')}" if waiting else ""
        yield FleetRemark(trouble, f"No machine carries out jobs{wait}.", _TO_WORK)
    else:
        for line in fleet.stalled:
            jobs = words.count(line.waiting, f"job of the kind {label_of(line.kind)} waits",
                               f"jobs of the kind {label_of(line.kind)} wait")  # fmt: skip
            since = words.instant(line.waiting_since) if line.waiting_since else "long ago"
            yield FleetRemark(trouble, f"{jobs} since {since}, and no machine begins one.", _TO_BEGIN)
