"""An incoming webhook of Slack: posts into the one Slack channel that it was made for, without threads."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from slack_sdk.webhook import WebhookClient

from rotator.alerts.slack.blocks import blocks_of, digest_blocks_of, digest_fallback_of, fallback_of
from rotator.alerts.slack.bot import DIGEST_FROM
from rotator.alerts.slack.calls import SILENT, in_our_words, require_https
from rotator.alerts.slack.errors import refusal
from rotator.alerts.tls import client_context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.alerts.base import Message
    from rotator.alerts.slack.settings import SlackWebhookSettings
    from rotator.core.secret import Secret

_ACCEPTED: Final = "ok"


class SlackWebhookChannel:
    """The address is the secret: who has it can post (docs.slack.dev, "Incoming webhooks")."""

    digest_from: Final = DIGEST_FROM
    has_threads: Final = False

    def __init__(self, name: str, settings: SlackWebhookSettings, url: Secret) -> None:
        """Raises ConfigurationError when the address or `ca` cannot be used."""
        require_https(name, url.reveal())
        self.name: Final = name
        self._host: Final = urlsplit(url.reveal()).netloc
        self._timeout: Final = max(1, math.ceil(settings.timeout.total_seconds()))
        self._client: Final = WebhookClient(
            url.reveal(),
            timeout=self._timeout,
            ssl=client_context(name, settings.ca),
            logger=SILENT,
            # After a broken connection the library would post a second time, whether or not the first has arrived.
            retry_handlers=[],
        )

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
        return f"The address is there, at {self._host}; `rotator alerts test {self.name}` sends a message."

    def close(self) -> None:
        """Nothing: each call has a connection of its own."""

    def _post(self, text: str, blocks: list[dict[str, Any]]) -> None:
        with in_our_words(self.name, self._host, self._timeout):
            answer = self._client.send(text=text, blocks=blocks, unfurl_links=False, unfurl_media=False)
        # A proxy's page, or one that Slack leads to, comes with 200 as well.
        if answer.status_code != 200 or answer.body.strip() != _ACCEPTED:
            raise refusal(self.name, answer.status_code, answer.body.strip(), answer.headers)
