"""`type: slack` and `type: slack-webhook` in config.yaml."""

from typing import Literal

from rotator.config.paths import ConfiguredPath, SlackUrl
from rotator.config.secrets import SecretReference
from rotator.config.section import ChannelSettings, Words


class SlackBotSettings(ChannelSettings):
    """A bot of Slack (scope `chat:write`): one alert, one thread."""

    type: Literal["slack"]
    token: SecretReference
    channel: Words
    """Id or name of the Slack channel; the id is found at the end of the channel's "About" page."""
    api_url: SlackUrl = "https://slack.com/api"
    ca: ConfiguredPath | None = None


class SlackWebhookSettings(ChannelSettings):
    """An incoming webhook of Slack: posts into one Slack channel, without threads."""

    type: Literal["slack-webhook"]
    url: SecretReference
    ca: ConfiguredPath | None = None
