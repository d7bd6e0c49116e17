"""The hook that settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.config.rotation.hooks import CommandHookSettings, UnitHookSettings
from rotator.hooks.command import CommandHook
from rotator.hooks.unit import UnitHook

if TYPE_CHECKING:
    from rotator.config.rotation.hooks import Hook as Settings
    from rotator.entry_points import Surroundings
    from rotator.hooks.base import Hook


def open_hook(name: str, settings: Settings, around: Surroundings) -> Hook:
    """The hook of these settings, without a call to anybody. Raises ConfigurationError."""
    if isinstance(settings, CommandHookSettings):
        return CommandHook(name, settings)
    if isinstance(settings, UnitHookSettings):
        return UnitHook(name, settings)
    from rotator.hooks.signed_request import WebhookHook  # noqa: PLC0415 - HTTPS takes a while to import

    return WebhookHook(name, settings, settings.secret.resolve(around.environ), around.now)
