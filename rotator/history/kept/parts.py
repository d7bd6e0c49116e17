"""What can be kept of each table, and how it is read."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import Outbox
from rotator.history.attempt_records import AttemptRecords
from rotator.history.audit_findings import AuditFindings
from rotator.history.engine.transactions import Within
from rotator.history.journal import queries, rotations
from rotator.history.journal.standstill_rows import key_of
from rotator.history.kept.kept_rows import Part
from rotator.history.last_observations import LastObservation, LastObservations
from rotator.history.sightings import standing_sightings
from rotator.history.standstills import Standstills
from rotator.history.usage.consumer_reports import ConsumerReports
from rotator.history.usage.usages import Usages

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from rotator.core.alert import Alert
    from rotator.core.attempts import AttemptRecord
    from rotator.core.observed import ObservedCertificate
    from rotator.core.posture.kept_finding import KeptFinding
    from rotator.core.schedule import Standstill
    from rotator.core.usage.retirement import ConsumerReport
    from rotator.core.usage.usage import Usage
    from rotator.history.journal.projection import CredentialRecord
    from rotator.history.journal.rotations import Count, GapTotal
    from rotator.history.records import Rotation


@dataclass(frozen=True)
class Learnt:
    """What the journal has of one credential."""

    record: CredentialRecord
    last_promotion: datetime | None


@dataclass(frozen=True)
class RotationsOf:
    """The rotations of one credential, in short."""

    newest: Rotation
    counts: tuple[Count, ...]
    gaps: GapTotal | None
    last_gap: float | None
    """Seconds."""


def _standing(connection: Connection, names: Collection[str] | None) -> dict[str, tuple[ObservedCertificate, ...]]:
    found = standing_sightings(Within(connection), names)
    return {org: tuple(these) for org, these in groupby(found, key=lambda each: each.org)}


def _observations(connection: Connection, names: Collection[str] | None) -> dict[str, LastObservation]:
    return LastObservations(Within(connection)).all(names)


def _attempts(connection: Connection, names: Collection[str] | None) -> dict[str, Mapping[str, AttemptRecord]]:
    found: dict[str, dict[str, AttemptRecord]] = {}
    for each in AttemptRecords(Within(connection)).all(names=names):
        found.setdefault(each.name, {})[each.kind] = each
    return {**found}


def _learnt(connection: Connection, names: Collection[str] | None) -> dict[str, Learnt]:
    here = Within(connection)
    promoted = queries.promotions(here, names)
    records = queries.credential_records(here, names)
    return {name: Learnt(record, promoted.get(name)) for name, record in records.items()}


def _rotations(connection: Connection, names: Collection[str] | None) -> dict[str, RotationsOf]:
    here = Within(connection)
    counted = groupby(rotations.counts(here, names), key=lambda each: each.credential)
    counts = {name: tuple(these) for name, these in counted}
    gaps = {each.credential: each for each in rotations.gaps(here, names)}
    last_gaps = rotations.newest_gap(here, names)
    return {
        name: RotationsOf(each, counts.get(name, ()), gaps.get(name), last_gaps.get(name))
        for name, each in rotations.newest(here, names).items()
    }


def _unfinished(connection: Connection, names: Collection[str] | None) -> dict[str, bool]:
    return dict.fromkeys(rotations.unfinished(Within(connection), names), True)


def _alerts(connection: Connection, names: Collection[str] | None) -> dict[str, Alert]:
    return {each.id: each for each in AlertRecords(Within(connection)).open_alerts(ids=names)}


def _pending(connection: Connection, names: Collection[str] | None) -> dict[str, int]:
    return Outbox(Within(connection)).pending(names)


def _standstills(connection: Connection, names: Collection[str] | None) -> dict[str, Standstill]:
    found = {key_of(each): each for each in Standstills(Within(connection)).all()}
    return {key: each for key, each in found.items() if names is None or key in names}


def _usages(connection: Connection, names: Collection[str] | None) -> dict[str, Usage]:
    return Usages(Within(connection)).all(names)


def _findings(connection: Connection, names: Collection[str] | None) -> dict[str, tuple[KeptFinding, ...]]:
    found = sorted(AuditFindings(Within(connection)).all(names), key=lambda each: each.org)
    return {org: tuple(these) for org, these in groupby(found, key=lambda each: each.org)}


def _reports(connection: Connection, names: Collection[str] | None) -> dict[str, tuple[ConsumerReport, ...]]:
    return ConsumerReports(Within(connection)).all(names)


STANDING: Final = Part("sighting", _standing)
"""What was last seen in each org and has not vanished, by type and name."""

OBSERVATIONS: Final = Part("last_observation", _observations)
"""How each credential was last seen."""

ATTEMPTS: Final = Part("attempt", _attempts)
"""The attempts at what has one name, by their kinds."""

LEARNT: Final = Part("credential_record", _learnt)
"""What the journal has of each credential; a promotion changes its record in any case."""

ROTATIONS: Final = Part("rotation", _rotations)
"""The rotations of each credential."""

UNFINISHED: Final = Part("rotation", _unfinished)
"""The credentials with a rotation that has no outcome."""

FINDINGS: Final = Part("finding", _findings)
"""What the last audit of each org came to, where that is not that all is well; what matters most first."""

ALERTS: Final = Part("alert", _alerts)
"""The open alerts by their ids."""

PENDING: Final = Part("notification", _pending)
"""How many notifications are pending for each channel; of one for which none is, nothing."""

USAGE: Final = Part("login_usage", _usages)
"""Who uses each credential since its last promotion."""

REPORTED: Final = Part("consumer_report", _reports)
"""What the consumers of each credential have said."""

STANDSTILLS: Final = Part("standstill", _standstills)
"""What holds rotations up, by where each has its place."""
