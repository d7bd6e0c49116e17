"""Gathers from the history alone what people and monitors are shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from rotator.core.attempts import AttemptRecord
from rotator.core.severity import Severity
from rotator.core.thresholds import is_expired
from rotator.errors import ConfigurationError
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import Outbox
from rotator.history.attempts import AttemptRecords
from rotator.history.journal import queries, rotations
from rotator.history.journal.events import try_writing
from rotator.history.sightings import sightings_of
from rotator.services.alerting.details import details_of
from rotator.services.alerting.kinds import DELIVERY, ORG, ROTATION, key
from rotator.services.alerting.rules import open_alerts
from rotator.services.inventory.credential_history import CredentialHistory, histories
from rotator.services.inventory.ownership import last_known
from rotator.services.inventory.status import CredentialStatus, last_known_status
from rotator.services.reporting.overview import (
    CertificateDetails,
    ChannelLine,
    OrgLine,
    Overview,
    RotationDetails,
    Rotations,
)
from rotator.services.schedule.context import is_still_configured
from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rotator.config.settings import CredentialSettings, Settings
    from rotator.core.alert import Alert
    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.history.engine.database import Database
    from rotator.services.alerting.details import AlertDetails

NEWEST: Final = 500
"""So many rotations are shown."""

_ALERTS: Final[dict[str, str]] = {JobKind.INVENTORY: ORG, JobKind.ROTATE: ROTATION, JobKind.DELIVER: DELIVERY}
"""The kind of alert that says that an attempt fails, by the kind of the attempt."""

_ANY_TIME: Final = datetime.min.replace(tzinfo=UTC)

_URGENT: Final = frozenset({Severity.CRITICAL, Severity.WARNING})


class HistoryReader:
    """Reads the history afresh at each call. Every method raises HistoryError or HistoryUnavailable."""

    def __init__(self, settings: Callable[[], Settings], database: Database, now: Callable[[], datetime]) -> None:
        """`settings` are asked for each time, as they may be read again while pages are served."""
        self._settings: Final = settings
        self._database: Final = database
        self._now: Final = now

    def overview(self) -> Overview:
        """Everything at this moment."""
        return _Moment(self._settings(), self._database, self._now()).overview()

    def rotation(self, rotation_id: str) -> RotationDetails | None:
        """One rotation and its steps; None for an id that there is not."""
        found = rotations.rotation(self._database, rotation_id)
        return RotationDetails(found, tuple(queries.events(self._database, rotation_id=rotation_id))) if found else None

    def certificate(self, fingerprint: str) -> CertificateDetails | None:
        """Where a certificate was seen and what brought or replaced it; None for one that was never seen."""
        places = sightings_of(self._database, fingerprint)
        if not places:
            return None
        had_to_do = rotations.rotations_of(self._database, fingerprint)
        return CertificateDetails(
            tuple(places),
            tuple(each for each in had_to_do if each.new_fingerprint == fingerprint),
            tuple(each for each in had_to_do if each.old_fingerprint == fingerprint),
        )

    def alert(self, alert_id: str) -> AlertDetails | None:
        """One alert and who was told of it; None for an id that there is not."""
        try:
            found = AlertRecords(self._database).find(alert_id)
        except ConfigurationError:
            return None
        [details] = details_of([found], self._settings(), self._database, self._now())
        return details

    def try_writing(self) -> None:
        """Proves that the history can be written."""
        with self._database.writing() as connection:
            try_writing(connection)


@dataclass(frozen=True)
class _Moment:
    """The history at one moment, each part of it read once."""

    settings: Settings
    database: Database
    now: datetime

    def overview(self) -> Overview:
        alerts = self.settings.alerts
        return Overview(
            at=self.now,
            thresholds=alerts.thresholds,
            inventory_every=self.settings.daemon.inventory_every,
            certificates=self._certificates,
            orgs=tuple(map(self._org, self.settings.orgs)),
            credentials=tuple(self._credential(*each) for each in self.settings.credentials.items()),
            channels=tuple(self._channels()),
            alerts=self._alerts,
            troubles=tuple(
                attempt for attempt in self._attempts.values() if attempt.needs_attention and self._is_ours(attempt)
            ),
            untold=tuple(attempt for attempt in self._attempts.values() if self._is_untold(attempt)),
            rotations=self._rotations(),
        )

    @cached_property
    def _places(self) -> list[CertificateLife]:
        return last_known(self.settings, self.database, self.now)

    @cached_property
    def _attempts(self) -> dict[tuple[str, str], AttemptRecord]:
        return {(attempt.kind, attempt.name): attempt for attempt in AttemptRecords(self.database).all()}

    @cached_property
    def _histories(self) -> dict[str, CredentialHistory]:
        return histories(self.database, self.settings.credentials)

    @cached_property
    def _certificates(self) -> tuple[CertificateLife, ...]:
        dated = (life for life in self._places if life.expiry)
        return tuple(sorted(dated, key=lambda life: (life.not_after, life.seen.org, life.seen.app)))

    @cached_property
    def _by_org(self) -> Mapping[str, Sequence[CertificateLife]]:
        return _grouped((life.seen.org, life) for life in self._certificates)

    @cached_property
    def _apps(self) -> Mapping[str, int]:
        return Counter(life.seen.org for life in self._places if life.seen.is_app)

    @cached_property
    def _by_credential(self) -> Mapping[str, Sequence[CertificateLife]]:
        return _grouped((life.seen.credential, life) for life in self._places if life.seen.credential)

    def _org(self, name: str) -> OrgLine:
        lives = self._by_org.get(name, ())
        ahead = (life for life in lives if life.is_anybodys_business and not is_expired(life.not_after, self.now))
        return OrgLine(
            name=name,
            inventory=self._attempt(JobKind.INVENTORY, name),
            apps=self._apps[name],
            certificates=len(lives),
            urgent=sum(life.urgency in _URGENT for life in lives),
            soonest=next((life.not_after for life in ahead), None),
        )

    def _credential(self, name: str, settings: CredentialSettings) -> CredentialStatus:
        return last_known_status(
            self.settings,
            name,
            self._histories.get(name, CredentialHistory()),
            self._attempt(JobKind.INVENTORY, settings.org),
            (life.seen for life in self._by_credential.get(name, ())),
            self.now,
        )

    def _channels(self) -> Iterable[ChannelLine]:
        pending = Outbox(self.database).pending()
        for name, channel in self.settings.alerts.channels.items():
            attempt = self._attempt(JobKind.DELIVER, name)
            yield ChannelLine(name=name, kind=channel.type, attempt=attempt, pending=pending.get(name, 0))

    @cached_property
    def _alerts(self) -> tuple[Alert, ...]:
        newest_first = reversed(open_alerts(self.database, self.settings))
        return tuple(sorted(newest_first, key=_pressure))

    def _rotations(self) -> Rotations:
        return Rotations(
            newest=tuple(queries.rotations(self.database, limit=NEWEST)),
            counts=tuple(rotations.counts(self.database)),
            gaps=tuple(rotations.gaps(self.database)),
            last_gaps=rotations.newest_gap(self.database),
        )

    def _attempt(self, kind: JobKind, name: str) -> AttemptRecord:
        return self._attempts.get((str(kind), name), AttemptRecord(str(kind), name))

    def _is_untold(self, attempt: AttemptRecord) -> bool:
        """Whether it needs a person, and no open alert says so."""
        told = {alert.key for alert in self._alerts}
        trouble = key(_ALERTS.get(attempt.kind, attempt.kind), attempt.name)
        return attempt.needs_attention and self._is_ours(attempt) and trouble not in told

    def _is_ours(self, attempt: AttemptRecord) -> bool:
        """Whether the configuration still has what was tried."""
        return is_still_configured(self.settings, attempt.kind, attempt.name)


def _grouped(lines: Iterable[tuple[str, CertificateLife]]) -> Mapping[str, Sequence[CertificateLife]]:
    groups: dict[str, list[CertificateLife]] = {}
    for name, line in lines:
        groups.setdefault(name, []).append(line)
    return groups


def _pressure(alert: Alert) -> tuple[int, bool, datetime]:
    """Sorts alerts: the most severe first, those of certificates after the others, by their expiry."""
    severity = -list(Severity).index(alert.severity)
    return severity, alert.not_after is not None, alert.not_after or _ANY_TIME
