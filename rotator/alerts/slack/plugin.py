"""The channel types `slack` (a bot) and `slack-webhook`."""

# ruff: noqa: PLC0415 - see ChannelPlugin; requests costs a tenth of a second

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.alerts.plugins import ChannelPlugin

if TYPE_CHECKING:
    from rotator.alerts.base import Channel
    from rotator.alerts.slack.settings import SlackBotSettings, SlackWebhookSettings
    from rotator.entry_points import Surroundings


def _bot_settings() -> type[SlackBotSettings]:
    from rotator.alerts.slack.settings import SlackBotSettings

    return SlackBotSettings


def _open_bot(name: str, settings: SlackBotSettings, around: Surroundings) -> Channel:
    from rotator.alerts.slack.bot import SlackBotChannel

    return SlackBotChannel(name, settings, settings.token.resolve(around.environ))


def _webhook_settings() -> type[SlackWebhookSettings]:
    from rotator.alerts.slack.settings import SlackWebhookSettings

    return SlackWebhookSettings


def _open_webhook(name: str, settings: SlackWebhookSettings, around: Surroundings) -> Channel:
    from rotator.alerts.slack.webhook import SlackWebhookChannel

    return SlackWebhookChannel(name, settings, settings.url.resolve(around.environ))


BOT = ChannelPlugin(_bot_settings, _open_bot)
WEBHOOK = ChannelPlugin(_webhook_settings, _open_webhook)
