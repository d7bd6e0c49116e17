"""From a channel's settings to the channel."""

# ruff: noqa: PLC0415 - each kind brings a library of its own, and a company uses one or two of them

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.config.alerts import AppriseChannel, Email, SlackBot, SlackWebhook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from rotator.alerts.base import Channel

Settings = SlackBot | SlackWebhook | Email | AppriseChannel


def open_channel(name: str, settings: Settings, environ: Mapping[str, str], now: Callable[[], datetime]) -> Channel:
    """The channel, without a call to anybody. Raises ConfigurationError when a secret or a setting is unusable."""
    if isinstance(settings, SlackBot):
        from rotator.alerts.slack.bot import SlackBotChannel

        return SlackBotChannel(name, settings, settings.token.resolve(environ))
    if isinstance(settings, SlackWebhook):
        from rotator.alerts.slack.webhook import SlackWebhookChannel

        return SlackWebhookChannel(name, settings, settings.url.resolve(environ))
    if isinstance(settings, Email):
        from rotator.alerts.mail.channel import EmailChannel

        password = settings.password.resolve(environ) if settings.password else None
        return EmailChannel(name, settings, password, now)
    from rotator.alerts import apprise

    return apprise.AppriseChannel(name, settings, settings.url.resolve(environ))
