"""Addresses: of a credential, as consumers write it; and of servers that private keys are sent to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from rotator.errors import ConfigurationError
from rotator.resources import docs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_EXAMPLE: Final = f"Such as files:/var/lib/rotator/keys#billing; {docs('consumers')} shows every form."


@dataclass(frozen=True)
class CredentialAddress:
    """Where a credential is: `aws:rotator/billing?region=eu-central-1`. It holds no secret."""

    type: str
    """Of the store, as in config.yaml: `aws`."""
    rest: str
    """What follows the first colon; its store says in which form."""

    def parts(self, options: Collection[str]) -> tuple[str, dict[str, str]]:
        """The path, and what follows its question mark. Raises ConfigurationError for another option than these."""
        path, _, query = self.rest.partition("?")
        given = dict(parse_qsl(query, keep_blank_values=True))
        for option in given:
            if option not in options:
                raise self.mistaken(f"has an unknown option {option!r}; there are {', '.join(sorted(options))}")
        return path, given

    def mistaken(self, reason: str) -> ConfigurationError:
        """The error for an address that cannot be meant; `reason` goes on after its name."""
        return mistaken_address(f"{self.type}:{self.rest}", reason)


def mistaken_address(text: str, reason: str) -> ConfigurationError:
    """The error for what is no address of a credential."""
    # Without its options: somebody may have put a secret there.
    named = text.partition("?")[0]
    return ConfigurationError(f"The address {named!r} {reason}.", effect="Nothing was touched.", hint=_EXAMPLE)


def file_option(options: Mapping[str, str], name: str) -> Path | None:
    """An option of an address that names a file."""
    return Path(options[name]).expanduser() if name in options else None


def secure_address(value: str, example: str) -> str:
    """The address of a server, without a slash at its end.

    Raises ValueError, with what it must be, for one that leads nowhere or would send keys in the clear.
    """
    try:
        parts = urlsplit(value)
        whole = bool(parts.hostname) and parts.port != 0 and not any(map(str.isspace, value))
    except ValueError:
        whole = False
    if not whole or "@" in parts.netloc or parts.query or parts.fragment or parts.scheme not in {"http", "https"}:
        raise ValueError(f"must be an address such as {example}")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("must begin with https://, as private keys go over it; http:// is for this machine only")
    return value.rstrip("/")


def is_secure(value: str) -> bool:
    """Whether it is the address of a server that private keys may be sent to."""
    try:
        return bool(secure_address(value, ""))
    except ValueError:
        return False
