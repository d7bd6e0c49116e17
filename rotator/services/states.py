"""One word for how an app's certificate stands."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from rotator.core.certificates import Certificate


class State(StrEnum):
    """How a certificate stands. None of these says that logins fail: orgs have taken expired ones."""

    OK = "ok"
    EXPIRING = "expiring"
    """It is due: less time is left than `rotate_before`."""
    EXPIRED = "expired"
    NONE = "none"
    """The app holds no certificate."""
    UNREADABLE = "unreadable"
    """The app, or its whole org, could not be read."""


def state_of(certificate: Certificate | None, now: datetime, rotate_before: timedelta) -> State:
    """The state of what an app holds, None for no certificate."""
    if certificate is None:
        return State.NONE
    if certificate.expired(now):
        return State.EXPIRED
    return State.EXPIRING if certificate.not_after - now <= rotate_before else State.OK
