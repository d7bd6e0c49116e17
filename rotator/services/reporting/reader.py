"""Gathers from the history alone what people and monitors are shown."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from rotator.core.alert import Alert
from rotator.core.attempts import AttemptRecord
from rotator.errors import ConfigurationError
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.engine.transactions import Within
from rotator.history.journal import queries, rotations
from rotator.history.journal.events import try_writing
from rotator.history.kept.kept_rows import KeptRows
from rotator.history.kept.parts import ALERTS, ATTEMPTS, PENDING, ROTATIONS
from rotator.history.sightings import sightings_of
from rotator.history.usage.consumer_reports import ConsumerReports
from rotator.services.alerting.details import details_of
from rotator.services.alerting.kinds import DELIVERY, ORG, ROTATION, STORE, key
from rotator.services.alerting.rules import is_configured
from rotator.services.machines.fleet_reader import leader_of, shown_machines
from rotator.services.reporting.overview import (
    CertificateDetails,
    ChannelLine,
    Overview,
    Readiness,
    RotationDetails,
    Rotations,
)
from rotator.services.reporting.read_model import ReadModel
from rotator.services.schedule.jobs import JobKind, is_still_configured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rotator.config.settings import Settings
    from rotator.core.usage.told_reports import ToldReport
    from rotator.errors import Holder
    from rotator.history.engine.database import Database
    from rotator.history.kept.kept_rows import Rows
    from rotator.history.kept.parts import RotationsOf
    from rotator.services.alerting.details import AlertDetails

NEWEST: Final = 500
"""So many rotations are shown."""

_ALERTS: Final[dict[str, str]] = {JobKind.INVENTORY: ORG, JobKind.ROTATE: ROTATION, JobKind.DELIVER: DELIVERY}
"""The kind of alert that says that an attempt fails, by the kind of the attempt."""

_ANY_TIME: Final = datetime.min.replace(tzinfo=UTC)

_T = TypeVar("_T")


class HistoryReader:
    """Shows the history as it is at each call. Threads may share it.

    Every method raises HistoryError or HistoryUnavailable.
    """

    def __init__(self, settings: Callable[[], Settings], database: Database, now: Callable[[], datetime]) -> None:
        """`settings` are asked for each time, as they may be read again while pages are served."""
        self._settings: Final = settings
        self._database: Final = database
        self._now: Final = now
        self._rows: Final = KeptRows(database)
        self._model: Final = ReadModel(database, self._rows)
        self._lock: Final = Lock()
        self._alerts: Final = _Derived[tuple[Alert, ...]]()
        self._rotations: Final = _Derived[Rotations]()
        self._inventories: Final = _Derived[tuple[AttemptRecord, ...]]()
        self._stores: Final = _Derived[tuple[Alert, ...]]()

    def overview(self) -> Overview:
        """Everything at this moment."""
        settings, now = self._settings(), self._now()
        known = self._model.known(settings, now)
        rows = known.rows
        with self._lock:
            alerts = self._alerts.of(rows.of(ALERTS), settings, make=lambda: _alerts(rows.of(ALERTS), settings))
            troubles = [
                each
                for of_name in rows.of(ATTEMPTS).values()
                for each in of_name.values()
                if each.needs_attention and is_still_configured(settings, each.kind, each.name)
            ]
            troubles.sort(key=lambda each: (each.kind, each.name))
            told = {alert.key for alert in alerts}
            shown = self._rotations.of(rows.of(ROTATIONS), make=lambda: self._shown_rotations(rows.of(ROTATIONS)))
        return Overview(
            at=now,
            thresholds=settings.alerts.thresholds,
            inventory_every=settings.daemon.inventory_every,
            certificates=known.certificates,
            orgs=known.orgs,
            credentials=known.credentials,
            channels=tuple(_channels(settings, rows)),
            alerts=alerts,
            troubles=tuple(troubles),
            untold=tuple(each for each in troubles if key(_ALERTS.get(each.kind, each.kind), each.name) not in told),
            rotations=shown,
            machines=shown_machines(self._database),
        )

    def readiness(self) -> Readiness:
        """Whether all that the work needs is there: what of it changed since the last time is all that is read."""
        settings = self._settings()
        with self._database.reading() as connection:
            here = Within(connection)
            rows, machines = (
                self._rows.read(ATTEMPTS, ALERTS, PENDING, within=here),
                shown_machines(self._database, here),
            )
        attempts, alerts = rows.of(ATTEMPTS), rows.of(ALERTS)
        with self._lock:
            return Readiness(
                at=self._now(),
                inventory_every=settings.daemon.inventory_every,
                inventories=self._inventories.of(attempts, settings, make=lambda: _inventories(attempts, settings)),
                stores=self._stores.of(alerts, settings, make=lambda: _of_stores(alerts, settings)),
                channels=tuple(_channels(settings, rows)),
                machines=machines,
            )

    def _shown_rotations(self, found: Mapping[str, RotationsOf]) -> Rotations:
        ordered = [found[name] for name in sorted(found)]
        return Rotations(
            newest=tuple(queries.rotations(self._database, limit=NEWEST)),
            counts=tuple(count for each in ordered for count in each.counts),
            gaps=tuple(each.gaps for each in ordered if each.gaps),
            last_gaps={each.newest.credential: each.last_gap for each in ordered if each.last_gap is not None},
        )

    def rotation(self, rotation_id: str) -> RotationDetails | None:
        """One rotation and its steps; None for an id that there is not."""
        found = rotations.rotation(self._database, rotation_id)
        return RotationDetails(found, tuple(queries.events(self._database, rotation_id=rotation_id))) if found else None

    def certificate(self, fingerprint: str) -> CertificateDetails | None:
        """Where a certificate was seen and what brought or replaced it; None where neither is known."""
        places = sightings_of(self._database, fingerprint)
        had_to_do = rotations.rotations_of(self._database, fingerprint)
        if not places and not had_to_do:
            return None
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

    def worker(self) -> Holder | None:
        """The `rotator run` that works just now; None when none does."""
        return leader_of(self._database)

    def note_report(self, credential: str, report: ToldReport) -> bool:
        """Notes what a consumer says; False where the configuration names no such consumer."""
        mine = self._settings().credentials.get(credential)
        if mine is None or report.consumer not in mine.consumers:
            return False
        told, at = (credential, report.consumer, report.fingerprint), report.logged_in_at
        ConsumerReports(self._database).note(*told, logged_in_at=at, via="post", now=self._now())
        return True

    def try_writing(self) -> None:
        """Proves that the history can be written."""
        with self._database.writing() as connection:
            try_writing(connection)


def _channels(settings: Settings, rows: Rows) -> Iterator[ChannelLine]:
    for name, channel in settings.alerts.channels.items():
        attempt = rows.of(ATTEMPTS).get(name, {}).get(JobKind.DELIVER) or AttemptRecord(JobKind.DELIVER, name)
        yield ChannelLine(name=name, kind=channel.type, attempt=attempt, pending=rows.of(PENDING).get(name, 0))


def _inventories(attempts: Mapping[str, Mapping[str, AttemptRecord]], settings: Settings) -> tuple[AttemptRecord, ...]:
    kind = JobKind.INVENTORY
    found = [attempts.get(org, {}).get(kind) or AttemptRecord(kind, org) for org in settings.orgs]
    # A sort keeps the order of the configuration where times are the same.
    return tuple(sorted(found, key=lambda each: each.last_good_at or _ANY_TIME))


def _of_stores(found: Mapping[str, Alert], settings: Settings) -> tuple[Alert, ...]:
    return _alerts({each.id: each for each in found.values() if each.kind == STORE}, settings)


class _Derived(Generic[_T]):
    """Something that follows from rows, kept as long as they are the same objects."""

    def __init__(self) -> None:
        self._rows: tuple[object, ...] | None = None
        self._value: _T

    def of(self, *rows: object, make: Callable[[], _T]) -> _T:
        """It, made anew only where a row is another one."""
        if self._rows is None or any(mine is not given for mine, given in zip(self._rows, rows, strict=True)):
            self._value, self._rows = make(), rows
        return self._value


def _alerts(found: Mapping[str, Alert], settings: Settings) -> tuple[Alert, ...]:
    """The open alerts of what is configured by their rank, those of certificates after the others."""
    configured = [each for each in found.values() if is_configured(each, settings)]
    newest_first = sorted(configured, key=lambda each: (each.opened_at, each.id), reverse=True)
    return tuple(sorted(newest_first, key=_pressure))


def _pressure(alert: Alert) -> tuple[tuple[bool, int], bool, datetime]:
    return alert.rank, alert.not_after is not None, alert.not_after or _ANY_TIME
