"""X.509 certificates: made, read in every form that Salesforce gives, compared."""

from __future__ import annotations

import base64
import binascii
import hashlib
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, ClassVar, Final, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID, PublicKeyAlgorithmOID

from rotator.core import words
from rotator.core.crypto.der import is_self_issued
from rotator.core.crypto.keys import PrivateKey, public_fingerprint
from rotator.core.crypto.names import RETIRED_COMMON_NAME, RSA
from rotator.errors import CertificateError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

__all__ = [
    "BACK_DATING",
    "LARGEST_CERTIFICATE",
    "Certificate",
    "Glance",
    "Lenient",
    "PrivateKey",
    "SubjectName",
    "self_signed",
    "throwaway",
]

LARGEST_CERTIFICATE: Final = 4096
"""Bytes of PEM that Salesforce takes for a certificate."""

BACK_DATING: Final = timedelta(minutes=5)
"""How far before now a new certificate becomes valid, for clocks that run behind."""

_PSS: Final = "RSA-PSS"
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"
_QUIET: Final = RLock()
_NAME_PARTS: Final = {
    "common_name": NameOID.COMMON_NAME,
    "organizational_unit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "state": NameOID.STATE_OR_PROVINCE_NAME,
    "country": NameOID.COUNTRY_NAME,
}


@dataclass(frozen=True)
class SubjectName:
    """The distinguished name of a certificate that we make (RFC 5280 section 4.1.2.6); empty parts are left out."""

    common_name: str
    organizational_unit: str = ""
    organization: str = ""
    locality: str = ""
    state: str = ""
    country: str = ""

    def to_x509(self) -> x509.Name:
        """The name as the certificate carries it.

        Raises CertificateError without a common name, and when a part is longer than X.520 allows.
        """
        if not self.common_name.strip():
            raise CertificateError(
                "The certificate's subject has no common name.", hint="Set `subject.common_name` in config.yaml."
            )
        parts = [(part, oid, str(getattr(self, part))) for part, oid in _NAME_PARTS.items()]
        return x509.Name([_attribute(part, oid, value) for part, oid, value in reversed(parts) if value])


@dataclass(frozen=True)
class Certificate:
    """One X.509 certificate. Two are the same when their DER is."""

    der: bytes
    _parsed: x509.Certificate = field(repr=False, compare=False)

    fingerprint: str = field(init=False, compare=False)
    """SHA-256 of the DER, 64 lower-case hex digits: the name of a version."""
    subject: str = field(init=False, compare=False)
    """The subject's distinguished name (RFC 4514)."""
    issuer: str = field(init=False, compare=False)
    """The issuer's distinguished name (RFC 4514)."""
    serial_number: int = field(init=False, compare=False)
    """The serial number, as the issuer gave it."""
    not_before: datetime = field(init=False, compare=False)
    """When it begins to be valid (UTC)."""
    not_after: datetime = field(init=False, compare=False)
    """When it expires (UTC)."""
    key_algorithm: str = field(init=False, compare=False)
    """`RSA`, or the name of the other kind of key, such as `RSA-PSS`, `EC` or `Ed25519`."""
    key_bits: int = field(init=False, compare=False)
    """Size of the public key in bits; 0 where the kind of key has none."""
    signature_algorithm: str = field(init=False, compare=False)
    """The hash that the certificate is signed with, such as `sha256`; else the algorithm's object identifier."""
    _key: CertificatePublicKeyTypes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # cryptography reads the parts late: reading them here makes every property of a Certificate safe.
        parsed = self._parsed
        key, subject = parsed.public_key(), parsed.subject.rfc4514_string()
        vars(self).update(
            fingerprint=hashlib.sha256(self.der).hexdigest(),
            subject=subject,
            # To put a name into words takes longer than all the rest, and most certificates of apps are self-signed.
            issuer=subject if is_self_issued(self.der) else parsed.issuer.rfc4514_string(),
            serial_number=parsed.serial_number,
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
            key_algorithm=_key_algorithm(parsed, key),
            key_bits=int(getattr(key, "key_size", 0)),
            signature_algorithm=_signature_algorithm(parsed),
            _key=key,
        )

    @classmethod
    def parse(cls, content: str | bytes) -> Self:
        """Reads PEM, base64 with or without line breaks, or DER. Raises CertificateError when it is none of them.

        Retrieved Salesforce components carry bare base64 on one line (Metadata API, ConnectedApp).
        """
        der = _to_der(content)
        with _Parsing():
            return cls(der, x509.load_der_x509_certificate(der))

    @property
    def base64(self) -> str:
        """The DER as base64 on one line, the form that Salesforce returns."""
        return base64.b64encode(self.der).decode()

    @property
    def pem(self) -> str:
        """The certificate in PEM."""
        return self._parsed.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """The RSA public key. Raises CertificateError for any other kind."""
        key = self._key
        if not isinstance(key, rsa.RSAPublicKey) or self.key_algorithm != RSA:
            raise CertificateError(
                f"The certificate's key is {self.key_algorithm}, not RSA.",
                hint="Salesforce's JWT bearer flow takes RSA only.",
            )
        return key

    @cached_property
    def public_fingerprint(self) -> str:
        """SHA-256 of the public key (SubjectPublicKeyInfo, DER), in hex."""
        return public_fingerprint(self._key)

    @property
    def is_throwaway(self) -> bool:
        """Whether we made it to end an old app's key, with a key of its own that nobody has."""
        names = self._parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return any(name.value == RETIRED_COMMON_NAME for name in names)

    def expired(self, now: datetime) -> bool:
        """Whether it is no longer valid at `now`."""
        return self.not_after <= now

    def __repr__(self) -> str:
        return f"<Certificate {words.short(self.fingerprint)}>"


def _key_algorithm(certificate: x509.Certificate, key: CertificatePublicKeyTypes) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        # Such a key may sign by PSS alone, though it reads as any other (RFC 4055 section 1.2).
        return _PSS if certificate.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS else RSA
    return type(key).__name__.removesuffix("PublicKey")


def _signature_algorithm(certificate: x509.Certificate) -> str:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    return algorithm.name if algorithm else certificate.signature_algorithm_oid.dotted_string


@dataclass(frozen=True)
class Glance:
    """What tells a certificate from every other, and when it is valid; the rest of it was not read."""

    fingerprint: str
    not_before: datetime
    not_after: datetime
    _der: bytes = field(repr=False, compare=False)
    _parsed: x509.Certificate = field(repr=False, compare=False)

    @classmethod
    def at(cls, content: str | bytes) -> Self:
        """In a third of the time that all of it takes. Raises CertificateError as `Certificate.parse` does."""
        der = _to_der(content)
        with _Parsing():
            found = x509.load_der_x509_certificate(der)
            dates = found.not_valid_before_utc, found.not_valid_after_utc
            return cls(hashlib.sha256(der).hexdigest(), *dates, der, found)

    def whole(self) -> Certificate:
        """The certificate with the rest of it. Raises CertificateError as `Certificate.parse` does."""
        with _Parsing():
            return Certificate(self._der, self._parsed)


def self_signed(
    key: PrivateKey,
    subject: SubjectName,
    *,
    now: datetime,
    lifetime: timedelta,
    back_dating: timedelta = BACK_DATING,
) -> Certificate:
    """A self-signed X.509 v3 certificate (SHA-256) over `key`, an end entity that may sign (RFC 5280 section 4.2.1).

    Raises CertificateError when the subject or the lifetime is not allowed or the result is over Salesforce's 4 KB.
    """
    name = subject.to_x509()
    private = key.signing_key()
    public = private.public_key()
    start, end = _validity(now, lifetime, back_dating)
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_SIGNING_ONLY, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(private, hashes.SHA256())
    )
    certificate = Certificate(signed.public_bytes(serialization.Encoding.DER), signed)
    if len(certificate.pem) > LARGEST_CERTIFICATE:
        raise CertificateError(
            f"The new certificate has {len(certificate.pem)} bytes; Salesforce takes {LARGEST_CERTIFICATE}.",
            hint="Shorten `subject` in config.yaml.",
        )
    return certificate


def throwaway(*, now: datetime) -> Certificate:
    """A certificate whose private key is gone when this returns, to end the key that an app held before."""
    return self_signed(
        PrivateKey.generate(2048), SubjectName(RETIRED_COMMON_NAME), now=now, lifetime=timedelta(days=3650)
    )


_SIGNING_ONLY: Final = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _attribute(part: str, oid: x509.ObjectIdentifier, value: str) -> x509.NameAttribute[str]:
    try:
        if oid == NameOID.COUNTRY_NAME and not (value.isascii() and value.isalpha()):
            raise ValueError
        return x509.NameAttribute(oid, value)
    except ValueError:
        raise CertificateError(
            f"The certificate's subject has a {part} that is not allowed: {value!r}.",
            hint=f"Change `subject.{part}` in config.yaml: a common name has at most 64 bytes, a country 2 letters.",
        ) from None


def _validity(now: datetime, lifetime: timedelta, back_dating: timedelta) -> tuple[datetime, datetime]:
    second = now.astimezone(UTC).replace(microsecond=0)
    try:
        if lifetime > timedelta(0):
            return second - back_dating, second + lifetime
    except OverflowError:
        pass
    raise CertificateError(
        f"A certificate cannot be valid for {lifetime.days} days from now.",
        hint="Set `lifetime` in config.yaml to a time that ends before the year 9999.",
    )


class Lenient:
    """In it there are no warnings: Salesforce's certificates say C=USA, which X.520 forbids; others have odd numbers.

    No generator, as it is entered for every certificate of every org. One in another costs little: who reads many
    certificates enters one around all of them. No other thread reads a certificate meanwhile.
    """

    _within: ClassVar[int] = 0
    """How many the thread has entered that holds the lock."""
    _before: ClassVar[warnings.catch_warnings[None]]

    def __enter__(self) -> None:
        _QUIET.acquire()
        try:
            if Lenient._within == 0:
                Lenient._before = warnings.catch_warnings()
                Lenient._before.__enter__()
                warnings.simplefilter("ignore", UserWarning)
            Lenient._within += 1
        except BaseException:  # Ctrl-C: whoever reads the next certificate must not wait for ever
            _QUIET.release()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        try:
            Lenient._within -= 1
            if Lenient._within == 0:
                Lenient._before.__exit__(None, None, None)
        finally:
            _QUIET.release()


def _to_der(content: str | bytes) -> bytes:
    if isinstance(content, bytes):
        if content[:1] == b"\x30":
            return content
        content = content.decode("latin-1")
    # Components carry one line of base64, which is nothing else: so all of it is tried at first.
    der = _from_base64(content) or _from_base64(body := "".join(_armoured(content).split()))
    if der:
        return der
    raise _no_certificate("it is neither PEM, nor base64, nor DER" if body else "it is empty")


def _from_base64(text: str) -> bytes:
    """What it stands for; empty where it is no base64, strictly, with nothing around it."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return b""


def _armoured(text: str) -> str:
    _, begin, rest = text.partition(_BEGIN)
    if not begin:
        return text
    body, end, rest = rest.partition(_END)
    if not end:
        raise _no_certificate("its last line is missing")
    if _BEGIN in rest:
        raise _no_certificate("it holds several certificates, and an app takes one")
    return body


class _Parsing(Lenient):
    """Puts what the parser of certificates says and raises into our words."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        super().__exit__(kind, error, trace)
        if isinstance(error, UnsupportedAlgorithm):
            raise _no_certificate("its public key is of an unknown kind") from None
        # From outside: single bytes bring ValueError, TypeError or InvalidVersion, which share no parent.
        if isinstance(error, Exception):
            raise _no_certificate("its content is not that of a certificate") from None


def _no_certificate(reason: str) -> CertificateError:
    return CertificateError(
        f"This is no X.509 certificate: {reason}.",
        hint="Give one certificate in PEM, base64 or DER; `openssl x509 -in FILE -noout -subject` reads it.",
    )
