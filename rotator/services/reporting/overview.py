"""What people and monitors are shown: certificates, orgs, credentials, alerts, as the history has them.

Plain values, gathered by `rotator.services.reporting.reader` without a call to any org or store.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from rotator.core.alert import Alert, AlertState
from rotator.core.severity import Severity
from rotator.core.thresholds import EXPIRED, crossed, severity_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from rotator.core.attempts import AttemptRecord
    from rotator.history.journal.rotations import Count, GapTotal
    from rotator.history.records import Event, Rotation, SeenCertificate


class Urgency(StrEnum):
    """How soon somebody has to care for a certificate, the most urgent first."""

    EXPIRED = "expired"
    CRITICAL = "critical"
    """Days are left."""
    WARNING = "warning"
    """Two weeks or less are left."""
    SOON = "soon"
    """The first threshold is crossed; or the rotation that should replace it is due."""
    OK = "ok"
    RESTING = "resting"
    """Nobody has to care: it ended an old key, or waits on the app whose turn it is not."""

    @property
    def rank(self) -> int:
        """0 for the most urgent."""
        return _RANKS[self]


_RANKS: Final = {urgency: rank for rank, urgency in enumerate(Urgency)}
_BY_SEVERITY: Final = {
    Severity.CRITICAL: Urgency.CRITICAL,
    Severity.WARNING: Urgency.WARNING,
    Severity.INFO: Urgency.SOON,
}


def urgency_of(
    not_after: datetime,
    now: datetime,
    thresholds: Sequence[timedelta],
    *,
    rotate_before: timedelta | None = None,
    is_resting: bool = False,
) -> Urgency:
    """How urgent a certificate is; `rotate_before` where a rotation is to replace it in time.

    Thresholds that lie before that rotation say nothing of a managed certificate.
    """
    if is_resting:
        return Urgency.RESTING
    counted = [each for each in thresholds if rotate_before is None or each < rotate_before]
    passed = crossed(not_after, now, counted)
    if passed:
        return Urgency.EXPIRED if passed[-1] <= EXPIRED else _BY_SEVERITY[severity_at(passed[-1])]
    # Not by a difference of times: one of year 9999 is fine, and so is any `rotate_before`.
    is_due = rotate_before is not None and not_after - now <= rotate_before
    return Urgency.SOON if is_due else Urgency.OK


@dataclass(frozen=True, kw_only=True)
class CertificateLine:
    """One certificate in one place: what an app held when its org was last looked at."""

    org: str
    app: str
    app_type: str
    fingerprint: str
    """Empty where the org tells only a name and a date."""
    not_after: datetime
    urgency: Urgency
    not_before: datetime | None = None
    credential: str | None = None
    """The managed credential that the app belongs to."""
    stage: str = ""
    """`current` or `previous`, as the history knows it."""
    rotates_at: datetime | None = None
    """When a rotation is due to replace it."""
    names: tuple[str, ...] = ()
    """Subject and issuer."""


@dataclass(frozen=True, kw_only=True)
class OrgLine:
    """One configured org."""

    name: str
    look: AttemptRecord
    """How the looks at it went."""
    apps: int
    """Seen at the last look, with or without a certificate."""
    certificates: int
    urgent: int
    """Of them, so many are expired, critical or a warning."""
    soonest: datetime | None
    """When the next of its certificates expires."""

    @property
    def is_readable(self) -> bool:
        """Whether the last look succeeded."""
        return self.look.last_good_at is not None and not self.look.failures


@dataclass(frozen=True, kw_only=True)
class CredentialLine:
    """One managed credential."""

    name: str
    org: str
    apps: tuple[str, ...]
    store: str
    strategy: str
    attempt: AttemptRecord
    """How its rotations by schedule went."""
    current: CertificateLine | None
    """The live certificate that consumers log in with; None where no look has found it."""
    is_stored: bool = True
    """Without a version in its store it is never rotated."""
    rotates_at: datetime | None
    begins_at: datetime | None
    """When the next rotation may begin: `rotates_at`, or the window that opens after it."""
    overrides_window: bool
    has_windows: bool
    previous_until: datetime | None
    """Until when the version before is kept."""
    last: Rotation | None


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


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Everything at one moment."""

    at: datetime
    thresholds: tuple[timedelta, ...]
    look_every: timedelta
    certificates: tuple[CertificateLine, ...]
    """What is live, the one that expires first first."""
    orgs: tuple[OrgLine, ...]
    credentials: tuple[CredentialLine, ...]
    channels: tuple[ChannelLine, ...]
    alerts: tuple[Alert, ...]
    """Open ones, the most severe first; of those what is about no certificate, then by expiry."""
    troubles: tuple[AttemptRecord, ...]
    """Trials that cannot succeed before a person does something."""
    untold: tuple[AttemptRecord, ...]
    """Those of them that no open alert tells of."""
    rotations: Rotations

    @property
    def pressing(self) -> tuple[Alert, ...]:
        """The open alerts that somebody should look at now: not only to be known, not taken on, not put off."""
        return tuple(
            alert
            for alert in self.alerts
            if alert.severity.reaches(Severity.WARNING) and alert.state(self.at) is AlertState.OPEN
        )

    @property
    def cared_for(self) -> tuple[CertificateLine, ...]:
        """The certificates without those that nobody has to care for."""
        return tuple(line for line in self.certificates if line.urgency is not Urgency.RESTING)


@dataclass(frozen=True)
class RotationPast:
    """One rotation and all that happened in it, oldest first."""

    rotation: Rotation
    events: tuple[Event, ...]


@dataclass(frozen=True)
class CertificatePast:
    """One certificate: where it was seen, and the rotations that brought it or took it away, newest first."""

    seen: SeenCertificate
    brought: tuple[Rotation, ...]
    replaced: tuple[Rotation, ...]
