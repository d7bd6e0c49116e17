"""X.509 certificates and RSA key pairs: made, read in every form that Salesforce gives, compared."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from rotator.core.secret import Secret
from rotator.errors import CertificateError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

KEY_SIZES: Final = (2048, 3072, 4096)
"""RSA key sizes in bits that may be generated."""

LARGEST_CERTIFICATE: Final = 4096
"""Bytes of PEM that Salesforce takes for a certificate."""

BACK_DATING: Final = timedelta(minutes=5)
"""How far before now a new certificate becomes valid, for clocks that run behind."""

RETIRED_COMMON_NAME: Final = "retired by rotator"
"""Common name of a throwaway certificate, whose key nobody has."""

_ARMOUR: Final = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
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

        Raises CertificateError when a part is longer than X.520 allows.
        """
        parts = [(oid, str(getattr(self, part))) for part, oid in _NAME_PARTS.items()]
        try:
            return x509.Name([x509.NameAttribute(oid, value) for oid, value in reversed(parts) if value])
        except ValueError as error:
            raise CertificateError(
                f"The certificate's subject name is not allowed: {error}.",
                advice="Shorten `subject` in config.yaml: a common name has at most 64 characters, a country two.",
            ) from None


class PrivateKey:
    """An RSA private key in memory. It prints as `***`; `pem()` gives the bytes that only a store may hold."""

    __slots__ = ("_key",)

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key: Final = key

    @classmethod
    def generate(cls, bits: int = 2048) -> Self:
        """A new key with the public exponent 65537. Raises CertificateError for a size not in KEY_SIZES."""
        if bits not in KEY_SIZES:
            raise CertificateError(
                f"An RSA key of {bits} bits is not made.",
                advice=f"Set `key_bits` to one of {', '.join(map(str, KEY_SIZES))}.",
            )
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=bits))

    @classmethod
    def from_pem(cls, pem: bytes | str, password: Secret | None = None) -> Self:
        """Reads PKCS#1 or PKCS#8, checked for consistency.

        Raises CertificateError for a wrong password, a damaged file, or a key that is not RSA.
        """
        data = pem.encode() if isinstance(pem, str) else pem
        secret = password.reveal().encode() if password else None
        try:
            key = serialization.load_pem_private_key(data, secret)
        except TypeError:
            raise CertificateError(
                "The private key is encrypted, and no password is configured."
                if password is None
                else "A password is configured, and the private key is not encrypted.",
                advice="Set or remove `password` beside the key's reference.",
            ) from None
        except ValueError:
            raise CertificateError(
                "The private key cannot be read: its password is wrong, or it is no PEM private key.",
                advice="Try `openssl pkey -in FILE -noout`; it must be an unharmed RSA key in PKCS#1 or PKCS#8 PEM.",
            ) from None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise CertificateError(
                "The private key is not RSA.",
                advice="Salesforce's JWT bearer flow signs with RS256 only: give an RSA key.",
            )
        return cls(key)

    def pem(self) -> Secret:
        """The key as unencrypted PKCS#8 PEM, as consumers such as `sf org login jwt` read it."""
        data = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Secret(data.decode())

    def signing_key(self) -> rsa.RSAPrivateKey:
        """The key object, to sign with: loading PEM costs a hundred signatures."""
        return self._key

    @property
    def bits(self) -> int:
        """Length of the modulus."""
        return self._key.key_size

    @property
    def public_fingerprint(self) -> str:
        """SHA-256 of the public key (SubjectPublicKeyInfo, DER), in hex: equal for two certificates over one key."""
        return _public_fingerprint(self._key.public_key())

    def matches(self, certificate: Certificate) -> bool:
        """Whether the certificate is over this key."""
        return certificate.public_fingerprint == self.public_fingerprint

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a PrivateKey is not pickled")


@dataclass(frozen=True)
class Certificate:
    """One X.509 certificate. Two are the same when their DER is."""

    der: bytes
    _parsed: x509.Certificate = field(repr=False, compare=False)

    @classmethod
    def parse(cls, content: str | bytes) -> Self:
        """Reads PEM, base64 with or without line breaks, or DER. Raises CertificateError when it is none of them.

        Retrieved Salesforce components carry bare base64 on one line (Metadata API, ConnectedApp).
        """
        der = _to_der(content)
        try:
            with warnings.catch_warnings():
                # Salesforce's own self-signed certificates say C=USA, which X.520 does not allow.
                warnings.simplefilter("ignore", UserWarning)
                parsed = x509.load_der_x509_certificate(der)
                parsed.subject, parsed.issuer, parsed.public_key()
        except Exception as error:
            raise _no_certificate(str(error)) from None
        return cls(der, parsed)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the DER, 64 lower-case hex digits: the name of a version."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def base64(self) -> str:
        """The DER as base64 on one line, the form that Salesforce returns."""
        return base64.b64encode(self.der).decode()

    @property
    def pem(self) -> str:
        """The certificate in PEM."""
        return self._parsed.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def not_before(self) -> datetime:
        """When it begins to be valid (UTC)."""
        return self._parsed.not_valid_before_utc

    @property
    def not_after(self) -> datetime:
        """When it expires (UTC)."""
        return self._parsed.not_valid_after_utc

    @property
    def subject(self) -> str:
        """The subject's distinguished name (RFC 4514)."""
        return _rfc4514(self._parsed.subject)

    @property
    def issuer(self) -> str:
        """The issuer's distinguished name (RFC 4514)."""
        return _rfc4514(self._parsed.issuer)

    @property
    def serial_number(self) -> int:
        """The serial number, as the issuer gave it."""
        return self._parsed.serial_number

    @property
    def key_algorithm(self) -> str:
        """`RSA`, or the name of the other kind of key."""
        key = self._parsed.public_key()
        return "RSA" if isinstance(key, rsa.RSAPublicKey) else type(key).__name__.removesuffix("PublicKey")

    @property
    def key_bits(self) -> int:
        """Size of the public key in bits; 0 where the kind of key has none."""
        return int(getattr(self._parsed.public_key(), "key_size", 0))

    @property
    def signature_algorithm(self) -> str:
        """The hash that the certificate is signed with, such as `sha256`; empty where there is none."""
        algorithm = self._parsed.signature_hash_algorithm
        return algorithm.name if algorithm else ""

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """The RSA public key. Raises CertificateError for any other kind."""
        key = self._parsed.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise CertificateError(
                f"The certificate's key is {self.key_algorithm}, not RSA.",
                advice="Salesforce's JWT bearer flow takes RSA only.",
            )
        return key

    @cached_property
    def public_fingerprint(self) -> str:
        """SHA-256 of the public key (SubjectPublicKeyInfo, DER), in hex."""
        return _public_fingerprint(self._parsed.public_key())

    @property
    def is_throwaway(self) -> bool:
        """Whether we made it to end an old app's key, with a key of its own that nobody has."""
        names = self._parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return any(name.value == RETIRED_COMMON_NAME for name in names)

    def expired(self, now: datetime) -> bool:
        """Whether it is no longer valid at `now`."""
        return self.not_after <= now

    def __repr__(self) -> str:
        return f"<Certificate {self.fingerprint[:12]}>"


def self_signed(
    key: PrivateKey,
    subject: SubjectName,
    *,
    now: datetime,
    lifetime: timedelta,
    back_dating: timedelta = BACK_DATING,
) -> Certificate:
    """A self-signed X.509 v3 certificate (SHA-256) over `key`, an end entity that may sign (RFC 5280 section 4.2.1).

    Raises CertificateError when the subject is not allowed or the result is over Salesforce's 4 KB.
    """
    name = subject.to_x509()
    private = key.signing_key()
    public = private.public_key()
    start = now.astimezone(UTC).replace(microsecond=0)
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - back_dating)
        .not_valid_after(start + lifetime)
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
            advice="Shorten `subject` in config.yaml.",
        )
    return certificate


def throwaway(*, now: datetime, lifetime: timedelta = timedelta(days=3650)) -> Certificate:
    """A certificate whose private key is gone when this returns, to end the key that an app held before."""
    return self_signed(PrivateKey.generate(2048), SubjectName(RETIRED_COMMON_NAME), now=now, lifetime=lifetime)


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


def _public_fingerprint(key: CertificatePublicKeyTypes) -> str:
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def _rfc4514(name: x509.Name) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return name.rfc4514_string()


def _to_der(content: str | bytes) -> bytes:
    if isinstance(content, bytes):
        if content[:1] == b"\x30":
            return content
        try:
            content = content.decode("ascii")
        except UnicodeDecodeError:
            raise _no_certificate("it is neither text nor DER") from None
    blocks = _ARMOUR.findall(content)
    if len(blocks) > 1:
        raise _no_certificate("it holds several certificates, and an app takes one")
    body = "".join((blocks[0] if blocks else content).split())
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise _no_certificate(str(error)) from None


def _no_certificate(reason: str) -> CertificateError:
    return CertificateError(
        f"This is no X.509 certificate: {reason}.",
        advice="Give one certificate in PEM, base64 or DER; `openssl x509 -in FILE -noout -subject` reads it.",
    )
