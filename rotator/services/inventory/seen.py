"""A certificate as it was last seen somewhere, with all that decides who is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class ObservedCertificate:
    """What one place in an org holds: a certificate, none (`not_after` is None), or one that cannot be read."""

    org: str
    kind: str
    """Type of the place, as the Metadata API calls it: `ConnectedApp`, `Certificate`, `SamlSsoConfig`."""
    name: str
    fingerprint: str = ""
    """Empty where the org tells no more of the certificate than its name and dates."""
    not_after: datetime | None = None
    not_before: datetime | None = None
    key_algorithm: str = "RSA"
    key_bits: int | None = None
    signature: str | None = None
    """Hash of its signature, such as `sha256`."""
    credential: str | None = None
    """The managed credential that it belongs to."""
    rotate_before: timedelta | None = None
    """How long before expiry that credential is rotated."""
    readable: bool = True
    """False: the place is there, and what it holds could not be read."""
    is_throwaway: bool = False
    """Nobody has its key: it ends an old one, and may expire."""
    is_standby: bool = False
    """Of two apps that take turns, the one that `current` does not log in through: its certificate may expire."""
