"""What a client says of itself: its consumer key, and its secret."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from rotator.core.secret import Secret
from rotator.simulator.org.settings import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.org import Org


@dataclass(frozen=True)
class Credentials:
    """A consumer key and a secret, from the form or from HTTP basic authentication."""

    client_id: str
    secret: Secret | None

    @classmethod
    def of(cls, form: Mapping[str, str], authorization: str) -> Self:
        """Reads both; basic authentication comes before the form."""
        kind, _, encoded = authorization.partition(" ")
        if kind.lower() == "basic":
            try:
                client_id, _, secret = base64.b64decode(encoded.strip()).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return cls("", None)
            return cls(client_id, Secret(secret))
        sent = form.get("client_secret")
        return cls(form.get("client_id", ""), Secret(sent) if sent else None)


def authenticated(org: Org, credentials: Credentials) -> ClientApp | Refusal:
    """The app of a client whose key and secret are right, or what the client is told."""
    app = org.app_of(credentials.client_id)
    if app is None:
        return Refusal("invalid_client_id", "client identifier invalid")
    secret = credentials.secret.reveal() if credentials.secret else ""
    if not secret or not app.takes_secret(credentials.client_id, secret, org.clock()):
        return Refusal("invalid_client", "invalid client credentials")
    return app
