"""One word for how an app's certificate stands."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from rotator.core.crypto.certificates import Certificate


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
    UNUSABLE = "unusable"
    """It waits for the chain that an authority is to sign: nothing is in use that could expire."""
    VANISHED = "vanished"
    """It was seen before, and the org has it no more."""


def state_of(certificate: Certificate | None, now: datetime, rotate_before: timedelta) -> State:
    """The state of what an app holds, None for no certificate."""
    return state_until(certificate.not_after if certificate else None, now, rotate_before)


def state_until(not_after: datetime | None, now: datetime, rotate_before: timedelta) -> State:
    """The state of a certificate of which no more is known than when it expires; None for no certificate."""
    if not_after is None:
        return State.NONE
    if not_after <= now:
        return State.EXPIRED
    return State.EXPIRING if not_after - now <= rotate_before else State.OK
