"""One call to Slack by its own library: what may go wrong with it, in a person's words and without its secrets."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from http.client import HTTPException
from typing import TYPE_CHECKING, Final
from urllib.error import URLError
from urllib.parse import urlsplit

from slack_sdk.errors import SlackApiError, SlackClientError

from rotator.alerts.base import DeliveryFailed
from rotator.alerts.slack.errors import refusal
from rotator.alerts.tls import distrust
from rotator.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SILENT: Final = logging.getLogger(f"{__name__}.library")
"""The library logs addresses, which are secrets of webhooks, and answers."""
SILENT.setLevel(logging.CRITICAL + 1)


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


@contextmanager
def in_our_words(channel: str, host: str, timeout: float) -> Iterator[None]:
    """Turns whatever a call raises into DeliveryFailed. No text of the library's is kept: it names addresses."""
    try:
        yield
    except SlackApiError as error:
        raise _refused(channel, error) from None
    except TimeoutError:
        raise _silent(channel, host, timeout) from None
    except URLError as error:
        raise _unreachable(channel, host, timeout, error) from None
    except (OSError, HTTPException, SlackClientError, ValueError, LookupError, AttributeError):
        # The last three: an answer that is no text, or JSON but no object, makes the library stumble.
        raise DeliveryFailed(
            f"Channel {channel}: {host} broke the connection, or its answer makes no sense.",
            hint="Nothing, unless it lasts: then check the address and what stands in between.",
        ) from None


def _refused(channel: str, error: SlackApiError) -> DeliveryFailed:
    answer = error.response
    data: object = answer.data
    word = data.get("error", "") if isinstance(data, dict) else ""
    headers: Mapping[str, str] = answer.headers
    return refusal(channel, int(answer.status_code), str(word), headers)


def _unreachable(channel: str, host: str, timeout: float, error: URLError) -> DeliveryFailed:
    if reason := distrust(error):
        return DeliveryFailed(
            f"Channel {channel}: the TLS certificate that {host} shows is not trusted: {reason}.",
            hint="Set `ca` of the channel to the PEM file of the authority behind it, such as a proxy's.",
            transient=False,
        )
    if isinstance(error.reason, TimeoutError):
        return _silent(channel, host, timeout)
    system = error.reason.strerror if isinstance(error.reason, OSError) else None
    return DeliveryFailed(
        f"Channel {channel}: {host} cannot be reached: {(system or 'no connection').lower()}.",
        hint="Check name resolution, firewall and HTTPS_PROXY.",
    )


def _silent(channel: str, host: str, timeout: float) -> DeliveryFailed:
    return DeliveryFailed(
        f"Channel {channel}: {host} did not answer within {timeout:g} seconds.",
        hint="Nothing, unless it lasts: then check firewall and HTTPS_PROXY.",
    )
