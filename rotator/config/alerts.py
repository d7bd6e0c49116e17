"""Who is told of what, and where."""

from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag, model_validator

from rotator.config.durations import Period
from rotator.config.paths import ConfiguredPath, HttpsUrl
from rotator.config.secrets import SecretReference
from rotator.config.section import Section, Words
from rotator.core.severity import Severity

Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]{1,253}$")]
Mailbox = Annotated[str, StringConstraints(pattern=r"^[^\s@<>,;]+@[^\s@<>,;]+$")]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]

_USUAL_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}


class ChannelSettings(Section):
    """What every channel may say: of what it wants to hear. Everything, unless it says otherwise."""

    within: Period | None = None
    """It hears of an expiry only when no more time than this is left: further channels for shorter times."""
    least: Severity = Severity.INFO
    """It hears of other alerts from this severity on."""
    orgs: tuple[str, ...] | None = None
    """It hears of these orgs only, and of what concerns no org."""
    timeout: Period = timedelta(seconds=15)
    """For each call."""


class SlackWebhook(ChannelSettings):
    """An incoming webhook of Slack: posts into one Slack channel, without threads."""

    type: Literal["slack-webhook"]
    url: SecretReference
    ca: ConfiguredPath | None = None


class SlackBot(ChannelSettings):
    """A bot of Slack (scope `chat:write`): one alert, one thread."""

    type: Literal["slack"]
    token: SecretReference
    channel: Words
    """Id or name of the Slack channel; the id is found at the end of the channel's "About" page."""
    api_url: HttpsUrl = "https://slack.com/api"
    ca: ConfiguredPath | None = None


class Email(ChannelSettings):
    """Mail over SMTP."""

    type: Literal["email"]
    host: Host
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`none` sends in the clear, so without a login."""
    port: Port = Field(default_factory=lambda fields: _USUAL_PORTS.get(fields.get("security", ""), 587))
    username: Words | None = None
    password: SecretReference | None = None
    sender: Mailbox
    to: Annotated[tuple[Mailbox, ...], Field(min_length=1)]
    ca: ConfiguredPath | None = None
    digest_from: Annotated[int, Field(strict=True, ge=2)] = 5
    """So many messages that are due at once are sent as one mail."""

    @model_validator(mode="after")
    def _login_is_whole(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("give username and password, or neither")
        if self.username and self.security == "none":
            raise ValueError("security: none would send the password in the clear; use starttls or tls")
        return self


class AppriseChannel(ChannelSettings):
    """Anything that Apprise reaches (Teams, PagerDuty, SMS, ...), by its URL; needs `salesforce-rotator[apprise]`."""

    type: Literal["apprise"]
    url: SecretReference


CHANNELS: Final[dict[str, type[ChannelSettings]]] = {
    "slack": SlackBot,
    "slack-webhook": SlackWebhook,
    "email": Email,
    "apprise": AppriseChannel,
}
"""The kinds of channels."""


def _tag(kind: str) -> str:
    # With spaces: no name in the file is like it, so it can be told apart where a mistake is placed.
    return f"channel of type {kind}"


CHANNEL_TAGS: Final = frozenset(_tag(kind) for kind in CHANNELS)


def _kind_of_channel(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return _tag(kind) if kind in CHANNELS else None


ChannelChoice = Annotated[
    Annotated[SlackBot, Tag(_tag("slack"))]
    | Annotated[SlackWebhook, Tag(_tag("slack-webhook"))]
    | Annotated[Email, Tag(_tag("email"))]
    | Annotated[AppriseChannel, Tag(_tag("apprise"))],
    Discriminator(
        _kind_of_channel,
        custom_error_type="kind",
        custom_error_message=f"its `type` must be one of {', '.join(CHANNELS)}",
    ),
]

ChannelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$")]


def _largest_first(thresholds: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
    return tuple(sorted(set(thresholds), reverse=True))


class AlertSettings(Section):
    """`alerts:`. Without channels nobody is told; the status page and `rotator alerts list` show it all the same."""

    thresholds: Annotated[tuple[Period, ...], AfterValidator(_largest_first)] = tuple(
        timedelta(days=days) for days in (60, 30, 14, 7, 3, 1)
    )
    """How long before expiry people are told; and once more when a certificate has expired."""
    longest_lifetime: Period = timedelta(days=825)
    """Certificates that are valid for longer are told of once."""
    channels: dict[ChannelName, ChannelChoice] = Field(default_factory=dict)
