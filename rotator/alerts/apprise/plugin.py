"""The channel type `apprise`."""

# ruff: noqa: PLC0415 - see ChannelPlugin

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.alerts.plugins import ChannelPlugin

if TYPE_CHECKING:
    from rotator.alerts.apprise.settings import AppriseSettings
    from rotator.alerts.base import Channel
    from rotator.entry_points import Surroundings


def _settings() -> type[AppriseSettings]:
    from rotator.alerts.apprise.settings import AppriseSettings

    return AppriseSettings


def _open(name: str, settings: AppriseSettings, around: Surroundings) -> Channel:
    from rotator.alerts.apprise.channel import AppriseChannel

    return AppriseChannel(name, settings, settings.url.resolve(around.environ))


PLUGIN = ChannelPlugin(_settings, _open)
