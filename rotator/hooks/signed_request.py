"""A hook that is a signed request, as Standard Webhooks describes it (standardwebhooks.com, version 1.0)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from functools import partial
from typing import TYPE_CHECKING, Final

import rotator
from rotator.core import words
from rotator.errors import ConfigurationError
from rotator.hooks.base import HookFailed
from rotator.net.client import NO_SOCKS, USE_HTTP_PROXY, Session, host_of, is_about_socks, why_unreached
from rotator.net.limits import KILOBYTE, Limits
from rotator.net.loading import requests
from rotator.plain_text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.config.rotation.hooks import WebhookSettings
    from rotator.core.hook import HookCall
    from rotator.core.secret import Secret

SIZE: Final = 256 * KILOBYTE
"""Of an answer, of which the status counts and the beginning is kept."""

_KEPT: Final = 500
_SHORTEST: Final = 24
"""Bytes of a secret (Standard Webhooks, "Signature scheme": between 24 and 64)."""
_PREFIX: Final = "whsec_"
_SUCCESS: Final = 2
"""The class of answers that say so (RFC 9110 section 15.3)."""
_BUSY: Final = frozenset({408, 425, 429})


class WebhookHook:
    """Sends what happened as JSON, and with it who says so and when."""

    def __init__(self, name: str, settings: WebhookSettings, secret: Secret, now: Callable[[], datetime]) -> None:
        """Raises ConfigurationError when the secret or `ca` cannot be used."""
        self.name: Final = name
        self._url: Final = settings.url
        self._key: Final = signing_key(name, secret)
        self._now: Final = now
        seconds = settings.timeout.total_seconds()
        self._seconds: Final = seconds
        limits = Limits(connect=seconds, silence=seconds, total=seconds, size=SIZE)
        agent = f"rotator/{rotator.__version__}"
        self._new_session: Final = partial(Session, limits, user_agent=agent, ca=settings.ca)

    def call(self, call: HookCall) -> str:
        """Accepted is any answer of the class 2xx; a redirect is none."""
        body = json.dumps(
            {
                "type": f"credential.{call.event}",
                "timestamp": words.timestamp(call.at),
                "data": call.facts | ({"test": True} if call.is_test else {}),
            }
        ).encode()
        headers = {"Content-Type": "application/json", **self._signed(call.id, body)}
        try:
            with self._new_session() as session:
                answer = session.post(self._url, data=body, headers=headers)
        except requests.Timeout:
            raise self._failed(f"did not answer within {self._seconds:g} seconds") from None
        except (requests.RequestException, OSError) as error:
            if is_about_socks(error):
                raise self._failed(f"cannot be called: {NO_SOCKS}", USE_HTTP_PROXY, transient=False) from None
            raise self._failed(f"cannot be reached: {why_unreached(error)}") from None
        said = one_line(answer.content[:_KEPT].decode("utf-8", "replace"))
        if answer.status_code // 100 != _SUCCESS:
            is_busy = answer.status_code in _BUSY or answer.status_code >= requests.codes.server_error
            raise self._failed(f"answered HTTP {answer.status_code}", output=said, transient=is_busy)
        return said

    def check(self) -> str:
        """Nothing is sent: a webhook cannot be asked, only used."""
        return f"Its secret is there; `rotator hooks test {self.name}` calls {host_of(self._url)}."

    def _signed(self, identity: str, body: bytes) -> dict[str, str]:
        seconds = str(int(self._now().timestamp()))
        signed = hmac.digest(self._key, b".".join((identity.encode(), seconds.encode(), body)), hashlib.sha256)
        return {
            "webhook-id": identity,
            "webhook-timestamp": seconds,
            "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        }

    def _failed(self, what: str, hint: str = "", *, output: str = "", transient: bool = True) -> HookFailed:
        hint = hint or "Check the address, firewall and HTTPS_PROXY, and what the receiver logs."
        message = f"Hook {self.name}: {host_of(self._url)} {what}."
        return HookFailed(message, hint=hint, output=output, transient=transient)


def signing_key(hook: str, secret: Secret) -> bytes:
    """The key that a secret stands for. Raises ConfigurationError for one that is no base64, or too short."""
    try:
        key = base64.b64decode(secret.reveal().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < _SHORTEST:
        raise ConfigurationError(
            f"Hook {hook}: what `secret` refers to is not at least {_SHORTEST} bytes in base64.",
            effect="Nothing was sent.",
            hint="Make one with `openssl rand -base64 32`, and give it to the receiver as well.",
        )
    return key
