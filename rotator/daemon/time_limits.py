"""How long each kind of job may take before it counts as hung, so that the watchdog starts the service anew."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from rotator.config.settings import Settings

_LONGEST: Final = {
    JobKind.LOOK: timedelta(hours=2),
    JobKind.EVALUATE: timedelta(minutes=30),
    JobKind.DELIVER: timedelta(hours=1),
    JobKind.UPKEEP: timedelta(hours=2),
    JobKind.HEARTBEAT: timedelta(minutes=10),
}
"""Each call has a time-out of its own; a job of many calls that all end by it is slow, not hung."""

_WITHOUT_VERIFYING: Final = timedelta(hours=1)


def longest(kind: JobKind, settings: Settings) -> timedelta:
    """The bound. A new key that never logs in is tried for twice `verification.timeout`, then the old one is proven."""
    if kind is not JobKind.ROTATE:
        return _LONGEST[kind]
    timeouts = [credential.verification.timeout for credential in settings.credentials.values()]
    return _WITHOUT_VERIFYING + 4 * max(timeouts, default=timedelta(0))
