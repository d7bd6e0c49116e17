"""What people and monitors are shown: certificates, orgs, credentials, alerts, as the history has them.

Plain values, gathered by `rotator.services.reporting.reader` without a call to any org or store.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from rotator.core.alert import Alert, AlertState
from rotator.core.attempts import ROTATE
from rotator.core.lifecycle.states import CertificateState, CredentialState
from rotator.core.posture.kept_finding import KeptFinding, in_order
from rotator.core.severity import Severity
from rotator.services.alerting.kinds import rotation_trouble

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.core.attempts import AttemptRecord
    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.core.observed import ObservedCertificate
    from rotator.history.journal.rotations import Count, GapTotal
    from rotator.history.records import Event, Rotation
    from rotator.services.inventory.status import CredentialStatus
    from rotator.services.machines.fleet_reader import MachinesShown


AUDIT_HOLDS: Final = timedelta(days=3)
"""An audit that is older may have missed something (docs/rotator.rules.yml, AuditIsOld)."""


@dataclass(frozen=True, kw_only=True)
class OrgLine:
    """One configured org."""

    name: str
    inventory: AttemptRecord
    """How its inventories went."""
    apps: int
    """Seen at the last inventory, with or without a certificate."""
    certificates: int
    urgent: int
    """For so many of them it is a warning, or critical, how little time is left."""
    soonest: datetime | None
    """When the next of its certificates expires."""
    hidden: tuple[str, ...]
    """Apps whose certificate the org does not show, and for which no stored version stands."""
    counts: Mapping[tuple[bool, str, str], int]
    """So many certificates are a credential's or not, in a state, and so urgent (empty: not)."""
    audit: AttemptRecord
    """How its audits went."""
    audited: tuple[KeptFinding, ...]
    """What the last one came to, where that is not that all is well; what matters most first."""

    @property
    def findings(self) -> tuple[KeptFinding, ...]:
        """What somebody is to mend."""
        return tuple(each for each in self.audited if each.is_open)

    def is_audited(self, now: datetime) -> bool:
        """Whether what the audit found is known to be so still: it is made once a day."""
        return self.audit.is_current(now, AUDIT_HOLDS)

    @property
    def is_readable(self) -> bool:
        """Whether the last inventory succeeded."""
        return self.inventory.last_good_at is not None and not self.inventory.failures


@dataclass(frozen=True, kw_only=True)
class ChannelLine:
    """One channel of alerts."""

    name: str
    kind: str
    attempt: AttemptRecord
    pending: int
    """Notifications that it has not accepted yet."""


@dataclass(frozen=True, kw_only=True)
class Rotations:
    """The rotations of all credentials."""

    newest: tuple[Rotation, ...]
    """Newest first."""
    counts: tuple[Count, ...]
    gaps: tuple[GapTotal, ...]
    last_gaps: Mapping[str, float]
    """Seconds, by credential."""


_FOR_A_PERSON: Final = frozenset({CredentialState.REFUSED, CredentialState.HALTED})


def _is_told(credential: CredentialStatus, told: Mapping[str, bool]) -> bool:
    """Whether an alert tells of it; `told` are the open ones by their keys, and whether each says who is refused."""
    says_refused = told.get(rotation_trouble(credential.credential))
    return bool(says_refused) if credential.state is CredentialState.REFUSED else says_refused is not None


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Everything at one moment."""

    at: datetime
    thresholds: tuple[timedelta, ...]
    inventory_every: timedelta
    certificates: tuple[CertificateLife, ...]
    """What is live and has a date, the one that expires first first."""
    orgs: tuple[OrgLine, ...]
    credentials: tuple[CredentialStatus, ...]
    channels: tuple[ChannelLine, ...]
    alerts: tuple[Alert, ...]
    """Open ones, the most severe first; of those what is about no certificate, then by expiry."""
    troubles: tuple[AttemptRecord, ...]
    """Attempts that cannot succeed before a person does something."""
    untold: tuple[AttemptRecord, ...]
    """Those of them that no open alert tells of."""
    rotations: Rotations
    machines: MachinesShown | None
    """Those that share the work; None where no machines can, as the history is a file."""

    @property
    def pressing(self) -> tuple[Alert, ...]:
        """The open alerts that somebody should look at now: not only to be known, not taken on, not put off."""
        return tuple(
            alert
            for alert in self.alerts
            if alert.severity.reaches(Severity.WARNING) and alert.state(self.at) is AlertState.OPEN
        )

    @property
    def unmentioned(self) -> tuple[CredentialStatus, ...]:
        """Credentials that are refused, or whose rotation halted, and of which no such alert tells yet."""
        told = {alert.key: alert.refused_since is not None for alert in self.pressing}
        return tuple(each for each in self.credentials if each.state in _FOR_A_PERSON and not _is_told(each, told))

    @property
    def needs_attention(self) -> list[tuple[str, str]]:
        """Kind and name of what cannot succeed before a person does something, whoever has tried it."""
        tried = {(attempt.kind, attempt.name) for attempt in self.troubles}
        return sorted(tried | {(ROTATE, each.credential) for each in self.credentials if each.life.needs_attention})

    def tried_again_at(self, attempt: AttemptRecord) -> datetime | None:
        """When something that failed is tried again; None where that is not known, or depends on a person."""
        if attempt.kind != ROTATE:
            return attempt.free_from(self.at)
        status = self._by_name.get(attempt.name)
        life = status.life if status else None
        return life.goes_on_at or (life.begins.at if life.begins else None) if life else None

    def ending_of(self, rotation: Rotation) -> str:
        """How a rotation ended; of one that has not, where it stands."""
        status = self._of(rotation)
        return status.ending_of(rotation) if status else rotation.outcome or str(CredentialState.UNFINISHED)

    def gap_open_since(self, rotation: Rotation) -> datetime | None:
        """Since when consumers are refused, of the rotation that they are refused by; None of any other."""
        status = self._of(rotation)
        return status.history.gap_open_since(rotation) if status else None

    def _of(self, rotation: Rotation) -> CredentialStatus | None:
        return self._by_name.get(rotation.credential)

    @cached_property
    def audited(self) -> tuple[KeptFinding, ...]:
        """What the last audits came to, in all orgs: first what is to be mended, and of that what matters most."""
        return tuple(sorted((each for org in self.orgs for each in org.audited), key=in_order))

    @property
    def findings(self) -> tuple[KeptFinding, ...]:
        """What of that somebody is to mend."""
        return tuple(each for each in self.audited if each.is_open)

    @cached_property
    def _by_name(self) -> Mapping[str, CredentialStatus]:
        return {each.credential: each for each in self.credentials}

    @property
    def cared_for(self) -> tuple[CertificateLife, ...]:
        """The certificates without those that nobody has to care for."""
        return tuple(life for life in self.certificates if life.state is not CertificateState.RESTING)


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """What decides whether all that the work needs is there."""

    at: datetime
    inventory_every: timedelta
    inventories: tuple[AttemptRecord, ...]
    """Of each org, first of those that had none, then the one whose last good one is the longest ago."""
    stores: tuple[Alert, ...]
    """Open alerts of stores that cannot be read."""
    channels: tuple[ChannelLine, ...]
    machines: MachinesShown | None
    """As of Overview."""


@dataclass(frozen=True)
class RotationDetails:
    """One rotation and all that happened in it, oldest first."""

    rotation: Rotation
    events: tuple[Event, ...]


@dataclass(frozen=True)
class CertificateDetails:
    """One certificate: where it was seen, and the rotations that brought it or took it away, newest first."""

    places: tuple[ObservedCertificate, ...]
    """Each with all that is known of the certificate; none of one that no org has shown."""
    brought: tuple[Rotation, ...]
    replaced: tuple[Rotation, ...]

    @property
    def last_seen(self) -> datetime | None:
        """When it was last seen anywhere."""
        return max((each.last_seen for each in self.places if each.last_seen), default=None)
