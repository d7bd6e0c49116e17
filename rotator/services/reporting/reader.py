"""Gathers from the history alone what people and monitors are shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from rotator.core.attempts import AttemptRecord
from rotator.core.credentials import Stage
from rotator.core.kinds import Kind
from rotator.core.severity import Severity
from rotator.core.windows import may_begin, rest_ends
from rotator.errors import ConfigurationError
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import Outbox
from rotator.history.attempts import AttemptRecords
from rotator.history.journal import queries, rotations
from rotator.history.journal.events import try_writing
from rotator.history.sightings import last_sightings
from rotator.services.alerting.catalog import ATTENTION, DELIVERY, ORG, ROTATION, UNSTORED, key
from rotator.services.alerting.details import details_of
from rotator.services.reporting.live import LiveCertificates
from rotator.services.reporting.overview import (
    CertificateLine,
    CertificatePast,
    ChannelLine,
    CredentialLine,
    OrgLine,
    Overview,
    RotationPast,
    Rotations,
    Urgency,
)
from rotator.services.schedule.due import longest_rotation, windows_of
from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from rotator.config.settings import CredentialSettings, Settings
    from rotator.core.alert import Alert
    from rotator.history.engine.database import Database
    from rotator.history.records import LastSighting, Rotation
    from rotator.services.alerting.details import AlertDetails

NEWEST: Final = 500
"""So many rotations are shown."""

_ALERTS: Final[dict[str, str]] = {JobKind.INVENTORY: ORG, JobKind.ROTATE: ROTATION, JobKind.DELIVER: DELIVERY}
"""The kind of alert that says that an attempt fails, by the kind of the attempt."""

_ANY_TIME: Final = datetime.min.replace(tzinfo=UTC)

_URGENT: Final = frozenset({Urgency.EXPIRED, Urgency.CRITICAL, Urgency.WARNING})


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

    def rotation(self, rotation_id: str) -> RotationPast | None:
        """One rotation and its steps; None for an id that there is not."""
        found = rotations.rotation(self._database, rotation_id)
        return RotationPast(found, tuple(queries.events(self._database, rotation_id=rotation_id))) if found else None

    def certificate(self, fingerprint: str) -> CertificatePast | None:
        """Where a certificate was seen and what brought or replaced it; None for one that was never seen."""
        seen = (each for each in queries.certificates(self._database) if each.fingerprint == fingerprint)
        found = next(seen, None)
        if found is None:
            return None
        had_to_do = rotations.rotations_of(self._database, fingerprint)
        return CertificatePast(
            found,
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
            look_every=self.settings.daemon.inventory_every,
            certificates=self._lines,
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
    def _sightings(self) -> list[LastSighting]:
        seen = last_sightings(self.database)
        return [each for each in seen if each.gone_at is None and each.org in self.settings.orgs]

    @cached_property
    def _attempts(self) -> dict[tuple[str, str], AttemptRecord]:
        return {(attempt.kind, attempt.name): attempt for attempt in AttemptRecords(self.database).all()}

    @cached_property
    def _promotions(self) -> dict[str, Rotation]:
        return rotations.newest_promotion(self.database)

    @cached_property
    def _newest(self) -> dict[str, Rotation]:
        return rotations.newest(self.database)

    @cached_property
    def _lines(self) -> tuple[CertificateLine, ...]:
        return LiveCertificates(self.settings, self._promotions, self.now).lines(self._sightings)

    @cached_property
    def _by_org(self) -> Mapping[str, Sequence[CertificateLine]]:
        return _grouped((line.org, line) for line in self._lines)

    @cached_property
    def _by_credential(self) -> Mapping[str, Sequence[CertificateLine]]:
        return _grouped((line.credential, line) for line in self._lines if line.credential)

    @cached_property
    def _apps(self) -> Mapping[str, int]:
        return Counter(each.org for each in self._sightings if each.app_type == Kind.APP)

    def _org(self, name: str) -> OrgLine:
        lines = self._by_org.get(name, ())
        return OrgLine(
            name=name,
            look=self._attempt(JobKind.INVENTORY, name),
            apps=self._apps[name],
            certificates=len(lines),
            urgent=sum(line.urgency in _URGENT for line in lines),
            soonest=next((line.not_after for line in lines if line.not_after > self.now), None),
        )

    def _credential(self, name: str, settings: CredentialSettings) -> CredentialLine:
        current = self._current(name, settings)
        is_stored = key(UNSTORED, name) not in {alert.key for alert in self._alerts}
        rotates_at = self._rotates_at(name, settings, current) if current and is_stored else None
        beginning = None
        if current and rotates_at:
            beginning = may_begin(
                windows_of(settings),
                max(rotates_at, self.now),
                expires_at=current.not_after,
                lasts=longest_rotation(settings),
            )
        return CredentialLine(
            name=name,
            org=settings.org,
            apps=settings.apps,
            store=settings.store,
            strategy=str(settings.strategy),
            attempt=self._attempt(JobKind.ROTATE, name),
            current=current,
            is_stored=is_stored,
            rotates_at=rotates_at,
            begins_at=beginning.at if beginning else None,
            overrides_window=beginning is not None and beginning.overrides,
            has_windows=bool(settings.windows),
            previous_until=self._previous_until(name, settings),
            last=self._newest.get(name),
        )

    def _rotates_at(self, name: str, settings: CredentialSettings, current: CertificateLine) -> datetime | None:
        last = self._promotions.get(name)
        if current.rotates_at is None or last is None or last.goal != "back" or last.finished_at is None:
            return current.rotates_at
        return max(current.rotates_at, rest_ends(last.finished_at, settings.grace, expires_at=current.not_after))

    def _current(self, name: str, settings: CredentialSettings) -> CertificateLine | None:
        mine = self._by_credential.get(name, ())
        known = next((line for line in mine if line.stage == Stage.CURRENT), None)
        # A key that was never rotated by this program is the one that its only app holds.
        return known or (mine[0] if len(mine) == 1 and len(settings.apps) == 1 else None)

    def _previous_until(self, name: str, settings: CredentialSettings) -> datetime | None:
        promotion = self._promotions.get(name)
        if promotion is None or promotion.finished_at is None or promotion.old_fingerprint is None:
            return None
        until = promotion.finished_at + settings.grace
        return until if until > self.now and not promotion.options.retire_now else None

    def _channels(self) -> Iterable[ChannelLine]:
        pending = Outbox(self.database).pending()
        for name, channel in self.settings.alerts.channels.items():
            attempt = self._attempt(JobKind.DELIVER, name)
            yield ChannelLine(name=name, kind=channel.type, attempt=attempt, pending=pending.get(name, 0))

    @cached_property
    def _alerts(self) -> tuple[Alert, ...]:
        newest_first = reversed(AlertRecords(self.database).open_alerts())
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
        of_its_kind = _ALERTS.get(attempt.kind, attempt.kind)
        keys = {key(ATTENTION, f"{attempt.kind}/{attempt.name}"), key(of_its_kind, attempt.name)}
        return attempt.needs_attention and self._is_ours(attempt) and not keys & told

    def _is_ours(self, attempt: AttemptRecord) -> bool:
        """Whether the configuration still has what was tried."""
        named: dict[str, Container[str]] = {
            JobKind.INVENTORY: self.settings.orgs,
            JobKind.ROTATE: self.settings.credentials,
            JobKind.DELIVER: self.settings.alerts.channels,
        }
        return attempt.name in named.get(attempt.kind, [attempt.name])


def _grouped(lines: Iterable[tuple[str, CertificateLine]]) -> Mapping[str, Sequence[CertificateLine]]:
    groups: dict[str, list[CertificateLine]] = {}
    for name, line in lines:
        groups.setdefault(name, []).append(line)
    return groups


def _pressure(alert: Alert) -> tuple[int, bool, datetime]:
    """Sorts alerts: the most severe first, those of certificates after the others, by their expiry."""
    severity = -list(Severity).index(alert.severity)
    return severity, alert.not_after is not None, alert.not_after or _ANY_TIME
