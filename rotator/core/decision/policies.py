"""What is wanted of a rotation, and how patient it may be."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from rotator.core.decision.options import NO_OPTIONS, RotationOptions
from rotator.core.usage.retirement import Retire

if TYPE_CHECKING:
    from rotator.core.credentials import Fingerprint

FRESHNESS: Final = timedelta(seconds=60)
"""How long ago a login may lie and still have 'just succeeded'."""

RATE_TIMEOUT: Final = timedelta(minutes=75)
"""Salesforce counts 3,600 logins of a user in an hour; after a little more than one, waiting has no point."""

RATE_INTERVAL: Final = timedelta(minutes=5)
"""Between two test logins of a user who logs in too often."""


class Strategy(StrEnum):
    """How a version takes the place of another."""

    IN_PLACE = "in_place"
    """One app, one certificate slot: the old key ends when the new certificate arrives."""
    ALTERNATING = "alternating"
    """Two apps that take turns: the new certificate is proven on the standby app first."""
    STAGED = "staged"
    """One app's client secret: the org takes the old pair for a while beside the new one."""


class Goal(StrEnum):
    """What a person or the schedule asked for."""

    REPLACE = "replace"
    """`current` must become another version than `Wanted.version` (None: there must be a current version)."""
    BRING = "bring"
    """`current` must become `Wanted.version`, which is stored already."""
    RESTORE = "restore"
    """The app must hold the certificate of `current` again."""
    FINISH = "finish"
    """Nothing new: end what was begun, retire the previous version after its grace."""


@dataclass(frozen=True)
class Verification:
    """When a test login counts as holding, and how long to try."""

    confirmations: int = 5
    """Accepted logins in a row; an app's servers may disagree for a while after a change."""
    hold: timedelta = timedelta(seconds=30)
    """How long that row must last at the least; its logins are spread over it."""
    timeout: timedelta = timedelta(minutes=15)
    """How long `invalid assertion` may come from a new certificate; Salesforce says 2 to 10 minutes."""
    interval: timedelta = timedelta(seconds=2)
    """Between two test logins at the least; it doubles while they fail."""
    max_interval: timedelta = timedelta(seconds=10)
    """Between two that fail at the most."""


@dataclass(frozen=True)
class Policy:
    """How a credential is rotated."""

    rotate_before: timedelta = timedelta(days=30)
    """How long before expiry the current version is due."""
    grace: timedelta = timedelta(days=7)
    """How long the previous version is kept after a promotion."""
    retire: Retire = Retire.AFTER_GRACE
    """Whether it is retired sooner, once its consumers have said that they have moved."""
    require_confirmation: bool = False
    """Whether it is kept until they have, however long that takes."""
    verification: Verification = field(default_factory=Verification)


@dataclass(frozen=True)
class Wanted:
    """One request, as it stays true over crashes: it names the version it is about, not the steps."""

    goal: Goal
    version: Fingerprint | None = None
    compromised: bool = False
    """The current key is in wrong hands: no grace, no reuse of it."""
    options: RotationOptions = NO_OPTIONS

    def is_met_by(self, current: Fingerprint | None) -> bool:
        """Whether `current` is the version that is wanted. Of RESTORE and FINISH no version tells."""
        if self.goal is Goal.REPLACE:
            return current not in {None, self.version}
        return self.goal is Goal.BRING and current is not None and current == self.version

    @property
    def urgent(self) -> bool:
        """Whether the previous version is not waited for."""
        return self.compromised or self.options.retire_now
