"""Java's keystore format JKS, version 2, with one private key.

The file's layout is that of OpenJDK's sun.security.provider.JavaKeyStore, the protection of the key that of its
KeyProtector: SHA-1 over the password and a salt gives a stream of bytes that the key is mixed with. One guess of the
password costs next to nothing, so that the file needs its own protection and the password must be long.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.crypto.certificates import Certificate
    from rotator.core.crypto.keys import PrivateKey
    from rotator.core.secret import Secret

_MAGIC: Final = 0xFEEDFEED
_VERSION: Final = 2
_PRIVATE_KEY: Final = 1
_CERTIFICATE_TYPE: Final = "X.509"
_WHITENER: Final = b"Mighty Aphrodite"
"""What the checksum of every JKS file begins with, after the password."""
_PROTECTOR: Final = bytes.fromhex("300e060a2b060104012a021101010500")
"""AlgorithmIdentifier (DER) of the key's protection: 1.3.6.1.4.1.42.2.17.1.1, no parameters."""
_SEQUENCE: Final = 0x30
_OCTETS: Final = 0x04


def jks(
    key: PrivateKey,
    certificate: Certificate,
    password: Secret,
    alias: str,
    *,
    created_at: datetime,
) -> bytes:
    """The bytes of a keystore; one password protects its entry and the whole. Java writes aliases in lower case."""
    secret = password.reveal().encode("utf-16-be")
    plain = key.signing_key().private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    protected = _der(_SEQUENCE, _PROTECTOR + _der(_OCTETS, _protect(plain, secret)))
    body = b"".join(
        (
            struct.pack(">III", _MAGIC, _VERSION, 1),
            struct.pack(">I", _PRIVATE_KEY),
            _text(alias.lower()),
            struct.pack(">Q", int(created_at.timestamp() * 1000)),
            _counted(protected),
            struct.pack(">I", 1),
            _text(_CERTIFICATE_TYPE),
            _counted(certificate.der),
        )
    )
    return body + _sha1(secret + _WHITENER + body)


def _protect(plain: bytes, secret: bytes) -> bytes:
    salt = secrets.token_bytes(20)
    stream, block = b"", salt
    while len(stream) < len(plain):
        block = _sha1(secret + block)
        stream += block
    mixed = bytes(one ^ other for one, other in zip(plain, stream, strict=False))
    return salt + mixed + _sha1(secret + plain)


def _der(tag: int, content: bytes) -> bytes:
    """One value in DER (X.690): tag, length, content."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content


def _counted(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _text(text: str) -> bytes:
    data = text.encode("ascii")
    return struct.pack(">H", len(data)) + data


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()
