"""Certificates: made as Salesforce takes them, read as Salesforce gives them."""

from __future__ import annotations

import base64
import hashlib
import warnings
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rotator.core.crypto.certificates import (
    BACK_DATING,
    LARGEST_CERTIFICATE,
    Certificate,
    Glance,
    Lenient,
    PrivateKey,
    SubjectName,
    self_signed,
    throwaway,
)
from rotator.core.crypto.names import RETIRED_COMMON_NAME
from rotator.errors import CertificateError
from rotator.testing.versions import MOMENT, spare_key
from tests.tiers import longer, of_tier

if TYPE_CHECKING:
    from collections.abc import Callable

YEAR = timedelta(days=365)
SUBJECT = SubjectName("billing production", organization="Example", country="DE")


@pytest.fixture
def certificate() -> Certificate:
    return self_signed(spare_key(0), SUBJECT, now=MOMENT, lifetime=YEAR)


def named_as_salesforce_does(not_after: datetime) -> bytes:
    """The DER of a certificate with the name that Salesforce gives its own: C=USA, three letters for two."""
    key = spare_key(1).signing_key()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, "SelfSignedCert"),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "00Dxx0000000001"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Salesforce.com"),
                x509.NameAttribute(NameOID.COUNTRY_NAME, "USA", _validate=False),
            ]
        )
    return signed(name, key.public_key(), not_after)


def signed(name: x509.Name, public_key: object, not_after: datetime) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public_key)  # type: ignore[arg-type] # any kind of public key
        .serial_number(7)
        .not_valid_before(MOMENT - YEAR)
        .not_valid_after(not_after)
    )
    return builder.sign(spare_key(1).signing_key(), hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    "form",
    [
        lambda certificate: certificate.pem,
        lambda certificate: certificate.pem.encode(),
        lambda certificate: certificate.base64,
        lambda certificate: certificate.base64.encode(),
        lambda certificate: certificate.der,
        lambda certificate: f"\n\t {certificate.base64}  \r\n",
        lambda certificate: base64.encodebytes(certificate.der).decode(),
        lambda certificate: certificate.pem.replace("\n", "\r\n"),
        lambda certificate: "\ufeff" + certificate.pem,
        lambda certificate: ("\ufeff" + certificate.pem).encode(),
        lambda certificate: f"Bag Attributes\n  friendlyName: Schlüssel\n{certificate.pem}trailer\n",
        lambda certificate: spare_key(0).pem().reveal() + certificate.pem,
        lambda certificate: f"-----BEGIN CERTIFICATE-----{certificate.base64}-----END CERTIFICATE-----",
    ],
)
def test_it_reads_in_every_form(certificate: Certificate, form: Callable[[Certificate], str | bytes]) -> None:
    read = Certificate.parse(form(certificate))
    assert read == certificate
    assert hash(read) == hash(certificate)
    assert read.fingerprint == hashlib.sha256(certificate.der).hexdigest()


def test_what_salesforce_returns_is_one_line_of_base64(certificate: Certificate) -> None:
    assert base64.b64decode(certificate.base64, validate=True) == certificate.der
    assert "\n" not in certificate.base64
    assert "-" not in certificate.base64


def test_salesforces_own_certificates_read_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    certificate = Certificate.parse(named_as_salesforce_does(MOMENT))
    assert "C=USA" in certificate.subject
    assert certificate.issuer == certificate.subject
    assert not certificate.is_throwaway
    assert Certificate.parse(certificate.base64) == certificate
    assert not recwarn.list


def test_who_reads_many_certificates_without_warnings_hears_of_all_other_warnings_afterwards() -> None:
    with Lenient():
        Certificate.parse(named_as_salesforce_does(MOMENT))
        warnings.warn("of another certificate", UserWarning, stacklevel=1)
        with pytest.raises(CertificateError):
            Certificate.parse("none")
        warnings.warn("of the next one", UserWarning, stacklevel=1)
    with pytest.warns(UserWarning, match="told"):
        warnings.warn("told", UserWarning, stacklevel=1)


def test_a_certificate_with_an_odd_serial_number_reads_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    der = named_as_salesforce_does(MOMENT).replace(b"\x02\x01\x07", b"\x02\x01\x80", 1)
    assert Certificate.parse(der).serial_number < 0
    assert Glance.at(der).fingerprint == Certificate.parse(der).fingerprint
    assert not recwarn.list


def test_a_certificate_of_a_version_that_does_not_exist_is_refused() -> None:
    der = named_as_salesforce_does(MOMENT).replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x3f", 1)
    with pytest.raises(CertificateError):
        Certificate.parse(der)


def test_a_certificate_may_be_valid_until_the_year_9999() -> None:
    certificate = Certificate.parse(named_as_salesforce_does(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)))
    assert certificate.not_after.year == 9999
    assert not certificate.expired(MOMENT)


@pytest.mark.parametrize(
    "content", ["", " \n", b"", "hello", "MIIC", "-----BEGIN CERTIFICATE-----\nMIIC", b"\x30\x03abc"]
)
def test_what_is_no_certificate_is_said_to_be_none(content: str | bytes) -> None:
    with pytest.raises(CertificateError, match=r"no X\.509 certificate") as refused:
        Certificate.parse(content)
    assert "openssl x509" in refused.value.hint


@pytest.mark.parametrize(
    ("content", "why"), [(" ", "it is empty"), ("hello!", "it is neither PEM, nor base64, nor DER")]
)
def test_an_empty_file_is_told_from_one_that_holds_something_else(content: str, why: str) -> None:
    with pytest.raises(CertificateError, match=why):
        Certificate.parse(content)


def test_several_certificates_are_refused(certificate: Certificate) -> None:
    with pytest.raises(CertificateError, match="several"):
        Certificate.parse(certificate.pem * 2)


def test_a_private_key_given_for_a_certificate_is_refused_and_not_quoted() -> None:
    pem = spare_key(0).pem().reveal()
    with pytest.raises(CertificateError) as refused:
        Certificate.parse(pem)
    assert pem.splitlines()[1] not in str(refused.value)


@given(st.text() | st.binary() | st.binary().map(lambda data: b"\x30" + data))
@example("-----BEGIN CERTIFICATE-----" * 2000)
@example("\ud800")
@example("é" * 100)
def test_any_text_is_a_certificate_or_a_sentence(content: str | bytes) -> None:
    for read in (Certificate.parse, Glance.at):
        with pytest.raises(CertificateError):
            read(content)


@settings(max_examples=of_tier(50, thorough=300))
@given(st.integers(min_value=0), st.integers(1, 255), st.booleans())
def test_a_damaged_certificate_is_a_sentence_or_can_be_used_in_full(place: int, change: int, salesforce: bool) -> None:
    der = bytearray(named_as_salesforce_does(MOMENT) if salesforce else DAMAGED.der)
    der[place % len(der)] ^= change
    try:
        glance = Glance.at(base64.b64encode(der).decode())
        read = Certificate.parse(base64.b64encode(der).decode())
    except CertificateError:
        return
    assert read.fingerprint == hashlib.sha256(der).hexdigest()
    assert (glance.fingerprint, glance.not_before, glance.not_after) == (
        read.fingerprint,
        read.not_before,
        read.not_after,
    )
    assert glance.whole() == read
    shown = (read.subject, read.issuer, read.signature_algorithm, read.key_algorithm, read.public_fingerprint, read.pem)
    assert all(isinstance(text, str) for text in shown)
    assert read.not_before.tzinfo is UTC
    assert read.not_after.tzinfo is UTC
    assert read.key_bits >= 0
    assert read.serial_number == read.serial_number
    assert read.is_throwaway in {True, False}
    assert repr(read).startswith("<Certificate")


DAMAGED = self_signed(spare_key(0), SUBJECT, now=MOMENT, lifetime=YEAR)


@pytest.mark.parametrize(
    ("key", "algorithm", "bits"),
    [
        (ec.generate_private_key(ec.SECP256R1()).public_key(), "EC", 256),
        (ed25519.Ed25519PrivateKey.generate().public_key(), "Ed25519", 0),
    ],
)
def test_a_certificate_over_another_kind_of_key_reads_and_says_so(key: object, algorithm: str, bits: int) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "elliptic")])
    read = Certificate.parse(signed(name, key, MOMENT))
    assert read.key_algorithm == algorithm
    assert read.key_bits == bits
    assert not spare_key(1).matches(read)
    with pytest.raises(CertificateError, match="RSA only"):
        _ = read.public_key


RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")
RSA_PSS = bytes.fromhex("300d06092a864886f70d01010a3000")
"""The same numbers under id-RSASSA-PSS (RFC 4055 section 3.1), of which the parameters are a sequence."""


def test_a_certificate_over_an_rsa_key_that_signs_by_pss_alone_is_over_no_rsa_key(certificate: Certificate) -> None:
    assert certificate.der.count(RSA_ENCRYPTION) == 1
    read = Certificate.parse(certificate.der.replace(RSA_ENCRYPTION, RSA_PSS))
    assert (read.key_algorithm, read.key_bits) == ("RSA-PSS", 2048)
    assert not spare_key(0).matches(read)
    with pytest.raises(CertificateError, match="RSA-PSS, not RSA"):
        _ = read.public_key


def test_a_new_certificate_is_what_the_jwt_flow_needs_and_no_more(certificate: Certificate) -> None:
    parsed = x509.load_der_x509_certificate(certificate.der)
    assert parsed.version is x509.Version.v3
    assert (certificate.signature_algorithm, certificate.key_algorithm, certificate.key_bits) == ("sha256", "RSA", 2048)
    assert {type(each.value): each.critical for each in parsed.extensions} == {
        x509.BasicConstraints: True,
        x509.KeyUsage: True,
        x509.SubjectKeyIdentifier: False,
        x509.AuthorityKeyIdentifier: False,
    }, "who does not know an extension that is critical refuses the certificate"
    assert parsed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    usage = parsed.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    assert certificate.subject == "CN=billing production,O=Example,C=DE"
    assert certificate.issuer == certificate.subject
    assert spare_key(0).matches(certificate)
    assert certificate.public_key.public_numbers() == spare_key(0).signing_key().public_key().public_numbers()
    parsed.verify_directly_issued_by(parsed)


def test_a_new_certificate_is_valid_a_little_earlier_for_clocks_that_run_behind(certificate: Certificate) -> None:
    assert certificate.not_before == MOMENT - BACK_DATING
    assert certificate.not_after == MOMENT + YEAR
    assert not certificate.expired(MOMENT + YEAR - timedelta(seconds=1))
    assert certificate.expired(MOMENT + YEAR)


def test_times_in_any_zone_are_written_in_utc() -> None:
    there = MOMENT.astimezone(timezone(timedelta(hours=9)))
    certificate = self_signed(spare_key(0), SUBJECT, now=there, lifetime=YEAR)
    assert certificate.not_after == MOMENT + YEAR


def test_two_certificates_over_one_key_differ_and_share_its_fingerprint() -> None:
    one, other = (self_signed(spare_key(0), SUBJECT, now=MOMENT, lifetime=YEAR) for _ in range(2))
    assert one != other
    assert one.fingerprint != other.fingerprint
    assert one.serial_number != other.serial_number
    assert one.public_fingerprint == other.public_fingerprint == spare_key(0).public_fingerprint


letters = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=70)


subjects = st.builds(SubjectName, letters, letters, letters, letters, letters, st.text(max_size=3))


@given(subjects)
def test_any_subject_gives_a_certificate_that_salesforce_takes_or_a_sentence(subject: SubjectName) -> None:
    try:
        certificate = self_signed(spare_key(0), subject, now=MOMENT, lifetime=YEAR)
    except CertificateError as refused:
        assert refused.hint  # noqa: PT017 -- either answer is right
        return
    assert len(certificate.pem) <= LARGEST_CERTIFICATE
    assert Certificate.parse(certificate.base64) == certificate


@longer
def test_the_largest_key_with_a_long_subject_stays_under_four_kilobytes() -> None:
    key = PrivateKey.generate(4096)
    subject = SubjectName("n" * 64, "u" * 64, "o" * 64, "l" * 128, "s" * 128, "DE")
    certificate = self_signed(key, subject, now=MOMENT, lifetime=YEAR)
    assert certificate.key_bits == 4096
    assert len(certificate.pem) < 4096


def test_a_certificate_over_four_kilobytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rotator.core.crypto.certificates.LARGEST_CERTIFICATE", 1000)
    with pytest.raises(CertificateError, match="Salesforce takes 1000") as refused:
        self_signed(spare_key(0), SUBJECT, now=MOMENT, lifetime=YEAR)
    assert "Shorten `subject`" in refused.value.hint


@pytest.mark.parametrize("name", ["", "  ", "n" * 65])
def test_a_common_name_that_is_missing_or_too_long_is_refused(name: str) -> None:
    with pytest.raises(CertificateError, match=r"subject has (no common name|a common_name)"):
        self_signed(spare_key(0), SubjectName(name), now=MOMENT, lifetime=YEAR)


@pytest.mark.parametrize("country", ["D", "USA", "Germany", "\x80", "Ä", "1a"])
def test_a_country_has_two_letters(country: str) -> None:
    with pytest.raises(CertificateError, match=r"subject\.country"):
        self_signed(spare_key(0), SubjectName("billing", country=country), now=MOMENT, lifetime=YEAR)


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(days=-1), timedelta(days=365 * 9000)])
def test_a_lifetime_that_cannot_be_is_refused(lifetime: timedelta) -> None:
    with pytest.raises(CertificateError, match="`lifetime`"):
        self_signed(spare_key(0), SUBJECT, now=MOMENT, lifetime=lifetime)


def test_a_lifetime_may_be_as_short_as_people_like() -> None:
    assert self_signed(
        spare_key(0), SUBJECT, now=MOMENT, lifetime=timedelta(minutes=5)
    ).not_after == MOMENT + timedelta(minutes=5)


def test_a_throwaway_certificate_says_what_it_is_and_is_over_a_new_key(certificate: Certificate) -> None:
    one, other = throwaway(now=MOMENT), throwaway(now=MOMENT)
    assert one.is_throwaway
    assert RETIRED_COMMON_NAME in one.subject
    assert one.public_fingerprint != other.public_fingerprint
    assert Certificate.parse(one.base64).is_throwaway
    assert not certificate.is_throwaway
