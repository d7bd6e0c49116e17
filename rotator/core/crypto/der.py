"""What is looked up in the DER of a certificate, where to read all of it would take longer."""

from __future__ import annotations

from typing import Final

_VERSION: Final = 0xA0
"""Tag of the first part of a certificate, which one of version 1 does without."""

_LONG: Final = 0x80
"""Bit of a length that stands in further bytes (X.690 section 8.1.3)."""


def is_self_issued(certificate: bytes) -> bool:
    """Whether issuer and subject are the same, byte for byte (RFC 5280 sections 4.1.2.4 and 4.1.2.6).

    The certificate must be one: it was parsed before.
    """
    to_be_signed, _ = _content(certificate, 0)
    at, _ = _content(certificate, to_be_signed)
    if certificate[at] == _VERSION:
        at = _end(certificate, at)
    signature = _end(certificate, at)  # what comes before it is the serial number
    issuer = _end(certificate, signature)
    validity = _end(certificate, issuer)
    subject = _end(certificate, validity)
    return certificate[issuer:validity] == certificate[subject : _end(certificate, subject)]


def _end(der: bytes, at: int) -> int:
    """Where the element that begins there ends."""
    begin, length = _content(der, at)
    return begin + length


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of an element begins, and how long it is."""
    length = der[at + 1]
    if length < _LONG:
        return at + 2, length
    begin = at + 2 + length - _LONG
    return begin, int.from_bytes(der[at + 2 : begin], "big")
