"""An incoming webhook of Slack: posts into the one Slack channel that it was made for, without threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rotator.alerts.slack.blocks import blocks_of, digest_blocks_of, digest_fallback_of, fallback_of
from rotator.alerts.slack.bot import DIGEST_FROM
from rotator.alerts.slack.calls import Refused, SlackCalls, require_https
from rotator.net.client import host_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.alerts.base import Message
    from rotator.alerts.slack.settings import SlackWebhookSettings
    from rotator.core.secret import Secret


class SlackWebhookChannel:
    """The address is the secret: who has it can post (docs.slack.dev, "Incoming webhooks")."""

    digest_from: Final = DIGEST_FROM
    has_threads: Final = False

    def __init__(self, name: str, settings: SlackWebhookSettings, url: Secret) -> None:
        """Raises ConfigurationError when the address or `ca` cannot be used."""
        require_https(name, url.reveal())
        self.name: Final = name
        self._url: Final = url
        self._calls: Final = SlackCalls(name, timeout=settings.timeout.total_seconds(), ca=settings.ca)

    def send(self, message: Message, *, thread: str | None) -> str:  # noqa: ARG002 - there are no threads
        """One message; the Slack channel shows it below the others."""
        self._post(fallback_of(message), blocks_of(message))
        return ""

    def send_digest(self, messages: Sequence[Message]) -> str:
        """One message with a line for each."""
        self._post(digest_fallback_of(messages), digest_blocks_of(messages))
        return ""

    def check(self) -> str:
        """Nothing is sent: a webhook cannot be asked, only used."""
        host = host_of(self._url.reveal())
        return f"The address is there, at {host}; `rotator alerts test {self.name}` sends a message."

    def close(self) -> None:
        """Nothing: each call has a connection of its own."""

    def _post(self, text: str, blocks: list[dict[str, Any]]) -> None:
        body = {"text": text, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}
        try:
            self._calls.hand_over(self._url, body)
        except Refused as refused:
            raise refused.told(self.name) from None
