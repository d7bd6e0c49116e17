"""Salesforce's record ids, consumer keys and access tokens."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

_CHECKSUM: Final = string.ascii_uppercase + "012345"
_OPAQUE: Final = string.ascii_letters + string.digits + "._"


def record_id(prefix: str, number: int) -> str:
    """An 18-character id: a type's prefix, a number, and three characters that tell capitals from small letters."""
    short = f"{prefix}{number:0{15 - len(prefix)}d}"
    groups = (short[start : start + 5] for start in (0, 5, 10))
    return short + "".join(_CHECKSUM[sum(char.isupper() << bit for bit, char in enumerate(group))] for group in groups)


def consumer_key(random: Random) -> str:
    """A client id as Salesforce makes them: 85 characters that begin with `3MVG9`."""
    return "3MVG9" + "".join(random.choices(_OPAQUE, k=80))


def consumer_secret(random: Random) -> str:
    """A client secret as Salesforce makes them: 64 hexadecimal digits."""
    return f"{random.getrandbits(256):064X}"


def opaque_token(org_id: str, random: Random) -> str:
    """An access token that is a session id: the org's 15-character id, `!`, and what nobody can read."""
    return f"{org_id[:15]}!AQ{''.join(random.choices(_OPAQUE, k=96))}"
