"""/metrics: what monitoring is told, read from the history at each scrape.

Nothing is counted in the process, so a restart resets nothing, and the series of a certificate that was replaced go.
Names follow Prometheus, "Metric and label naming". Times are timestamps, from which a rule computes what is left.
"""

from __future__ import annotations

import platform
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    SummaryMetricFamily,
)

import rotator
from rotator.core.lifecycle.states import CertificateState, CredentialState
from rotator.plain_text import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from prometheus_client.core import Metric

    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.services.inventory.status import CredentialStatus
    from rotator.services.reporting.overview import OrgLine, Overview, Rotations
    from rotator.web.source import Liveness

_T = TypeVar("_T")

_PLACE: Final = ("org", "app", "type", "credential", "fingerprint", "stage")


def of_process(alive: Liveness, *, is_readable: bool) -> Iterator[Metric]:
    """What the process says of itself, also where the history cannot be read."""
    yield from _of_process(alive)
    yield _gauge("rotator_history_readable", "Whether the history database could be read (1) or not (0).",
                 float(is_readable))  # fmt: skip


def of_org(org: OrgShare, at: datetime) -> Iterator[Metric]:
    """An org, its credentials, and those of its certificates that have metrics of their own."""
    for families in (_of_certificates(org.certificates), _of_credentials(org.credentials, at), _of_orgs(org.lines)):
        yield from map(_shown, families)


def of_rest(overview: Overview, without: int) -> Iterator[Metric]:
    """Alerts and channels; `without`: so many certificates have no metrics of their own."""
    yield _gauge("rotator_certificates_without_metrics", "Certificates of no credential that have no metrics of their"
                 " own: those that expire last (http.metrics_unmanaged).", float(without))  # fmt: skip
    yield from map(_shown, _of_alerts(overview))


def of_rotations(rotations: Rotations) -> Iterator[Metric]:
    """How the rotations of each credential ended."""
    return map(_shown, _of_rotations(rotations))


@dataclass(frozen=True)
class OrgShare:
    """What metrics tell of one org."""

    lines: tuple[OrgLine, ...]
    """One; none where only the names of the families are wanted."""
    credentials: tuple[CredentialStatus, ...]
    certificates: tuple[CertificateLife, ...]

    @property
    def rows(self) -> tuple[object, ...]:
        """All that it is made of: as long as these are the same objects, what is written of them is the same."""
        return (*self.lines, *self.credentials, *self.certificates)


def shares(overview: Overview, unmanaged: int) -> tuple[dict[str, OrgShare], int]:
    """The share of each org, with so many certificates that no credential has; and how many are left out.

    Those that expire next come first, those that have expired last: what expires is to be seen however many there are.
    """
    shown, without = _with_metrics(overview.certificates, unmanaged)
    certificates = _grouped(shown, lambda life: life.seen.org)
    credentials = _grouped(overview.credentials, lambda each: each.settings.org)
    found = {
        line.name: OrgShare((line,), tuple(credentials.get(line.name, ())), tuple(certificates.get(line.name, ())))
        for line in overview.orgs
    }
    return found, without


def _with_metrics(lives: Sequence[CertificateLife], unmanaged: int) -> tuple[list[CertificateLife], int]:
    managed = [life for life in lives if life.seen.credential]
    others = [life for life in lives if not life.seen.credential]
    if len(others) <= unmanaged:
        return [*managed, *others], 0
    ahead = [life for life in others if life.state is not CertificateState.EXPIRED]
    expired = [life for life in reversed(others) if life.state is CertificateState.EXPIRED]
    return [*managed, *[*ahead, *expired][:unmanaged]], len(others) - unmanaged


def _grouped(these: Iterable[_T], org_of: Callable[[_T], str]) -> dict[str, list[_T]]:
    groups: dict[str, list[_T]] = {}
    for each in these:
        groups.setdefault(org_of(each), []).append(each)
    return groups


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


def _of_certificates(lives: Iterable[CertificateLife]) -> Iterator[Metric]:
    ends = _gauge("rotator_certificate_not_after_timestamp_seconds", "When a live certificate expires.", labels=_PLACE)
    begins = _gauge(
        "rotator_certificate_not_before_timestamp_seconds", "From when on a live certificate is valid.", labels=_PLACE
    )
    states = _gauge(
        "rotator_certificate_state",
        "1 for the state that a live certificate is in, and how urgent it is that somebody looks.",
        labels=(*_PLACE, "state", "urgency"),
    )
    for life in lives:
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


def _of_credentials(credentials: Iterable[CredentialStatus], at: datetime) -> Iterator[Metric]:
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
    for each in credentials:
        life, this = each.life, (each.credential,)
        for why in sorted({str(one.why) for one in life.schedule.in_force(at)}):
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


def _of_orgs(orgs: Iterable[OrgLine]) -> Iterator[Metric]:
    readable = _gauge("rotator_org_readable", "Whether the last inventory of an org succeeded (1).", labels=("org",))
    inventory = _gauge(
        "rotator_org_last_good_look_timestamp_seconds", "When an inventory of an org last succeeded.", labels=("org",)
    )
    apps = _gauge("rotator_org_apps", "Apps of the last inventory, with or without a certificate.", labels=("org",))
    hidden = _gauge(
        "rotator_org_apps_not_shown",
        "Apps whose certificate the org does not show, and for which no stored version stands.",
        labels=("org",),
    )
    counted = _gauge(
        "rotator_org_certificates",
        "Live certificates of an org, those of credentials (managed) and the others apart.",
        labels=("org", "managed", "state", "urgency"),
    )
    for org in orgs:
        for (is_managed, state, urgency), count in org.counts.items():
            counted.add_metric((org.name, "yes" if is_managed else "no", state, urgency), count)
        readable.add_metric((org.name,), float(org.is_readable))
        apps.add_metric((org.name,), org.apps)
        hidden.add_metric((org.name,), len(org.hidden))
        _add_time(inventory, (org.name,), org.inventory.last_good_at)
    yield from (readable, inventory, apps, hidden, counted)


def _of_rotations(rotations: Rotations) -> Iterator[Metric]:
    ended = CounterMetricFamily(
        "rotator_rotations", "Rotations that have ended.", labels=("credential", "outcome", "trigger")
    )
    for each in rotations.counts:
        ended.add_metric((each.credential, each.outcome, each.trigger), each.number)
    yield ended
    last = _gauge("rotator_rotation_last_gap_seconds", "The gap of a credential's newest rotation that had one.",
                  labels=("credential",))  # fmt: skip
    gaps = SummaryMetricFamily(
        "rotator_rotation_gap_seconds", "How long consumers may have been refused by a rotation.",
        labels=("credential",),
    )  # fmt: skip
    for gap in rotations.gaps:
        gaps.add_metric((gap.credential,), count_value=gap.number, sum_value=gap.seconds)
    for credential, seconds in rotations.last_gaps.items():
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
