"""The channel type `email`."""

# ruff: noqa: PLC0415 - see ChannelPlugin; Jinja2 costs 57 ms

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.alerts.plugins import ChannelPlugin

if TYPE_CHECKING:
    from rotator.alerts.base import Channel
    from rotator.alerts.mail.settings import EmailSettings
    from rotator.entry_points import Surroundings


def _settings() -> type[EmailSettings]:
    from rotator.alerts.mail.settings import EmailSettings

    return EmailSettings


def _open(name: str, settings: EmailSettings, around: Surroundings) -> Channel:
    from rotator.alerts.mail.channel import EmailChannel

    password = settings.password.resolve(around.environ) if settings.password else None
    return EmailChannel(name, settings, password, around.now)


PLUGIN = ChannelPlugin(_settings, _open)
