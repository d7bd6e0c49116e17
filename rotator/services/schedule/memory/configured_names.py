"""The names that a configuration has, as one digest: machines with another may have what this one lacks."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from rotator.services.inventory.scan import configured_places

if TYPE_CHECKING:
    from rotator.config.settings import Settings


def configured_names(settings: Settings) -> str:
    """The same for two configurations by which maintenance would forget the same."""
    told = (
        sorted(settings.stores),
        sorted(settings.alerts.channels),
        sorted(settings.hooks.after_rotation),
        sorted(call.name for call in settings.hook_calls),
        sorted(settings.credentials),
        [(org, sorted(configured_places(settings, org))) for org in sorted(settings.orgs)],
    )
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]
