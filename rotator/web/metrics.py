"""/metrics: what monitoring is told, read from the history at each scrape.

Nothing is counted in the process, so a restart resets nothing, and the series of a certificate that was replaced go.
Names follow Prometheus, "Metric and label naming". Times are timestamps, from which a rule computes what is left.
"""

from __future__ import annotations

import platform
from collections import Counter
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.utils import floatToGoString

import rotator
from rotator.core.lifecycle.states import CertificateState, CredentialState
from rotator.core.posture.judgements import Verdict
from rotator.plain_text import escaped
from rotator.portions import portions
from rotator.services.usage.shown import sources_by_standing, unconfirmed_of
from rotator.web.machine_metrics import of_machines

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


class Many:
    """A family that has samples by the thousand, as text: without an object of the library for each."""

    def __init__(self, kind: Callable[..., Any], name: str, help_text: str, labels: tuple[str, ...]) -> None:
        self.name: Final = name
        self._kind: Final = kind
        self._help: Final = help_text
        self._labels: Final = labels
        self.samples: Final[list[tuple[str, ...]]] = []
        """Of each the values of its labels, and its own: two of a summary, a count and a sum."""

    def add_metric(self, labels: tuple[str, ...], *values: float) -> None:
        """Adds a sample; two names stay two, as no two series may have the same."""
        # Nearly all labels may be written as they are.
        together = "".join(labels)
        is_plain = together.isprintable() and '"' not in together and "\\" not in together
        self.samples.append((*(labels if is_plain else map(_label_text, labels)), *map(floatToGoString, values)))

    def example(self, label: Callable[[int], str], value: Callable[[int], float]) -> Metric:
        """The family with one sample, for the library to write, where each label and value is that of its number."""
        family = self._kind(self.name, self._help, labels=self._labels)
        count = len(self._labels)
        values = 2 if self._kind is SummaryMetricFamily else 1
        family.add_metric([*map(label, range(count))], *map(value, range(count, count + values)))
        return cast("Metric", family)


def _label_text(value: str) -> str:
    return escaped(value).replace("\\", r"\\").replace('"', r"\"")


def _gauges(name: str, help_text: str, labels: tuple[str, ...]) -> Many:
    return Many(GaugeMetricFamily, name, help_text, labels)


def of_process(alive: Liveness, *, is_readable: bool) -> Iterator[Metric]:
    """What the process says of itself, also where the history cannot be read."""
    yield from _of_process(alive)
    yield _gauge("rotator_history_readable", "Whether the history database could be read (1) or not (0).",
                 float(is_readable))  # fmt: skip


def of_orgs(some: OrgsShare, at: datetime) -> Iterator[Many]:
    """Some orgs, their credentials, and those of their certificates that have metrics of their own.

    The same families in the same order, whatever there is of them.
    """
    yield from _of_certificates(some.certificates)
    yield from _of_credentials(some.credentials, at)
    yield from _of_orgs(some.lines)


def of_rest(overview: Overview, without: int) -> Iterator[Metric]:
    """Alerts, channels and machines; `without`: so many certificates have no metrics of their own."""
    yield _gauge("rotator_certificates_without_metrics", "Certificates of no credential that have no metrics of their"
                 " own: those that expire last (http.metrics_unmanaged).", float(without))  # fmt: skip
    yield from map(_shown, _of_alerts(overview))
    if overview.machines is not None:
        yield from map(_shown, of_machines(overview.machines))


def of_rotations(rotations: Rotations) -> Iterator[Many]:
    """How the rotations of each credential ended."""
    ended = Many(CounterMetricFamily, "rotator_rotations", "Rotations that have ended.",
                 labels=("credential", "outcome", "trigger"))  # fmt: skip
    for each in rotations.counts:
        ended.add_metric((each.credential, each.outcome, each.trigger), each.number)
    last = _gauges("rotator_rotation_last_gap_seconds", "The gap of a credential's newest rotation that had one.",
                   labels=("credential",))  # fmt: skip
    gaps = Many(SummaryMetricFamily, "rotator_rotation_gap_seconds", "How long consumers may have been refused by a"
                " rotation.", labels=("credential",))  # fmt: skip
    for gap in rotations.gaps:
        gaps.add_metric((gap.credential,), gap.number, gap.seconds)
    for credential, seconds in rotations.last_gaps.items():
        last.add_metric((credential,), seconds)
    yield from (ended, gaps, last)


@dataclass(frozen=True)
class OrgsShare:
    """What metrics tell of some orgs."""

    lines: tuple[OrgLine, ...]
    """None where only the names of the families are wanted."""
    credentials: tuple[CredentialStatus, ...]
    certificates: tuple[CertificateLife, ...]

    @property
    def rows(self) -> tuple[object, ...]:
        """All that it is made of: as long as these are the same objects, what is written of them is the same."""
        return (*self.lines, *self.credentials, *self.certificates)


def shares(overview: Overview, unmanaged: int, together: int) -> tuple[list[OrgsShare], int]:
    """The shares of so many orgs each, with so many certificates that no credential has; and how many are left out.

    Those that expire next come first, those that have expired last: what expires is to be seen however many there are.
    """
    shown, without = _with_metrics(overview.certificates, unmanaged)
    certificates = _grouped(shown, lambda life: life.seen.org)
    credentials = _grouped(overview.credentials, lambda each: each.settings.org)
    found = []
    for lines in portions(overview.orgs, together):
        theirs = (each for line in lines for each in credentials.get(line.name, ()))
        held = (life for line in lines for life in certificates.get(line.name, ()))
        found.append(OrgsShare(tuple(lines), tuple(theirs), tuple(held)))
    return found, without


def _with_metrics(lives: Sequence[CertificateLife], unmanaged: int) -> tuple[list[CertificateLife], int]:
    managed: list[CertificateLife] = []
    others: list[CertificateLife] = []
    for life in lives:
        (managed if life.seen.credential else others).append(life)
    ahead = (life for life in others if life.state is not CertificateState.EXPIRED)
    expired = (life for life in reversed(others) if life.state is CertificateState.EXPIRED)
    return [*managed, *islice(chain(ahead, expired), unmanaged)], len(others) - unmanaged


def _grouped(these: Iterable[_T], org_of: Callable[[_T], str]) -> dict[str, list[_T]]:
    groups: dict[str, list[_T]] = {}
    for each in these:
        groups.setdefault(org_of(each), []).append(each)
    return groups


def _shown(family: Metric) -> Metric:
    """The family with labels that may be shown; two names stay two, as no two series may have the same."""
    for sample in family.samples:
        for name, value in sample.labels.items():
            # Nearly all may be: there are a hundred thousand of them in one answer.
            if not value.isprintable():
                sample.labels[name] = escaped(value)
    return family


def _gauge(name: str, help_text: str, value: float | None = None, labels: tuple[str, ...] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, value=value, labels=labels or None)


def _of_process(alive: Liveness) -> Iterator[Metric]:
    versions = {"version": rotator.__version__, "python": platform.python_version()}
    yield InfoMetricFamily("rotator_build", "The release that runs.", value=versions)
    yield _gauge("rotator_working", "Whether this process leads or carries out jobs (1) or stands by (0); of `rotator"
                 " pages`, whether it sees one that leads.", float(alive.sees_work))  # fmt: skip
    yield _gauge("rotator_scheduler_lag_seconds", "How much later than planned the last tick came.",
                 alive.lag.total_seconds())  # fmt: skip
    ticks = _gauge("rotator_scheduler_last_tick_timestamp_seconds", "When the scheduler last asked what is due.")
    if alive.ticked_at is not None:
        ticks.add_metric((), alive.ticked_at.timestamp())
    yield ticks


def _of_certificates(lives: Iterable[CertificateLife]) -> Iterator[Many]:
    ends = _gauges("rotator_certificate_not_after_timestamp_seconds", "When a live certificate expires.", labels=_PLACE)
    begins = _gauges(
        "rotator_certificate_not_before_timestamp_seconds", "From when on a live certificate is valid.", labels=_PLACE
    )
    states = _gauges(
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


def _of_credentials(credentials: Iterable[CredentialStatus], at: datetime) -> Iterator[Many]:
    states = _gauges(
        "rotator_credential_state",
        "1 for the state that a credential is in, 0 for every other.",
        labels=("credential", "state"),
    )
    due = _gauges(
        "rotator_credential_rotation_due_timestamp_seconds",
        "When the next rotation of a credential is due by its schedule.",
        labels=("credential",),
    )
    kept = _gauges(
        "rotator_credential_previous_until_timestamp_seconds",
        "Until when a credential's previous version is kept.",
        labels=("credential",),
    )
    refused = _gauges(
        "rotator_credential_refused_since_timestamp_seconds",
        "Since when consumers of a credential are refused; no sample while they are not.",
        labels=("credential",),
    )
    halted = _gauges(
        "rotator_credential_halted_since_timestamp_seconds",
        "Since when rotations of a credential stop where a person is needed; no sample while they do not.",
        labels=("credential",),
    )
    running = _gauges(
        "rotator_credential_running_since_timestamp_seconds",
        "Since when a rotation of a credential is at work; no sample while none is.",
        labels=("credential",),
    )
    accepted = _gauges(
        "rotator_credential_last_accepted_login_timestamp_seconds",
        "When a test login with a credential's current key was last accepted.",
        labels=("credential",),
    )
    held = _gauges(
        "rotator_credential_standstill",
        "1 while a pause, a freeze or the first start keeps rotations of a credential from beginning by schedule.",
        labels=("credential", "why"),
    )
    begins = _gauges(
        "rotator_credential_rotation_begins_timestamp_seconds",
        "When the next rotation of a credential begins by schedule; no sample where it does not, as things stand.",
        labels=("credential",),
    )
    sources = _gauges(
        "rotator_credential_sources",
        "Where logins of a credential's user come from, by whether they have moved to the current key.",
        labels=("credential", "standing"),
    )
    silent = _gauges(
        "rotator_credential_consumers_unconfirmed",
        "Consumers in the configuration that have not said that they log in with the current version.",
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
        for standing, count in sources_by_standing(each).items():
            sources.add_metric((each.credential, str(standing)), count)
        if each.settings.consumers:
            silent.add_metric(this, len(unconfirmed_of(each)))
    yield from (states, due, begins, held, kept, refused, halted, running, accepted, sources, silent)


def _of_orgs(orgs: Iterable[OrgLine]) -> Iterator[Many]:
    readable = _gauges("rotator_org_readable", "Whether the last inventory of an org succeeded (1).", labels=("org",))
    inventory = _gauges(
        "rotator_org_last_good_look_timestamp_seconds", "When an inventory of an org last succeeded.", labels=("org",)
    )
    apps = _gauges("rotator_org_apps", "Apps of the last inventory, with or without a certificate.", labels=("org",))
    hidden = _gauges(
        "rotator_org_apps_not_shown",
        "Apps whose certificate the org does not show, and for which no stored version stands.",
        labels=("org",),
    )
    counted = _gauges(
        "rotator_org_certificates",
        "Live certificates of an org, those of credentials (managed) and the others apart.",
        labels=("org", "managed", "state", "urgency"),
    )
    findings = _gauges(
        "rotator_audit_findings",
        "What the last audit of an org found that is not as it should be, in it and its credentials.",
        labels=("org", "check", "severity"),
    )
    unseen = _gauges(
        "rotator_audit_not_visible", "Checks of the last audit whose answer the org does not show.", labels=("org",)
    )
    audits = _gauges(
        "rotator_audit_last_good_timestamp_seconds", "When an audit of an org last succeeded.", labels=("org",)
    )
    for org in orgs:
        found = Counter((each.check, str(each.risk)) for each in org.findings)
        for (check, risk), count in sorted(found.items()):
            findings.add_metric((org.name, check, risk), count)
        _add_time(audits, (org.name,), org.audit.last_good_at)
        if org.audit.last_good_at:
            hidden_checks = sum(each.verdict is Verdict.HIDDEN for each in org.audited)
            unseen.add_metric((org.name,), hidden_checks)
        for (is_managed, state, urgency), count in org.counts.items():
            counted.add_metric((org.name, "yes" if is_managed else "no", state, urgency), count)
        readable.add_metric((org.name,), float(org.is_readable))
        apps.add_metric((org.name,), org.apps)
        hidden.add_metric((org.name,), len(org.hidden))
        _add_time(inventory, (org.name,), org.inventory.last_good_at)
    yield from (readable, inventory, apps, hidden, counted, findings, unseen, audits)


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


def _add_time(family: Many, labels: tuple[str, ...], time: datetime | None) -> None:
    if time is not None:
        family.add_metric(labels, time.timestamp())
