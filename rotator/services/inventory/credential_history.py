"""What the history and the rotation locks tell of each credential."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rotator.core.attempts import ROTATE, AttemptRecord
from rotator.core.lifecycle.states import CredentialState
from rotator.core.usage.retirement import NOT_CONFIRMED, Confirmation, confirmed_at
from rotator.history.attempt_records import AttemptRecords
from rotator.history.engine.transactions import Within
from rotator.history.journal.projection import CredentialRecord
from rotator.history.journal.queries import credential_records, promotions
from rotator.history.journal.rotations import newest
from rotator.history.last_observations import LastObservation, LastObservations
from rotator.history.standstills import Standstills
from rotator.history.usage.consumer_reports import ConsumerReports
from rotator.history.usage.usages import Usages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rotator.config.settings import CredentialSettings
    from rotator.core.lifecycle.states import Halt
    from rotator.core.observed import ObservedCredential
    from rotator.core.schedule import Standstill
    from rotator.core.usage.retirement import ConsumerReport
    from rotator.core.usage.usage import Usage
    from rotator.errors import Holder
    from rotator.history.engine.database import Database
    from rotator.history.records import Rotation


@dataclass(frozen=True)
class CredentialHistory:
    """What the history tells of one credential."""

    last_rotation: Rotation | None = None
    last_promotion: datetime | None = None
    last_observation: LastObservation = field(default_factory=LastObservation)
    attempt: AttemptRecord = field(default_factory=lambda: AttemptRecord(ROTATE, ""))
    """How its rotations by schedule went."""
    record: CredentialRecord = field(default_factory=lambda: CredentialRecord(credential=""))
    """What was last learnt of it by trying."""
    running: Holder | None = None
    """The process that is rotating it."""
    noted: tuple[Standstill, ...] = ()
    """Every pause, whatever it is of, and the first start of the service."""
    usage: Usage | None = None
    """Who was seen to log in since a promotion."""
    reports: tuple[ConsumerReport, ...] = ()
    """What its consumers have said."""

    def usage_since(self, promoted_at: datetime | None) -> Usage | None:
        """Who was seen to log in since this promotion; None where nothing is known of it."""
        return self.usage if self.usage and self.usage.promoted_at == promoted_at else None

    def confirmation(self, settings: CredentialSettings, seen: ObservedCredential) -> Confirmation:
        """What is known of the consumers of the current version.

        Before the login history was looked at since the last of them said so, somebody else may use the old key still.
        """
        if seen.current is None or seen.promoted_at is None:
            return NOT_CONFIRMED
        at = confirmed_at(settings.consumers, self.reports, seen.current.fingerprint, seen.promoted_at)
        if at is None:
            return NOT_CONFIRMED
        usage = self.usage_since(seen.promoted_at)
        return Confirmation(at, not settings.has_secret and (usage is None or usage.may_still_be_used(at)))

    @property
    def stored_at(self) -> datetime | None:
        """When a version was last known to be current in its store; None where the history knows of none."""
        last = self.last_rotation
        replaced_at = last.started_at if last and last.replaces else None
        return max((each for each in (self.last_promotion, self.record.tried_at, replaced_at) if each), default=None)

    @property
    def open_rotation(self) -> Rotation | None:
        """The rotation that has no end: it runs, or was left where it is."""
        last = self.last_rotation
        return last if last and last.outcome is None else None

    def halt(self, seen: ObservedCredential | None) -> Halt | None:
        """Why a rotation stopped and stands there; `seen` tells whether something is half done."""
        is_half_done = self.open_rotation is not None or (seen is not None and seen.pending is not None)
        return self.record.halted(is_half_done=is_half_done)

    def ending_of(self, rotation: Rotation) -> str:
        """How a rotation of it ended; of one that has not: whether it runs, has halted, or nobody is at it."""
        if rotation.outcome:
            return rotation.outcome
        if self.running:
            return str(CredentialState.RUNNING)
        return str(CredentialState.HALTED if self.record.halted(is_half_done=True) else CredentialState.UNFINISHED)

    def gap_open_since(self, rotation: Rotation) -> datetime | None:
        """Since when consumers are refused, of the rotation that they are refused by; None of any other."""
        is_newest = self.last_rotation is not None and self.last_rotation.id == rotation.id
        return self.refused_since(self.last_observation.seen) if is_newest else None

    def refused_since(self, seen: ObservedCredential | None) -> datetime | None:
        """Since when consumers of `current` are refused, as the credential was seen; None where they are not."""
        current = seen.current.fingerprint if seen and seen.current else None
        return self.record.consumers_refused_since(current, has_lost_slot=seen is not None and seen.has_lost_slot)

    @property
    def left_open(self) -> str | None:
        """Id of a rotation that has no end, and that nobody is at."""
        return self.open_rotation.id if self.open_rotation and self.running is None else None


NOTHING_KNOWN: Final = CredentialHistory()

MOST_READS: Final = 3
"""So often is read what goes on changing; what is shown then was so a moment ago."""


def histories(database: Database, credentials: Iterable[str]) -> dict[str, CredentialHistory]:
    """Of these, and of every credential that the history knows. Raises HistoryError.

    The history and the locks are not read at one instant: a rotation that has ended, or begun, in between would look
    as if it was left open. So one that looks so is read once more.
    """
    return _settled(database, [*credentials], only=None)


def histories_of(database: Database, credentials: Iterable[str]) -> dict[str, CredentialHistory]:
    """The same of these alone: nothing of any other is read. Raises HistoryError."""
    names = [*credentials]
    return _settled(database, names, only=names)


def _settled(database: Database, names: Sequence[str], *, only: Sequence[str] | None) -> dict[str, CredentialHistory]:
    left: dict[str, str] = {}
    for _ in range(MOST_READS):
        found = _histories(database, names, only)
        open_now = {name: each.left_open for name, each in found.items() if each.left_open}
        if open_now.items() <= left.items():
            break
        left = open_now
    return found


def _histories(
    database: Database, credentials: Sequence[str], only: Sequence[str] | None
) -> dict[str, CredentialHistory]:
    with database.reading() as connection:
        here = Within(connection)
        rotations, promoted = newest(here, only), promotions(here, only)
        observed = LastObservations(here).all(only)
        attempts = {each.name: each for each in AttemptRecords(here).all(ROTATE, names=only)}
        records = credential_records(here, only)
        noted = tuple(Standstills(here).all())
        used, reported = Usages(here).all(only), ConsumerReports(here).all(only)
    names = {*credentials, *rotations, *promoted, *observed, *attempts, *records}
    holders = database.holders(names)
    return {
        name: CredentialHistory(
            rotations.get(name),
            promoted.get(name),
            observed.get(name, LastObservation()),
            attempts.get(name, AttemptRecord(ROTATE, name)),
            records.get(name, CredentialRecord(credential=name)),
            holders.get(name),
            noted,
            used.get(name),
            reported.get(name, ()),
        )
        for name in names
    }
