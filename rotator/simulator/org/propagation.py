"""The one certificate slot of an app, and what its login servers know of it while a change spreads.

Setup says after every save: allow 2 to 10 minutes for changes to take effect on the server.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

    from rotator.core.crypto.certificates import Certificate
    from rotator.simulator.org.settings import OrgSettings

KEPT_CHANGES: Final = 50
"""Changes remembered for each slot: more than a test makes inside one propagation time."""


@dataclass(frozen=True)
class Change:
    """The slot holds `certificate` from `at` on; None: it is empty."""

    at: datetime
    certificate: Certificate | None


@dataclass
class CertificateSlot:
    """Exactly one certificate or none (Metadata API WSDL: `certificate` at most once), and the changes before."""

    changes: list[Change] = field(default_factory=list)

    @property
    def live(self) -> Certificate | None:
        """What the app holds now."""
        return self.changes[-1].certificate if self.changes else None

    def put(self, certificate: Certificate | None, now: datetime) -> None:
        """Replaces what the slot holds; the same certificate again changes nothing."""
        if not self.changes or certificate != self.live:
            self.changes.append(Change(now, certificate))
            del self.changes[:-KEPT_CHANGES]

    def seen(self, now: datetime, settings: OrgSettings, random: Random) -> Certificate | None:
        """What the login server of this request knows: the slot as it is, or as it was one propagation time ago."""
        if random.random() < settings.flap_probability:
            return self.live
        return self._as_of(now - timedelta(seconds=settings.propagation_seconds))

    def _as_of(self, time: datetime) -> Certificate | None:
        """What the slot held at `time`; before the first change that is remembered, what that one put there."""
        known = [change.certificate for change in self.changes if change.at <= time]
        return known[-1] if known else (self.changes[0].certificate if self.changes else None)
