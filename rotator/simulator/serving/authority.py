"""A certificate authority made at start, and the server certificate for loopback that it signs."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rotator.core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable

LIFETIME: Final = timedelta(days=825)
"""How long the authority and its certificates are valid; clients refuse longer ones (CA/Browser Forum)."""

_NAMES: Final = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)


@dataclass(frozen=True)
class CertificateAuthority:
    """Signs the simulated org's server certificate; its own certificate is what clients must trust."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def create(cls, now: datetime) -> Self:
        """A new authority. Elliptic curves, because making and using them costs next to nothing."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Simulated org CA")
        usage = _key_usage(signs_certificates=True)
        builder = _builder(name, name, key.public_key(), now).add_extension(usage, critical=True)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def from_pem(cls, certificate: str, key: str) -> Self:
        """The authority that `pem` and `key_pem` were taken from."""
        private_key = serialization.load_pem_private_key(key.encode(), None)
        if not isinstance(private_key, ec.EllipticCurvePrivateKey):
            raise TypeError("the key of a simulated org's authority is not on an elliptic curve")
        return cls(x509.load_pem_x509_certificate(certificate.encode()), private_key)

    @property
    def key_pem(self) -> Secret:
        """The authority's key, to keep between two starts."""
        return Secret(_private_pem(self.key).decode())

    @property
    def pem(self) -> str:
        """The authority's certificate, for `ca.pem`."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def server_context(self, now: datetime, names: Iterable[str] = ()) -> ssl.SSLContext:
        """TLS for a server on 127.0.0.1, ::1, localhost and further names, with a certificate signed here."""
        key = ec.generate_private_key(ec.SECP256R1())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            # The ssl module loads certificates from files only; this one is worthless outside loopback.
            file = Path(folder, "server.pem")
            file.touch(mode=0o600)
            file.write_bytes(_private_pem(key) + self._server_certificate(key, now, names))
            context.load_cert_chain(file)
        return context

    def _server_certificate(self, key: ec.EllipticCurvePrivateKey, now: datetime, names: Iterable[str] = ()) -> bytes:
        alternatives = x509.SubjectAlternativeName([*_NAMES, *map(x509.DNSName, names)])
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        certificate = (
            _builder(_name("localhost"), self.certificate.subject, key.public_key(), now)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(alternatives, critical=False)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(authority_key, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
