"""The MAC of a PKCS#12 keystore, with as many rounds as its encryption has (RFC 7292, sections 4 and 5, appendix B).

Whoever has the file tries passwords by what is cheapest. The library encrypts with the rounds that it is given, and
always makes the MAC with 2,048, so the MAC is made anew here.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Annotated, Final

from cryptography import x509  # noqa: TC002 - the declarations are evaluated
from cryptography.hazmat import asn1

if TYPE_CHECKING:
    from rotator.core.secret import Secret

_FOR_THE_MAC: Final = b"\x03"
"""What the key is made for (appendix B.3)."""
_SALT: Final = 20
"""Bytes."""


@asn1.sequence
class _ContentInfo:
    content_type: x509.ObjectIdentifier
    content: Annotated[bytes, asn1.Explicit(0)]


@asn1.sequence
class _Algorithm:
    name: x509.ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class _DigestInfo:
    algorithm: _Algorithm
    digest: bytes


@asn1.sequence
class _MacData:
    mac: _DigestInfo
    salt: bytes
    rounds: int


@asn1.sequence
class _Pfx:
    version: int
    contents: _ContentInfo
    mac: _MacData


def with_rounds(keystore: bytes, password: Secret, rounds: int) -> bytes:
    """The keystore, whose MAC is by SHA-256, with a MAC of so many rounds."""
    found = asn1.decode_der(_Pfx, keystore)
    salt = secrets.token_bytes(_SALT)
    digest = hmac.digest(_key(password, salt, rounds), found.contents.content, "sha256")
    mac = _MacData(mac=_DigestInfo(algorithm=found.mac.mac.algorithm, digest=digest), salt=salt, rounds=rounds)
    return asn1.encode_der(_Pfx(version=found.version, contents=found.contents, mac=mac))


def _key(password: Secret, salt: bytes, rounds: int) -> bytes:
    """The key for HMAC-SHA256 (appendix B.2). It is as long as one block's hash, so nothing is carried on."""
    block = hashlib.sha256().block_size
    text = password.reveal().encode("utf-16-be") + b"\0\0"
    made = _FOR_THE_MAC * block + _filled(salt, block) + _filled(text, block)
    for _ in range(rounds):
        made = hashlib.sha256(made).digest()
    return made


def _filled(data: bytes, block: int) -> bytes:
    """Repeated to a whole number of blocks."""
    size = block * -(-len(data) // block)
    return (data * (size // len(data) + 1))[:size]
