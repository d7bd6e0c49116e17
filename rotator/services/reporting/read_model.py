"""What is shown of orgs and credentials, kept between two requests, and made anew only where something has changed.

Rows are kept by `rotator.history.kept`, which knows what anybody has written. What follows from them is still what
`rotator.core.lifecycle` says for the time now: each org and each credential is kept with the rows that it was made of,
and until the moment from which on it may be otherwise (`steady_until`). So a request costs what has changed since the
one before, and a look over what has not.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rotator.core.attempts import AUDIT, INVENTORY, ROTATE, AttemptRecord
from rotator.core.lifecycle.certificate_life import as_last_seen
from rotator.core.posture.after_revocation import is_asked
from rotator.core.severity import Severity
from rotator.core.thresholds import NEVER, has_come, is_expired
from rotator.history.journal.projection import CredentialRecord
from rotator.history.kept.parts import (
    ALERTS,
    ATTEMPTS,
    FINDINGS,
    LEARNT,
    OBSERVATIONS,
    PENDING,
    REPORTED,
    ROTATIONS,
    STANDING,
    STANDSTILLS,
    USAGE,
)
from rotator.history.last_observations import LastObservation
from rotator.services.inventory.credential_history import MOST_READS, CredentialHistory
from rotator.services.inventory.ownership import Certificates, owners_of, revoked_logins
from rotator.services.inventory.remarks import hidden_apps
from rotator.services.inventory.status import last_known_status
from rotator.services.reporting.overview import OrgLine

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.core.observed import ObservedCredential
    from rotator.core.schedule import Standstill
    from rotator.errors import Holder
    from rotator.history.engine.database import Database
    from rotator.history.kept.kept_rows import KeptRows, Part, Rows
    from rotator.services.inventory.status import CredentialStatus

_URGENT: Final = frozenset({Severity.CRITICAL, Severity.WARNING})

PARTS: Final[tuple[Part[Any], ...]] = (
    *(STANDING, OBSERVATIONS, ATTEMPTS, LEARNT, ROTATIONS, STANDSTILLS),
    *(ALERTS, PENDING, FINDINGS, USAGE, REPORTED),
)
"""All that is shown on pages."""


@dataclass(frozen=True)
class _Kept:
    """What something was made of, and while it is as it was."""

    rows: tuple[object, ...]
    since: datetime
    until: datetime

    def holds(self, rows: tuple[object, ...], now: datetime) -> bool:
        """Whether it would be made of the same again. A clock that was set back has it made anew."""
        is_now = has_come(self.since, now) and not has_come(self.until, now)
        # Rows that were not read again are the same objects: nothing has to be compared.
        return is_now and all(mine is given for mine, given in zip(self.rows, rows, strict=True))


class _Entry(NamedTuple):
    """One certificate among all, in their order: no two have the same number in one org."""

    not_after: datetime
    org: str
    app: str
    number: int
    life: CertificateLife


@dataclass(frozen=True)
class _Org(_Kept):
    line: OrgLine
    lives: tuple[CertificateLife, ...]
    """By type and name, also those without a date."""
    entries: tuple[_Entry, ...]
    """Those with a date, as they are sorted among all."""


@dataclass(frozen=True)
class _Credential(_Kept):
    status: CredentialStatus


@dataclass(frozen=True)
class Known:
    """What is shown of everything that the configuration names."""

    certificates: tuple[CertificateLife, ...]
    """Those that have a date, the one that expires first first."""
    orgs: tuple[OrgLine, ...]
    credentials: tuple[CredentialStatus, ...]
    rows: Rows
    """What it was made of, with the parts of `PARTS`."""


class ReadModel:
    """Threads may share it. Every method raises HistoryError or HistoryUnavailable."""

    def __init__(self, database: Database, rows: KeptRows) -> None:
        self._database: Final = database
        self._rows: Final = rows
        self._lock: Final = Lock()
        self._by_settings: _BySettings | None = None

    def known(self, settings: Settings, now: datetime) -> Known:
        """Everything as it is now."""
        rows, holders = self._read(settings)
        with self._lock:
            if self._by_settings is None or self._by_settings.settings is not settings:
                self._by_settings = _BySettings(settings)
            return self._by_settings.known(rows, holders, now)

    def _read(self, settings: Settings) -> tuple[Rows, Mapping[str, Holder]]:
        """The rows, and who rotates what just now, which no transaction holds together: see `histories`."""
        left: dict[str, str] = {}
        for _ in range(MOST_READS):
            rows = self._rows.read(*PARTS)
            holders = self._database.holders(settings.credentials)
            found = {
                name: each.newest.id
                for name, each in rows.of(ROTATIONS).items()
                if each.newest.outcome is None and name not in holders
            }
            if found.items() <= left.items():
                break
            left = found
        return rows, holders


class _BySettings:
    """What is kept by one configuration."""

    def __init__(self, settings: Settings) -> None:
        self.settings: Final = settings
        self._owners: Final = owners_of(settings)
        self._names: Final[dict[str, list[str]]] = {org: [] for org in settings.orgs}
        for name, each in settings.credentials.items():
            self._names[each.org].append(name)
        self._orgs: dict[str, _Org] = {}
        self._credentials: dict[str, _Credential] = {}
        self._noted: tuple[object, tuple[Standstill, ...]] = (None, ())
        self._entries: list[_Entry] = []
        self._sorted: tuple[CertificateLife, ...] = ()
        self._renewed: set[str] = set()

    def known(self, rows: Rows, holders: Mapping[str, Holder], now: datetime) -> Known:
        for org in self.settings.orgs:
            self._renew_org(org, rows, now)
        noted = self._standstills(rows)
        for name in self.settings.credentials:
            self._renew_credential(name, rows, holders.get(name), noted, now)
        self._sort()
        return Known(
            self._sorted,
            tuple(each.line for each in self._orgs.values()),
            tuple(each.status for each in self._credentials.values()),
            rows,
        )

    def _sort(self) -> None:
        """Puts what is new where it belongs: among what is sorted already, that takes little."""
        if not self._renewed:
            return
        new = [entry for org in self._renewed for entry in self._orgs[org].entries]
        self._entries = [entry for entry in self._entries if entry.org not in self._renewed] + new
        self._entries.sort()
        self._sorted = tuple(entry.life for entry in self._entries)
        self._renewed.clear()

    def _standstills(self, rows: Rows) -> tuple[Standstill, ...]:
        """The same object as before where they are the same."""
        found = rows.of(STANDSTILLS)
        if self._noted[0] is not found:
            ordered = sorted(found.items(), key=lambda item: (item[1].since, item[0]))
            self._noted = (found, tuple(each for _, each in ordered))
        return self._noted[1]

    def _renew_org(self, org: str, rows: Rows, now: datetime) -> None:
        inventory = _attempt(rows, INVENTORY, org)
        standing = rows.of(STANDING).get(org, ())
        observations = [rows.of(OBSERVATIONS).get(name) for name in self._names[org]]
        audit, findings = _attempt(rows, AUDIT, org), rows.of(FINDINGS).get(org, ())
        learnt = {name: each.record for name in self._names[org] if (each := rows.of(LEARNT).get(name))}
        revoked = revoked_logins(learnt)
        of_revoked = (learnt[name] if name in revoked else None for name in self._names[org])
        made_of = (standing, inventory, audit, findings, *observations, *of_revoked)
        kept = self._orgs.get(org)
        if kept is not None and kept.holds(made_of, now):
            return
        self._renewed.add(org)
        observed = zip(self._names[org], observations, strict=True)
        seen: dict[str, ObservedCredential] = {name: each.seen for name, each in observed if each and each.seen}
        certificates = Certificates(self.settings, seen, now, self._owners, revoked)
        looked_at = inventory.last_good_at if inventory else None
        lives = tuple(certificates.lives(as_last_seen(each, looked_at) for each in standing))
        until = min((life.steady_until for life in lives), default=NEVER)
        entries = tuple(
            sorted(
                _Entry(life.not_after, org, life.seen.app, number, life)
                for number, life in enumerate(lives)
                if life.expiry
            )
        )
        dated = [entry.life for entry in entries]
        names = self._names[org]
        line = replace(
            _line(inventory or AttemptRecord(INVENTORY, org), lives, dated, now),
            audit=audit or AttemptRecord(AUDIT, org),
            audited=tuple(
                each
                for each in findings
                if each.credential is None
                or (each.credential in names and is_asked(each.check, revoked.get(each.credential)))
            ),
        )
        self._orgs[org] = _Org(made_of, now, until, line, lives, entries)

    def _renew_credential(
        self, name: str, rows: Rows, holder: Holder | None, noted: tuple[Standstill, ...], now: datetime
    ) -> None:
        org = self.settings.credentials[name].org
        learnt, rotations = rows.of(LEARNT).get(name), rows.of(ROTATIONS).get(name)
        observation, attempt = rows.of(OBSERVATIONS).get(name), _attempt(rows, ROTATE, name)
        kept = self._credentials.get(name)
        if kept is not None and kept.status.history.running == holder:
            # A holder is read anew each time: as long as it is the same one, the object of before stands for it.
            holder = kept.status.history.running
        usage, reports = rows.of(USAGE).get(name), rows.of(REPORTED).get(name, ())
        made_of = (learnt, rotations, observation, attempt, self._orgs[org], holder, noted, usage, reports)
        if kept is not None and kept.holds(made_of, now):
            return
        history = CredentialHistory(
            rotations.newest if rotations else None,
            learnt.last_promotion if learnt else None,
            observation or LastObservation(),
            attempt or AttemptRecord(ROTATE, name),
            learnt.record if learnt else CredentialRecord(credential=name),
            holder,
            noted,
            usage,
            reports,
        )
        apps = (life.seen for life in self._orgs[org].lives if life.seen.credential == name)
        inventory = self._orgs[org].line.inventory
        status = last_known_status(self.settings, name, history, inventory, apps, now)
        self._credentials[name] = _Credential(made_of, now, status.life.steady_until, status)


def _attempt(rows: Rows, kind: str, name: str) -> AttemptRecord | None:
    return rows.of(ATTEMPTS).get(name, {}).get(kind)


def _line(
    inventory: AttemptRecord, lives: Collection[CertificateLife], dated: Sequence[CertificateLife], now: datetime
) -> OrgLine:
    """Of the org of an inventory; `dated` are those of its certificates that have a date, by expiry."""
    ahead = (life for life in dated if life.is_anybodys_business and not is_expired(life.not_after, now))
    return OrgLine(
        name=inventory.name,
        inventory=inventory,
        apps=sum(life.seen.is_app for life in lives),
        certificates=len(dated),
        urgent=sum(life.urgency in _URGENT for life in dated),
        hidden=hidden_apps(lives),
        soonest=next((life.not_after for life in ahead), None),
        audit=AttemptRecord(AUDIT, inventory.name),
        audited=(),
        counts=Counter((life.seen.credential is not None, str(life.state), str(life.urgency or "")) for life in dated),
    )
