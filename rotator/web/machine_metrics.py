"""What monitoring is told of the machines that share the work, and of the queue between them; by each the same."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from rotator.core.machines.fleet import MachineState, QueueLine, Role, Trouble
from rotator.services.schedule.jobs import SHARED, label_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from rotator.core.machines.fleet import Fleet
    from rotator.services.machines.fleet_reader import MachinesShown


def of_machines(shown: MachinesShown) -> Iterator[Metric]:
    """Nothing but that they cannot be read, where they cannot."""
    yield GaugeMetricFamily(
        "rotator_machines_readable", "Whether the machines and their queue could be read (1) or not (0).",
        value=float(shown.fleet is not None),
    )  # fmt: skip
    if shown.fleet is not None:
        yield from _machines(shown.fleet)
        yield from _queue(shown.fleet)


def _machines(fleet: Fleet) -> Iterator[Metric]:
    troubles = GaugeMetricFamily(
        "rotator_machines_trouble", "1 for what keeps jobs from being done on every machine.", labels=("trouble",)
    )
    for trouble in Trouble:
        troubles.add_metric((trouble,), float(trouble in fleet.troubles))
    yield troubles
    counted = GaugeMetricFamily("rotator_machines", "The services on this database.", labels=("role", "state"))
    counts = Counter((line.machine.role, line.state) for line in fleet.lines)
    for role, state in product(Role, MachineState):
        counted.add_metric((role, state), counts[role, state])
    yield counted
    # By host and process two may be called alike: containers have what host they are given, and one process.
    place = ("machine", "host", "pid", "role")
    leads = GaugeMetricFamily("rotator_machine_leads", "1 for the machine that leads.", labels=place)
    gone = GaugeMetricFamily(
        "rotator_machine_gone", "1 for a machine that is silent, and was not started anew.", labels=place
    )
    seen = GaugeMetricFamily(
        "rotator_machine_last_seen_timestamp_seconds", "When a machine last said that it is there.", labels=place
    )
    jobs = GaugeMetricFamily("rotator_machine_jobs", "The jobs that a machine works at.", labels=(*place, "kind"))
    longest = GaugeMetricFamily(
        "rotator_machine_longest_job_timestamp_seconds", "When it began the one that it has worked at for longest.",
        labels=(*place, "kind"),
    )  # fmt: skip
    for line in fleet.lines:
        labels = (line.machine.id, line.machine.host, str(line.machine.pid), line.machine.role)
        leads.add_metric(labels, float(line.leads))
        gone.add_metric(labels, float(line.is_gone))
        seen.add_metric(labels, line.machine.seen_at.timestamp())
        for kind, count in sorted(Counter(job.kind for job in line.jobs).items()):
            jobs.add_metric((*labels, label_of(kind)), count)
            first = next(job for job in line.jobs if job.kind == kind)
            longest.add_metric((*labels, label_of(kind)), first.begun_at.timestamp())
    yield from (leads, gone, seen, jobs, longest)


def _queue(fleet: Fleet) -> Iterator[Metric]:
    jobs = GaugeMetricFamily(
        "rotator_queue_jobs", "Jobs that were asked for and have not ended.", labels=("kind", "state")
    )
    oldest = GaugeMetricFamily(
        "rotator_queue_oldest_timestamp_seconds", "When the oldest of them was asked for.", labels=("kind",)
    )
    stalled = GaugeMetricFamily(
        "rotator_queue_stalled", "1 for a kind whose jobs wait while no machine begins one.", labels=("kind",)
    )
    stalls = CounterMetricFamily("rotator_queue_stalls", "Jobs whose machine was lost.", labels=("kind",))
    lines: dict[str, QueueLine] = {kind: QueueLine(kind=kind) for kind in SHARED}
    for line in (lines | {line.kind: line for line in fleet.queue}).values():
        kind = label_of(line.kind)
        jobs.add_metric((kind, "waiting"), line.waiting)
        jobs.add_metric((kind, "running"), line.running)
        stalled.add_metric((kind,), float(line.is_stalled(fleet.at)))
        stalls.add_metric((kind,), line.stalls)
        if line.oldest_asked_at is not None:
            oldest.add_metric((kind,), line.oldest_asked_at.timestamp())
    yield from (jobs, oldest, stalled, stalls)
