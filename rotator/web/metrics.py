"""/metrics: what monitoring is told, read from the history at each scrape.

Nothing is counted in the process, so a restart resets nothing, and the series of a certificate that was replaced go.
Names follow Prometheus, "Metric and label naming". Times are timestamps, from which a rule computes what is left.
"""

from __future__ import annotations

import platform
from collections import Counter
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

import rotator
from rotator.core.lifecycle.states import CertificateState, CredentialState
from rotator.plain_text import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from prometheus_client.core import Metric

    from rotator.services.reporting.overview import Overview
    from rotator.web.source import Liveness

_PLACE: Final = ("org", "app", "type", "credential", "fingerprint", "stage")


class Metrics(Collector):
    """One scrape's metrics. Without an overview, because the history cannot be read, those of the process alone."""

    def __init__(self, overview: Overview | None, alive: Liveness) -> None:
        self._overview: Final = overview
        self._alive: Final = alive

    def collect(self) -> Iterator[Metric]:
        """Every family with its samples."""
        yield from _of_process(self._alive)
        yield _gauge("rotator_history_readable", "Whether the history database could be read (1) or not (0).",
                     float(self._overview is not None))  # fmt: skip
        if self._overview is not None:
            for families in (_of_certificates, _of_credentials, _of_orgs, _of_rotations, _of_alerts):
                yield from map(_shown, families(self._overview))


def registry(overview: Overview | None, alive: Liveness) -> CollectorRegistry:
    """A registry for one scrape, with the usual metrics of a process."""
    scrape = CollectorRegistry(auto_describe=False)
    scrape.register(Metrics(overview, alive))
    ProcessCollector(registry=scrape)
    return scrape


def _shown(family: Metric) -> Metric:
    """The family with labels that may be shown; two names stay two, as no two series may have the same."""
    family.samples = [
        sample._replace(labels={name: escaped(value) for name, value in sample.labels.items()})
        for sample in family.samples
    ]
    return family


def _gauge(name: str, help_text: str, value: float | None = None, labels: tuple[str, ...] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, value=value, labels=labels or None)


def _of_process(alive: Liveness) -> Iterator[Metric]:
    versions = {"version": rotator.__version__, "python": platform.python_version()}
    yield InfoMetricFamily("rotator_build", "The release that runs.", value=versions)
    yield _gauge("rotator_working", "Whether this process does the work (1) or stands by (0); of `rotator pages`,"
                 " whether it sees one that does.", float(alive.sees_work))  # fmt: skip
    yield _gauge("rotator_scheduler_lag_seconds", "How much later than planned the last tick came.",
                 alive.lag.total_seconds())  # fmt: skip
    ticks = _gauge("rotator_scheduler_last_tick_timestamp_seconds", "When the scheduler last asked what is due.")
    if alive.ticked_at is not None:
        ticks.add_metric((), alive.ticked_at.timestamp())
    yield ticks


def _of_certificates(overview: Overview) -> Iterator[Metric]:
    ends = _gauge("rotator_certificate_not_after_timestamp_seconds", "When a live certificate expires.", labels=_PLACE)
    begins = _gauge(
        "rotator_certificate_not_before_timestamp_seconds", "From when on a live certificate is valid.", labels=_PLACE
    )
    states = _gauge(
        "rotator_certificate_state",
        "1 for the state that a live certificate is in, and how urgent it is that somebody looks.",
        labels=(*_PLACE, "state", "urgency"),
    )
    for life in overview.certificates:
        seen = life.seen
        place = (seen.org, seen.app, seen.type, seen.credential or "", seen.fingerprint, str(seen.stage or ""))
        states.add_metric((*place, str(life.state), str(life.urgency or "")), 1)
        # Its dates count for nothing before its key has logged in.
        if life.state is CertificateState.UNPROVEN:
            continue
        ends.add_metric(place, life.not_after.timestamp())
        if seen.not_before is not None:
            begins.add_metric(place, seen.not_before.timestamp())
    yield from (ends, begins, states)


def _of_credentials(overview: Overview) -> Iterator[Metric]:
    states = _gauge(
        "rotator_credential_state",
        "1 for the state that a credential is in, 0 for every other.",
        labels=("credential", "state"),
    )
    due = _gauge(
        "rotator_credential_rotation_due_timestamp_seconds",
        "When the next rotation of a credential is due by its schedule.",
        labels=("credential",),
    )
    kept = _gauge(
        "rotator_credential_previous_until_timestamp_seconds",
        "Until when a credential's previous version is kept.",
        labels=("credential",),
    )
    refused = _gauge(
        "rotator_credential_refused_since_timestamp_seconds",
        "Since when consumers of a credential are refused; no sample while they are not.",
        labels=("credential",),
    )
    halted = _gauge(
        "rotator_credential_halted_since_timestamp_seconds",
        "Since when rotations of a credential stop where a person is needed; no sample while they do not.",
        labels=("credential",),
    )
    running = _gauge(
        "rotator_credential_running_since_timestamp_seconds",
        "Since when a rotation of a credential is at work; no sample while none is.",
        labels=("credential",),
    )
    accepted = _gauge(
        "rotator_credential_last_accepted_login_timestamp_seconds",
        "When a test login with a credential's current key was last accepted.",
        labels=("credential",),
    )
    held = _gauge(
        "rotator_credential_standstill",
        "1 while a pause, a freeze or the first start keeps rotations of a credential from beginning by schedule.",
        labels=("credential", "why"),
    )
    begins = _gauge(
        "rotator_credential_rotation_begins_timestamp_seconds",
        "When the next rotation of a credential begins by schedule; no sample where it does not, as things stand.",
        labels=("credential",),
    )
    for each in overview.credentials:
        life, this = each.life, (each.credential,)
        for why in sorted({str(one.why) for one in life.schedule.in_force(overview.at)}):
            held.add_metric((each.credential, why), 1)
        _add_time(begins, this, life.begins.at if life.begins else None)
        _add_time(refused, this, life.refused_since)
        _add_time(halted, this, life.halt.since if life.halt else None)
        _add_time(running, this, life.running.since if life.running else None)
        _add_time(accepted, this, each.record.accepted_at)
        for state in CredentialState:
            states.add_metric((each.credential, str(state)), float(state is each.state))
        _add_time(due, this, life.due_at)
        _add_time(kept, this, life.previous_until)
    yield from (states, due, begins, held, kept, refused, halted, running, accepted)


def _of_orgs(overview: Overview) -> Iterator[Metric]:
    readable = _gauge("rotator_org_readable", "Whether the last inventory of an org succeeded (1).", labels=("org",))
    inventory = _gauge(
        "rotator_org_last_good_look_timestamp_seconds", "When an inventory of an org last succeeded.", labels=("org",)
    )
    apps = _gauge("rotator_org_apps", "Apps of the last inventory, with or without a certificate.", labels=("org",))
    for org in overview.orgs:
        readable.add_metric((org.name,), float(org.is_readable))
        apps.add_metric((org.name,), org.apps)
        _add_time(inventory, (org.name,), org.inventory.last_good_at)
    yield from (readable, inventory, apps)


def _of_rotations(overview: Overview) -> Iterator[Metric]:
    ended = CounterMetricFamily(
        "rotator_rotations", "Rotations that have ended.", labels=("credential", "outcome", "trigger")
    )
    for each in overview.rotations.counts:
        ended.add_metric((each.credential, each.outcome, each.trigger), each.number)
    yield ended
    last = _gauge("rotator_rotation_last_gap_seconds", "The gap of a credential's newest rotation that had one.",
                  labels=("credential",))  # fmt: skip
    gaps = SummaryMetricFamily(
        "rotator_rotation_gap_seconds", "How long consumers may have been refused by a rotation.",
        labels=("credential",),
    )  # fmt: skip
    for gap in overview.rotations.gaps:
        gaps.add_metric((gap.credential,), count_value=gap.number, sum_value=gap.seconds)
    for credential, seconds in overview.rotations.last_gaps.items():
        last.add_metric((credential,), seconds)
    yield from (gaps, last)


def _of_alerts(overview: Overview) -> Iterator[Metric]:
    alerts = _gauge("rotator_alerts", "Open alerts.", labels=("state", "kind", "severity"))
    states = Counter((str(alert.state(overview.at)), alert.kind, str(alert.severity)) for alert in overview.alerts)
    for labels, count in sorted(states.items()):
        alerts.add_metric(labels, count)
    yield alerts
    waiting = "Notifications that a channel has not accepted yet."
    pending = _gauge("rotator_notifications_pending", waiting, labels=("channel",))
    former = _gauge("rotator_notices_owed", "Former name of rotator_notifications_pending.", labels=("channel",))
    for gauge in (pending, former):
        for channel in overview.channels:
            gauge.add_metric((channel.name,), channel.pending)
        yield gauge
    needed = _gauge(
        "rotator_needs_attention", "What cannot succeed before a person does something.", labels=("kind", "name")
    )
    for kind, name in overview.needs_attention:
        needed.add_metric((kind, name), 1)
    yield needed


def _add_time(family: GaugeMetricFamily, labels: tuple[str, ...], time: datetime | None) -> None:
    if time is not None:
        family.add_metric(labels, time.timestamp())
