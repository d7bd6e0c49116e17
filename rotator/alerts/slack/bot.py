"""A bot of Slack: one alert is one thread, and its first message says when it is settled."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rotator.alerts.slack.blocks import (
    blocks_of,
    digest_blocks_of,
    digest_fallback_of,
    fallback_of,
    settled_blocks_of,
)
from rotator.alerts.slack.calls import Refused, SlackCalls, require_header
from rotator.alerts.slack.slack_errors import NO_THREAD, refusal
from rotator.core.severity import Severity
from rotator.net.shapes import WrongShape
from rotator.plain_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rotator.alerts.base import Message
    from rotator.alerts.slack.settings import SlackBotSettings
    from rotator.core.secret import Secret
    from rotator.net.shapes import Fields

DIGEST_FROM: Final = 10
"""So many messages at once would be more than Slack takes (one a second), and than people read."""

_SCOPE: Final = "chat:write"
_LONGEST_NAME: Final = 80
_AS_IT_IS: Final[dict[str, Any]] = {"parse": "none", "link_names": False}
_QUIET: Final = {"unfurl_links": False, "unfurl_media": False, **_AS_IT_IS}
"""Nothing in a text is made into more than it is."""


class SlackBotChannel:
    """Posts by `chat.postMessage`; a token with the scope `chat:write` is enough (docs.slack.dev)."""

    digest_from: Final = DIGEST_FROM
    has_threads: Final = True

    def __init__(self, name: str, settings: SlackBotSettings, token: Secret) -> None:
        """Raises ConfigurationError when the token or `ca` cannot be used."""
        require_header(name, token.reveal())
        self.name: Final = name
        self._channel: Final = settings.channel
        self._api_url: Final = settings.api_url.rstrip("/")
        self._token: Final = token
        self._calls: Final = SlackCalls(name, timeout=settings.timeout.total_seconds(), ca=settings.ca)

    def send(self, message: Message, *, thread: str | None) -> str:
        """A reply in the alert's thread, or its first message. What matters is shown in the Slack channel as well."""
        place = self._place(thread)
        if place and message.settles:
            self._settle(place, message)
        with self._told():
            posted = self._post(message, place)
        return thread if place and thread else str(posted)

    def send_digest(self, messages: Sequence[Message]) -> str:
        """One message with a line for each."""
        content = {"text": digest_fallback_of(messages), "blocks": digest_blocks_of(messages), **_QUIET}
        with self._told():
            posted = self._posted(content)
        return str(posted._replace(is_digest=True))

    def check(self) -> str:
        """Asks whose token it is (`auth.test`), and whether it may write."""
        with self._told():
            answer, headers = self._ask("auth.test", {})
        # Every answer says what the token may do (docs.slack.dev, "Scopes"); a gateway in between may leave it out.
        scopes = next((value for name, value in headers.items() if name.lower() == "x-oauth-scopes"), _SCOPE)
        if _SCOPE not in scopes.replace(" ", "").split(","):
            raise refusal(self.name, 200, "missing_scope", {})
        user, team = (one_line(_text(answer, name), _LONGEST_NAME) for name in ("user", "team"))
        return f"Slack knows the token: {user or 'a bot'} in {team or 'a workspace'}."

    def close(self) -> None:
        """Nothing: each call has a connection of its own."""

    def _place(self, thread: str | None) -> _Place | None:
        place = _Place.parse(thread)
        # Since that thread began, another Slack channel was configured: it is continued there, without the thread.
        has_moved = place is not None and _ID.fullmatch(self._channel) and place.channel != self._channel
        return None if has_moved else place

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Has what Slack refuses be told to people."""
        try:
            yield
        except Refused as refused:
            raise refused.told(self.name) from None

    def _ask(self, method: str, body: dict[str, Any]) -> tuple[Fields, Mapping[str, str]]:
        return self._calls.ask(f"{self._api_url}/{method}", self._token, body)

    def _posted(self, content: dict[str, Any]) -> _Place:
        """Posts a message, and says where it is."""
        answer, _ = self._ask("chat.postMessage", {"channel": self._channel, **content})
        # Accepted it is, whatever Slack says of the place.
        return _Place(_text(answer, "channel"), _text(answer, "ts"))

    def _post(self, message: Message, place: _Place | None) -> _Place:
        content: dict[str, Any] = {"text": fallback_of(message), "blocks": blocks_of(message), **_QUIET}
        if place is None:
            return self._posted(content)
        # The facts are in the first message of the thread, but for a digest.
        reply = content if place.is_digest else content | {"blocks": blocks_of(replace(message, facts={}))}
        # A reply alone is seen only by those who follow the thread.
        loud = message.alert.severity.reaches(Severity.WARNING) and not message.is_last
        try:
            return self._posted({"thread_ts": place.ts, "reply_broadcast": loud, **reply})
        except Refused as refused:
            if refused.word not in NO_THREAD:
                raise
            return self._posted(content)

    def _settle(self, place: _Place, message: Message) -> None:
        """Shows in the first message that the alert is settled; done twice, it changes nothing.

        A digest stays as it is. A first message that was deleted or may not be changed any more is left alone.
        """
        if place.is_digest:
            return
        body = {
            "channel": place.channel,
            "ts": place.ts,
            "text": fallback_of(message),
            "blocks": settled_blocks_of(message),
            **_AS_IT_IS,
        }
        with self._told():
            try:
                self._ask("chat.update", body)
            except Refused as refused:
                if refused.word not in _UNCHANGEABLE:
                    raise


_THREAD: Final = re.compile(r"(?P<channel>[A-Z0-9]+)/(?P<ts>\d+\.\d+)(?P<digest>/digest)?", re.ASCII)
_ID: Final = re.compile(r"[CGD][A-Z0-9]{7,}", re.ASCII)


class _Place(NamedTuple):
    """Where a thread begins, as it is kept: `C0123ABCD/1700000000.000100`, with `/digest` if that is what it is."""

    channel: str
    ts: str
    is_digest: bool = False

    @classmethod
    def parse(cls, thread: str | None) -> _Place | None:
        """None where there is none, or where it is another kind of channel's: the name may have been another's."""
        found = _THREAD.fullmatch(thread or "")
        return cls(found["channel"], found["ts"], bool(found["digest"])) if found else None

    def __str__(self) -> str:
        return f"{self.channel}/{self.ts}" + ("/digest" if self.is_digest else "")


_UNCHANGEABLE: Final = NO_THREAD | {
    "block_mismatch",
    "cant_update_message",
    "channel_not_found",
    "edit_window_closed",
    "is_archived",
    "is_inactive",
}


def _text(answer: Fields, name: str) -> str:
    try:
        return answer.text(name)
    except WrongShape:
        return ""
