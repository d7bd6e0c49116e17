"""What people are told of machines that are gone, and of a queue from which nobody takes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.machines.fleet import Trouble
from rotator.core.severity import Severity
from rotator.services.alerting.catalog import alert
from rotator.services.alerting.kinds import MACHINE, QUEUE
from rotator.services.machines.fleet_remarks import remarks_on, wrong_clock
from rotator.services.schedule.jobs import label_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rotator.core.alert import NewAlert
    from rotator.core.machines.fleet import Fleet, Machine, QueueLine, UnknownJobs
    from rotator.errors import Holder

WORKERS: Final = "workers"
"""What the trouble is called that nobody carries out jobs."""


def alerts_of(fleet: Fleet, held: Mapping[str, Holder]) -> Iterator[NewAlert]:
    """Everything that people should know of as things are; by its keys, each thing once.

    `held` are the credentials that somebody is rotating, and who.
    """
    gone = {line.machine.host: line.machine for line in fleet.lines if line.is_gone}
    for machine in gone.values():
        yield machine_gone(machine, fleet, sorted(name for name, holder in held.items() if machine.may_be(holder)))
    yield from {each.host: clock_is_wrong(each) for each in fleet.with_wrong_clocks}.values()
    yield from {new.key: new for new in (outdated(*each) for each in fleet.outdated)}.values()
    if Trouble.NO_WORKER in fleet.troubles:
        yield nobody_works(fleet)
    if Trouble.STALLED in fleet.troubles:
        yield from (queue_stalled(line, fleet) for line in fleet.stalled)


def machine_gone(machine: Machine, fleet: Fleet, held: Sequence[str] = ()) -> NewAlert:
    """A machine is silent, and nothing on its host has taken its place.

    Its sessions with the database were to be ended by then: what it still has `held` nobody may end.
    """
    number = len(fleet.working)
    others = words.count(number, "other machine carries", "other machines carry")
    kept = f"It still holds the locks of {words.listed(held)}, which nobody else rotates meanwhile." if held else ""
    goes_on = f"Its jobs were asked for anew, and {others} them out." if number else "Nobody else carries out its jobs."
    return alert(
        MACHINE,
        machine.host,
        Severity.WARNING,
        f"The machine {machine.host} is gone",
        f"Its {machine.name} has said nothing since {words.instant(machine.seen_at)}, and did not take its leave.",
        {"Machine": machine.host, "Role": str(machine.role), "Last heard of": words.instant(machine.seen_at)},
        meanwhile=words.sentences(goes_on, kept),
        to_do=words.sentences(_FREE_LOCKS if held else "", _LOOK_AFTER_IT),
    )


def outdated(machine: Machine, job: UnknownJobs) -> NewAlert:
    """A machine's configuration does not have what it is asked for."""
    what = f"{label_of(job.kind)} {job.name}".rstrip()
    return alert(
        MACHINE,
        f"{machine.host} configuration",
        Severity.WARNING,
        f"The machine {machine.host} has another configuration than the leader",
        f"It took `{what}` {words.count(job.times, 'time')} lately, and its config.yaml does not have that.",
        {"Machine": machine.host, "Job": what},
        meanwhile="Such jobs are asked for again until a machine takes them that has it.",
        to_do="Give it the config.yaml that the others have, and have that read with `systemctl reload rotator`.",
    )


def clock_is_wrong(machine: Machine) -> NewAlert:
    """A machine's clock and the database's are not the same."""
    off = machine.clock_off or timedelta(0)
    return alert(
        MACHINE,
        f"{machine.host} clock",
        Severity.WARNING,
        wrong_clock(machine.host, off),
        "It compares the two with every heartbeat.",
        {"Machine": machine.host, "Wrong by": words.length(abs(off))},
        meanwhile="What it writes down has wrong times, and orgs refuse its logins where it is some minutes.",
        to_do="Have its clock set by NTP (`timedatectl`). Where all are off by as much, the database's is wrong.",
    )


_LOOK_AFTER_IT: Final = (
    "Find out whether it is on and reaches the database; its log says more. If it does not come back, nothing is to be"
    " done: after a day it is forgotten, and this ends."
)
_FREE_LOCKS: Final = (
    "Stop that process. Its sessions with the database may not be ended by the role of the others: have all machines"
    " use one role, or `GRANT pg_signal_backend, pg_read_all_stats` to theirs."
)


def nobody_works(fleet: Fleet) -> NewAlert:
    """Somebody asks what is due, and nobody carries it out."""
    [remark] = (each for each in remarks_on(fleet) if each.trouble is Trouble.NO_WORKER)
    return alert(
        QUEUE,
        WORKERS,
        Severity.CRITICAL,
        "No machine carries out jobs",
        remark.what,
        meanwhile="No inventory is taken, nothing is rotated and nothing is sent before one does, nor was this.",
        to_do=remark.hint,
    )


def queue_stalled(line: QueueLine, fleet: Fleet) -> NewAlert:
    """Jobs of a kind wait, and no machine begins one."""
    kind, number = label_of(line.kind), len(fleet.working)
    others = words.count(number, "machine carries", "machines carry")
    since = words.instant(line.waiting_since or fleet.at)
    return alert(
        QUEUE,
        kind,
        Severity.CRITICAL,
        f"No machine takes jobs of the kind {kind}",
        f"{words.count(line.waiting, 'job waits', 'jobs wait')}, the first since {since}, and none is at work.",
        {"Kind": kind, "Waiting since": since},
        meanwhile=f"They wait until a machine takes them; {others} out jobs of other kinds.",
        to_do="The log of the machines says why they take none. `rotator workers` shows what they work at;"
        " `--concurrency` may leave that kind no room.",
    )
