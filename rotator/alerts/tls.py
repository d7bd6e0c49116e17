"""TLS to channels: the public authorities, or one's own."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from rotator.errors import ConfigurationError
from rotator.net.client import cause_of

if TYPE_CHECKING:
    from pathlib import Path


def client_context(channel: str, ca: Path | None) -> ssl.SSLContext:
    """Checks the server's certificate and name. Raises ConfigurationError when `ca` cannot be used."""
    try:
        return ssl.create_default_context(cafile=str(ca) if ca else None)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(
            f"Channel {channel}: the CA bundle {ca} cannot be used: {error.strerror or 'it holds no certificate'}.",
            effect="Nothing was sent.",
            hint="Set `ca` of the channel to a readable PEM file.",
        ) from None


def distrust(error: BaseException) -> str:
    """Why the server's certificate was not trusted; empty when that is not what went wrong."""
    cause = cause_of(error, ssl.SSLCertVerificationError)
    return cause.verify_message if cause else ""
