"""Which credentials have a previous version that somebody may still log in with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotator.core.lifecycle.dates import grace_left
from rotator.core.usage.retirement import NOT_CONFIRMED

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.services.inventory.status import CredentialStatus


def has_grace(status: CredentialStatus, now: datetime) -> bool:
    """Whether the previous version of a credential is in grace, be it that its consumers have ended that just now."""
    seen = status.life.seen
    if status.life.revoked or seen is None or seen.previous is None or seen.current is None:
        return False
    return grace_left(replace(seen, confirmation=NOT_CONFIRMED), status.settings, now) is not None


def in_grace(status: CredentialStatus, now: datetime) -> bool:
    """Whether it is, and a login history can tell who uses it.

    Of a client secret it cannot: both pairs log in through the same app, and no row says with which. Of what was
    revoked every consumer is refused on purpose.
    """
    return has_grace(status, now) and not status.settings.has_secret
