"""What else in an org holds a certificate: Certificate and Key Management, and the identity providers it trusts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from rotator.core.crypto.certificates import Lenient, PrivateKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from rotator.simulator.org.components import Component
    from rotator.simulator.org.org import Org

YEARS: Final = {2048: 1, 4096: 2}
"""How long a certificate is valid that the org signs itself, by the bits of its key (Metadata API, Certificate)."""
_PEM: Final = serialization.Encoding.PEM


class UntrustedChainError(Exception):
    """What was uploaded is no chain of certificates, or not one for the key that asked for it."""


@dataclass(frozen=True)
class CertificateChain:
    """Certificates in PEM, the leaf first, each signed by the next."""

    certificates: tuple[x509.Certificate, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a file. Raises UntrustedChainError when it is no chain."""
        try:
            with Lenient():
                certificates = tuple(x509.load_pem_x509_certificates(text.encode()))
                for signed, issuer in pairwise(certificates):
                    signed.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            raise UntrustedChainError from None
        return cls(certificates)

    @property
    def leaf(self) -> x509.Certificate:
        """The certificate itself."""
        return self.certificates[0]

    @property
    def is_complete(self) -> bool:
        """Whether it ends with an authority that nobody else vouches for."""
        with Lenient():
            return self.certificates[-1].issuer == self.certificates[-1].subject

    @property
    def pem(self) -> str:
        """The file: in PEM, with lines of 64 characters."""
        return "".join(each.public_bytes(_PEM).decode() for each in self.certificates)


@dataclass
class OrgCertificate:
    """A certificate of Certificate and Key Management. Its private key never leaves the org."""

    id: str
    name: str
    """The developer name; a certificate that was deleted leaves it to others."""
    expires_at: datetime | None
    created_at: datetime
    modified_at: datetime
    modified_by: str
    key_bits: int = 2048
    ca_signed: bool = False
    exportable: bool = True
    unusable: bool = False
    """It waits for the import of the signed chain."""
    deleted: bool = False
    """Queries may find it all the same; the Metadata API does not."""
    master_label: str = ""
    content: str = ""
    """The chain, or the request that waits for one, in PEM; empty until somebody wants to see it."""

    @property
    def label(self) -> str:
        """The name that people see."""
        return self.master_label or self.name.replace("_", " ")

    def make_content(self, org_id: str, subject_of: CertificateChain | None = None) -> None:
        """Makes the key pair, and what is over it: a certificate, or a request; under the subject of another."""
        key = PrivateKey.generate(self.key_bits).signing_key()
        with Lenient():
            subject = subject_of.leaf.subject if subject_of else _subject(self.label, org_id)
            if self.unusable:
                request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
                self.content = request.public_bytes(_PEM).decode()
                return
            ends = self.expires_at or self.created_at + timedelta(days=365)
            begins = min(self.created_at, ends - timedelta(days=365)).replace(microsecond=0)
            names = (subject, _subject("Certificate Authority", "")) if self.ca_signed else (subject, subject)
            authority = PrivateKey.generate().signing_key() if self.ca_signed else key
            leaf = _signed(
                names[0], names[1], key.public_key(), authority, (begins, ends), is_authority=not self.ca_signed
            )
            chain = [leaf]
            if self.ca_signed:
                chain.append(_signed(names[1], names[1], authority.public_key(), authority, (begins, ends)))
            self.content = CertificateChain(tuple(chain)).pem

    def put_chain(self, chain: CertificateChain) -> None:
        """The chain that an authority signed. Raises UntrustedChainError when it is not for this key, or has no end."""
        if not chain.is_complete or _public(chain.leaf.public_key()) != self._public_key():
            raise UntrustedChainError
        self.content, self.unusable = chain.pem, False
        self.expires_at = chain.leaf.not_valid_after_utc

    def _public_key(self) -> bytes:
        """The public half of the key pair, in the request or in the certificate over it."""
        if self.unusable:
            return _public(x509.load_pem_x509_csr(self.content.encode()).public_key())
        return _public(CertificateChain.parse(self.content).leaf.public_key())


def issue(
    org: Org,
    name: str,
    label: str,
    *,
    key_bits: int,
    ca_signed: bool,
    exportable: bool,
    subject_of: CertificateChain | None = None,
) -> OrgCertificate:
    """A new certificate: signed by the org itself until noon of a day, or a request that waits for an authority."""
    end = (org.clock() + timedelta(days=365 * YEARS[key_bits])).replace(hour=12, minute=0, second=0, microsecond=0)
    made = org.add_certificate(
        name,
        None if ca_signed else end,
        key_bits=key_bits,
        ca_signed=ca_signed,
        exportable=exportable,
        unusable=ca_signed,
    )
    made.master_label = label
    made.make_content(org.id, subject_of)
    return made


def content_of(org: Org, certificate: OrgCertificate) -> str:
    """The file of a certificate, made when somebody first wants to see it: a key pair takes its time."""
    if not certificate.content:
        certificate.make_content(org.id)
        org.on_change()
    return certificate.content


def _subject(label: str, org_id: str) -> x509.Name:
    """As Salesforce writes it, with a country of three letters."""
    parts = [
        (NameOID.COMMON_NAME, label[:64]),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, org_id[:15] or "Simulator"),
        (NameOID.ORGANIZATION_NAME, "Salesforce.com"),
        (NameOID.LOCALITY_NAME, "San Francisco"),
        (NameOID.STATE_OR_PROVINCE_NAME, "CA"),
    ]
    country = x509.NameAttribute(NameOID.COUNTRY_NAME, "USA", _validate=False)
    return x509.Name([*(x509.NameAttribute(oid, value) for oid, value in parts), country])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: CertificatePublicKeyTypes,
    authority: object,
    validity: tuple[datetime, datetime],
    *,
    is_authority: bool = True,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    return builder.sign(authority, hashes.SHA256())  # type: ignore[arg-type] # an RSA key


def _public(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@dataclass
class IdentityProvider:
    """SAML single sign-on settings: whose assertions the org takes, and by which certificate it knows them."""

    id: str
    name: str
    component: Component
    created_at: datetime
    modified_at: datetime
    modified_by: str
