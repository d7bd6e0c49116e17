"""A version as a keystore, for consumers that read nothing else: PKCS#12, and Java's own old JKS."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12
from cryptography.x509 import load_der_x509_certificate

from rotator.core.crypto.jks import jks
from rotator.core.crypto.pkcs12_mac import with_rounds
from rotator.errors import CertificateError

if TYPE_CHECKING:
    from rotator.core.credentials import KeyVersion
    from rotator.core.secret import Secret

ROUNDS: Final = 100_000
"""Rounds for what a PKCS#12 keystore encrypts (PBKDF2-HMAC-SHA256), and for its MAC: ten times those of keytool."""

SHORTEST_PASSWORD: Final = 12
"""Characters. Java takes half as many, and whoever finds the file tries those within hours."""

FEWEST_DIFFERENT: Final = 6
"""Different characters among them."""


class Format(StrEnum):
    """Kinds of keystores."""

    PKCS12 = "pkcs12"
    """RFC 7292; AES-256 and HMAC-SHA256, as Java reads it from 8u301 on."""
    JKS = "jks"
    """Java's own before Java 9. Its protection is SHA-1 without rounds: for programs that read nothing else."""


def keystore(version: KeyVersion, form: Format, password: Secret, alias: str) -> bytes:
    """The version's key and certificate as a keystore with one entry, encrypted with the password.

    Raises CertificateError for a password that Java could not be given.
    """
    _refuse_weak(password)
    if form is Format.JKS:
        return jks(version.private_key, version.certificate, password, alias, created_at=version.created_at)
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(password.reveal().encode())
    )
    certificate = load_der_x509_certificate(version.certificate.der)
    key = version.private_key.signing_key()
    made = pkcs12.serialize_key_and_certificates(alias.encode(), key, certificate, None, encryption)
    return with_rounds(made, password, ROUNDS)


def _refuse_weak(password: Secret) -> None:
    text = password.reveal()
    # Formats and programs differ in how they turn other characters into bytes.
    if len(text) >= SHORTEST_PASSWORD and len(set(text)) < FEWEST_DIFFERENT:
        raise CertificateError(
            f"The keystore's password has less than {FEWEST_DIFFERENT} different characters.",
            effect="Nothing was written.",
            hint="Make one that is hard to guess, such as with `openssl rand -hex 24`.",
        )
    if len(text) < SHORTEST_PASSWORD or not text.isascii() or not text.isprintable():
        raise CertificateError(
            f"The keystore's password is shorter than {SHORTEST_PASSWORD} characters, or has others than plain ASCII.",
            effect="Nothing was written.",
            hint="Make one that is hard to guess, such as with `openssl rand -hex 24`.",
        )
