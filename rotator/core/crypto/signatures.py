"""Ed25519 keys (RFC 8032) that an installation signs its history with. They log in nowhere."""

from __future__ import annotations

import base64
import hashlib
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from rotator.core.secret import Secret
from rotator.errors import CertificateError

_PREFIX: Final = "ed25519:"
_ID_DIGITS: Final = 16


class PublicKey:
    """What a signature is checked with; `ed25519:` and the key in base64, for people and config.yaml."""

    def __init__(self, raw: bytes) -> None:
        """Raises ValueError for what is no key."""
        self._key: Final = ed25519.Ed25519PublicKey.from_public_bytes(raw)
        self.text: Final = _PREFIX + base64.b64encode(raw).decode("ascii")
        self.id: Final = hashlib.sha256(raw).hexdigest()[:_ID_DIGITS]
        """The beginning of the key's SHA-256: which of several keys has signed."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key that `text` is of. Raises ValueError."""
        if not text.startswith(_PREFIX):
            raise ValueError(f"must be {_PREFIX} and 44 characters, as `rotator history verify` shows it")
        return cls(base64.b64decode(text.removeprefix(_PREFIX), validate=True))

    def has_signed(self, signature: str, signed: bytes) -> bool:
        """Whether the signature is this key's over exactly these bytes."""
        try:
            self._key.verify(base64.urlsafe_b64decode(signature + "=="), signed)
        except (InvalidSignature, ValueError, TypeError):
            return False
        return True


class SigningKey:
    """The private half, in memory. It prints as `***`."""

    __slots__ = ("_key",)

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._key: Final = key

    @classmethod
    def generate(cls) -> Self:
        """A new key."""
        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: Secret) -> Self:
        """Reads PKCS#8. Raises CertificateError for anything else."""
        try:
            key = serialization.load_pem_private_key(pem.reveal().encode("ascii", "replace"), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise CertificateError(
                "The key that signs the history is no unencrypted Ed25519 key in PEM.",
                hint="Make one: openssl genpkey -algorithm ed25519 -out FILE",
            )
        return cls(key)

    def pem(self) -> Secret:
        """The key as unencrypted PKCS#8 PEM."""
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        return Secret(self._key.private_bytes(encoding, form, serialization.NoEncryption()).decode("ascii"))

    def sign(self, signed: bytes) -> str:
        """The signature in base64 for URLs, without padding."""
        return base64.urlsafe_b64encode(self._key.sign(signed)).decode("ascii").rstrip("=")

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey(self._key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return "***"

    def __format__(self, _spec: str) -> str:
        return "***"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a SigningKey is not pickled")
