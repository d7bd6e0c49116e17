"""A certificate whose issuer is its subject is told from its DER."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rotator.core.crypto.certificates import Certificate
from rotator.core.crypto.der import is_self_issued

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _issued(subject: str, issuer: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder().issuer_name(_name(issuer)).subject_name(_name(subject))
    builder = builder.public_key(key.public_key()).serial_number(2**150)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=9))
    signed = builder.sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


# Of 50 and more letters parts of it have lengths of two bytes and three.
@pytest.mark.parametrize("subject", ["a", "app 7", "a" * 64])
@pytest.mark.parametrize("issuer", ["a", "app 7", "b" * 64])
def test_who_issued_a_certificate_is_named_as_the_parser_names_it(subject: str, issuer: str) -> None:
    der = _issued(subject, issuer)

    assert is_self_issued(der) is (subject == issuer)
    assert Certificate.parse(der).subject == f"CN={subject}"
    assert Certificate.parse(der).issuer == f"CN={issuer}"


@pytest.mark.parametrize("length", [1, 120, 200, 300, 70_000])
def test_a_certificate_of_version_1_says_none_and_lengths_may_take_several_bytes(length: int) -> None:
    name, other = _element(0x30, b"n" * length), _element(0x30, b"m" * length)

    def made(subject: bytes, version: bytes = b"") -> bytes:
        rest = [
            _element(2, b"\1"),
            _element(0x30, b"sha"),
            name,
            _element(0x30, b"dates"),
            subject,
            _element(0x30, b""),
        ]
        return _element(0x30, _element(0x30, version + b"".join(rest)) + _element(0x30, b"sha") + _element(3, b"x"))

    assert is_self_issued(made(name))
    assert not is_self_issued(made(other))
    assert is_self_issued(made(name, _element(0xA0, b"\2\1\2")))


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    told = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(told))) + told + content
