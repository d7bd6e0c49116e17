"""One call to Slack: what may go wrong with it, in a person's words and without its secrets."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from urllib3.exceptions import NewConnectionError

import rotator
from rotator.alerts.base import DeliveryFailed
from rotator.alerts.slack.slack_errors import refusal
from rotator.alerts.tls import client_context, distrust
from rotator.core.secret import Secret
from rotator.errors import ConfigurationError
from rotator.net.client import (
    NO_SOCKS,
    USE_HTTP_PROXY,
    Session,
    cause_of,
    host_of,
    is_about_socks,
    location,
    why_unreached,
)
from rotator.net.limits import MEGABYTE, Limits
from rotator.net.loading import requests
from rotator.net.shapes import Fields, WrongShape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ACCEPTED: Final = "ok"


def require_https(channel: str, url: str) -> None:
    """Raises ConfigurationError for a webhook's address that is none, or to which it would go in the clear."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or any(character.isspace() for character in url):
        raise ConfigurationError(
            f"Channel {channel}: what `url` refers to is no https address.",
            effect="Nothing was sent.",
            hint="Put the one address there that Slack shows for the webhook, https://hooks.slack.com/services/...",
        )


def require_header(channel: str, token: str) -> None:
    """Raises ConfigurationError for a token that no header can hold."""
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise ConfigurationError(
            f"Channel {channel}: what `token` refers to is no bot token of Slack.",
            effect="Nothing was sent.",
            hint="Put the one token there, xoxb-..., and nothing else.",
        )


class Refused(Exception):
    """Slack answered, and did not do what it was asked."""

    def __init__(self, status: int, word: str, headers: Mapping[str, str]) -> None:
        """`word` is its error code, which may be anything where no Slack answered."""
        super().__init__(word)
        self.word: Final = word
        self._status: Final = status
        self._headers: Final = headers

    def told(self, channel: str) -> DeliveryFailed:
        """What to tell people."""
        return refusal(channel, self._status, self.word, self._headers)


class SlackCalls:
    """Calls from one channel. Each raises Refused where Slack answers no, DeliveryFailed where it does not answer.

    No text of a library's is told: it names addresses, and that of a webhook is a secret.
    """

    def __init__(self, channel: str, *, timeout: float, ca: Path | None) -> None:
        """`timeout` is in seconds, for all of a call. Raises ConfigurationError when `ca` cannot be used."""
        if ca is not None:
            client_context(channel, ca)
        limits = Limits(connect=timeout, silence=timeout, total=timeout, size=MEGABYTE)
        self._channel: Final = channel
        self._timeout: Final = timeout
        # A connection that is kept may break as it is used again; whether the message has arrived nobody knows then.
        self._new_session: Final = partial(Session, limits, user_agent=f"rotator/{rotator.__version__}", ca=ca)

    def ask(self, url: str, token: Secret, body: Mapping[str, Any]) -> tuple[Fields, Mapping[str, str]]:
        """A method of the Web API: what it answers, and the headers of that."""
        answer = self._post(Secret(url), body, {"Authorization": f"Bearer {token.reveal()}"})
        try:
            fields = Fields.parsed(answer.content)
            is_done, word = fields.flag("ok"), fields.text("error")
        except WrongShape:
            if answer.status_code == requests.codes.ok:
                raise self._senseless(host_of(url)) from None
            is_done, word = False, ""
        if answer.status_code != requests.codes.ok or not is_done:
            raise Refused(answer.status_code, word, answer.headers)
        return fields, answer.headers

    def hand_over(self, url: Secret, body: Mapping[str, Any]) -> None:
        """A message to an incoming webhook."""
        answer = self._post(url, body, {})
        word = answer.content[:100].decode(errors="replace").strip()
        # A proxy's page, or one that Slack leads to, comes with 200 as well.
        if answer.status_code != requests.codes.ok or word != _ACCEPTED:
            raise Refused(answer.status_code, word, answer.headers)

    def _post(self, url: Secret, body: Mapping[str, Any], headers: Mapping[str, str]) -> requests.Response:
        host = host_of(url.reveal())
        kind = {"Content-Type": "application/json; charset=utf-8"}
        try:
            with self._new_session() as session:
                answer = session.post(url.reveal(), data=json.dumps(body).encode(), headers={**kind, **headers})
        except (requests.RequestException, OSError) as error:
            failed = self._failed(host, error)
        else:
            if not answer.is_redirect:
                return answer
            failed = DeliveryFailed(
                f"Channel {self._channel}: {host} leads elsewhere ({host_of(location(answer)) or 'to no address'}).",
                hint="Check the channel's address and what stands in between; a secret goes to no other host.",
            )
        # Outside of the handler: the error of requests holds the request, and with it the secret.
        raise failed

    def _failed(self, host: str, error: Exception) -> DeliveryFailed:
        if reason := distrust(error):
            return DeliveryFailed(
                f"Channel {self._channel}: the TLS certificate that {host} shows is not trusted: {reason}.",
                hint="Set `ca` of the channel to the PEM file of the authority behind it, such as a proxy's.",
                transient=False,
            )
        if is_about_socks(error):
            return DeliveryFailed(
                f"Channel {self._channel}: {host} cannot be called: {NO_SOCKS}.", hint=USE_HTTP_PROXY, transient=False
            )
        if isinstance(error, requests.Timeout):
            return DeliveryFailed(
                f"Channel {self._channel}: {host} did not answer within {self._timeout:g} seconds.",
                hint="Nothing, unless it lasts: then check firewall and HTTPS_PROXY.",
            )
        is_away = cause_of(error, NewConnectionError) or isinstance(error, requests.exceptions.ProxyError)
        if not is_away:
            return self._senseless(host)
        return DeliveryFailed(
            f"Channel {self._channel}: {host} cannot be reached: {why_unreached(error)}.",
            hint="Check name resolution, firewall and HTTPS_PROXY.",
        )

    def _senseless(self, host: str) -> DeliveryFailed:
        return DeliveryFailed(
            f"Channel {self._channel}: {host} broke the connection, or its answer makes no sense.",
            hint="Nothing, unless it lasts: then check the address and what stands in between.",
        )
