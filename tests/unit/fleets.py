"""Machines that share the work, as surfaces are given them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from rotator.core.machines.fleet import Fleet, Machine, QueueLine, Role, RunningJob
from rotator.errors import Holder

if TYPE_CHECKING:
    from collections.abc import Callable

Furnish: TypeAlias = "Callable[[datetime], Fleet]"
SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)


def machine_of(host: str, pid: int, at: datetime, **values: Any) -> Machine:
    """One that was seen a second ago, and does everything."""
    given: dict[str, Any] = {"id": f"{host}-{pid}", "host": host, "pid": pid, "role": Role.BOTH, "release": "0.2.0"}
    return Machine(**given | {"started_at": at - 300 * MINUTE, "seen_at": at - SECOND, **values})


def holder_of(machine: Machine, at: datetime) -> Holder:
    """It holds the leader's lock, for some hours."""
    return Holder(machine.pid, machine.host, at - 299 * MINUTE)


def well(at: datetime) -> Fleet:
    """Three machines at work, of which one leads and carries out nothing."""
    leader = machine_of("crm-1", 811, at, role=Role.LEADER, leads=True)
    two = machine_of("crm-2", 1240, at, concurrency={"look": 32, "rotate": 2})
    three = machine_of("crm-3", 977, at, role=Role.WORKER, started_at=at - 12 * MINUTE)
    return Fleet(
        at=at,
        machines=(leader, two, three),
        jobs=(
            job_of("rotate", "billing", two, at - 4 * MINUTE),
            job_of("look", "production", two, at - 9 * SECOND),
            job_of("look", "emea", three, at - 3 * SECOND),
            job_of("deliver", "crm-team", three, at - SECOND),
        ),
        queue=(
            QueueLine(kind="deliver", running=1, oldest_asked_at=at - 2 * SECOND),
            QueueLine(kind="look", waiting=3, running=2, oldest_asked_at=at - 10 * SECOND, stalls=2,
                      waiting_since=at - 5 * SECOND, last_stall_at=at - 600 * MINUTE),
            QueueLine(kind="rotate", running=1, oldest_asked_at=at - 4 * MINUTE),
        ),
        leader=holder_of(leader, at),
    )  # fmt: skip


def in_trouble(at: datetime) -> Fleet:
    """The worker is gone, and who leads carries out nothing: looks wait."""
    leader = machine_of("crm-1", 811, at, role=Role.LEADER, leads=True)
    gone = machine_of("crm-3", 977, at, role=Role.WORKER, seen_at=at - 11 * MINUTE)
    return Fleet(
        at=at,
        machines=(leader, gone),
        queue=(
            QueueLine(kind="look", waiting=7, oldest_asked_at=at - 10 * MINUTE, waiting_since=at - 10 * MINUTE,
                      stalls=1, last_stall_at=at - 10 * MINUTE),
        ),
        leader=holder_of(leader, at),
    )  # fmt: skip


def stalled(at: datetime) -> Fleet:
    """Two machines, neither of which takes a look; a third is gone."""
    leader, other = machine_of("crm-1", 811, at, leads=True), machine_of("crm-2", 1240, at)
    gone = machine_of("crm-3", 977, at, seen_at=at - 11 * MINUTE)
    waits = at - 10 * MINUTE
    look = QueueLine(kind="look", waiting=7, oldest_asked_at=waits, waiting_since=waits)
    deliver = QueueLine(kind="deliver", waiting=1, running=1, oldest_asked_at=waits, waiting_since=waits)
    return Fleet(at=at, machines=(leader, other, gone), queue=(deliver, look), leader=holder_of(leader, at))


def job_of(kind: str, name: str, machine: Machine, begun_at: datetime) -> RunningJob:
    return RunningJob(kind=kind, name=name, machine=machine.id, asked_at=begun_at - SECOND, begun_at=begun_at)
