"""The machines of a database, what each works at, and the queue between them, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rotator.cli.output.console import NOTHING, away, console, say, state, table
from rotator.core import words
from rotator.services.machines.fleet_remarks import remarks_on, who_leads, wrong_clocks
from rotator.services.schedule.jobs import label_of

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.cli.output.streams.rows import Rows
    from rotator.core.machines.fleet import Fleet, MachineLine, QueueLine
    from rotator.errors import Holder

MOST_JOBS: Final = 30
"""So many of the jobs that run are shown one by one, those first that have run for longest."""


def fleet_as_json(fleet: Fleet) -> dict[str, Any]:
    """What `workers --json` prints where the history is on a server."""
    return {
        "history": "postgres",
        "at": fleet.at,
        "leader": _holder_as_json(fleet.leader, fleet.leading.id if fleet.leading else None),
        "machines": [_machine_as_json(line) for line in fleet.lines],
        "queue": [_queue_as_json(line, fleet) for line in fleet.queue],
        "troubles": [{"trouble": each.trouble, "what": each.what, "hint": each.hint} for each in remarks_on(fleet)],
    }


def file_as_json(leader: Holder | None, now: datetime) -> dict[str, Any]:
    """What it prints where the history is a file: who does everything."""
    none: dict[str, Any] = {"machines": [], "queue": [], "troubles": []}
    return {"history": "sqlite", "at": now, "leader": _holder_as_json(leader), **none}


def _holder_as_json(holder: Holder | None, machine: str | None = None) -> dict[str, Any] | None:
    """Who leads; `machine` is its id among the machines, if it is one of them."""
    return None if holder is None else vars(holder) | {"machine": machine}


def _machine_as_json(line: MachineLine) -> dict[str, Any]:
    machine = line.machine
    return {
        "id": machine.id,
        "host": machine.host,
        "pid": machine.pid,
        "role": machine.role,
        "release": machine.release,
        "state": line.state,
        "leads": line.leads,
        "gone": line.is_gone,
        "started_at": machine.started_at,
        "seen_at": machine.seen_at,
        "clock_off": None if machine.clock_off is None else round(machine.clock_off.total_seconds()),
        "concurrency": {label_of(kind): number for kind, number in machine.concurrency.items()},
        "jobs": [
            {"kind": label_of(job.kind), "name": job.name, "asked_at": job.asked_at, "begun_at": job.begun_at}
            for job in line.jobs
        ],
    }


def _queue_as_json(line: QueueLine, fleet: Fleet) -> dict[str, Any]:
    return {
        "kind": label_of(line.kind),
        "waiting": line.waiting,
        "running": line.running,
        "oldest_asked_at": line.oldest_asked_at,
        "waiting_since": line.waiting_since,
        "stalled": line.is_stalled(fleet.at),
        "stalls": line.stalls,
        "last_stall_at": line.last_stall_at,
    }


def print_fleet(fleet: Fleet) -> None:
    """Who leads, the machines, what they work at, the queue, and what keeps jobs from being done."""
    say(who_leads(fleet))
    if fleet.machines:
        say("")
        console().print(_machines(fleet))
    if fleet.jobs:
        say("")
        say("At work:")
        say("")
        console().print(_jobs(fleet))
        if len(fleet.jobs) > MOST_JOBS:
            say(f"{len(fleet.jobs) - MOST_JOBS} more have begun later; --json shows all.")
    if fleet.queue:
        say("")
        say("The queue:")
        say("")
        console().print(_queue(fleet))
    remarks = [*map(str, remarks_on(fleet)), *(f"{clock}." for clock in wrong_clocks(fleet))]
    if remarks:
        say("")
    for remark in remarks:
        say(remark, label="Warning:", colour="yellow")


def _machines(fleet: Fleet) -> Rows:
    rows = table(
        "Host", "Process", "State", "Role", "Leads", "Jobs", "Seen", "Started", "Release",
        spare=("Release", "Started", "Seen", "Role"),
    )  # fmt: skip
    for line in fleet.lines:
        machine = line.machine
        rows.add_row(
            machine.host,
            str(machine.pid),
            state(line.state),
            machine.role,
            "leads" if line.leads else NOTHING,
            str(len(line.jobs)),
            away(machine.seen_at, fleet.at),
            away(machine.started_at, fleet.at),
            machine.release,
        )
    return rows


def _jobs(fleet: Fleet) -> Rows:
    names = {each.id: (each.host, str(each.pid)) for each in fleet.machines}
    rows = table("Job", "Of", "For", "Host", "Process", spare=("Process", "Host"))
    for job in fleet.jobs[:MOST_JOBS]:
        host, pid = names.get(job.machine or "", (NOTHING, NOTHING))
        rows.add_row(label_of(job.kind), job.name or NOTHING, words.length(fleet.at - job.begun_at), host, pid)
    return rows


def _queue(fleet: Fleet) -> Rows:
    rows = table(
        "Kind", "Waiting", "Running", "Oldest", "Stalls", "Last stall",
        spare=("Last stall", "Stalls"),
    )  # fmt: skip
    for line in fleet.queue:
        rows.add_row(
            label_of(line.kind),
            str(line.waiting),
            str(line.running),
            away(line.oldest_asked_at, fleet.at),
            str(line.stalls),
            away(line.last_stall_at, fleet.at),
        )
    return rows
