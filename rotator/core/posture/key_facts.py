"""What the rules go by of a certificate, and of a stored version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.credentials import KeyVersion
from rotator.core.crypto.names import RSA
from rotator.core.posture.facts import KeyFacts

if TYPE_CHECKING:
    from rotator.core.credentials import Version
    from rotator.core.crypto.certificates import Certificate


def key_facts(certificate: Certificate) -> KeyFacts:
    """What is known of a key by its certificate."""
    return KeyFacts(
        public_fingerprint=certificate.public_fingerprint,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        algorithm=certificate.key_algorithm,
        bits=certificate.key_bits,
        exponent=certificate.public_key.public_numbers().e if certificate.key_algorithm == RSA else 0,
        hash=certificate.signature_algorithm,
    )


def version_facts(version: Version) -> KeyFacts:
    """What is known of a stored version without its key or its secret."""
    if isinstance(version, KeyVersion):
        return key_facts(version.certificate)
    return KeyFacts(version.public_fingerprint, version.not_before, version.not_after, is_secret=True)
