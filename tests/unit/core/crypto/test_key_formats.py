"""What people bring as a private key is read where only one reading is possible, and else named for what it is."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.crypto.key_formats import read_private_key
from rotator.core.secret import Secret
from rotator.errors import CertificateError
from rotator.testing.versions import make_version, spare_key

if TYPE_CHECKING:
    from collections.abc import Callable

KEY: Final = spare_key(0)
RSA: Final = KEY.signing_key()
PASSWORD: Final = Secret("pässword")
CERTIFICATE: Final = make_version().certificate.pem
# RFC 8017 A.2.3: the same numbers under id-RSASSA-PSS instead of rsaEncryption, whose parameters are NULL.
RSA_ENCRYPTION: Final = bytes.fromhex("300d06092a864886f70d0101010500")
RSA_PSS: Final = bytes.fromhex("300d06092a864886f70d01010a0500")


def pem(form: PrivateFormat = PrivateFormat.PKCS8, password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return RSA.private_bytes(Encoding.PEM, form, encryption)


def der() -> bytes:
    return RSA.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def armoured(data: bytes) -> bytes:
    return b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(data) + b"-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL, PrivateFormat.OpenSSH])
@pytest.mark.parametrize(
    "dress",
    [
        lambda data: data,
        lambda data: data.replace(b"\n", b"\\n"),
        lambda data: data.replace(b"\n", b"\\r\\n"),
        lambda data: b'"' + data.replace(b"\n", b"\\n") + b'"',
        lambda data: b"'" + data + b"'",
        lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"),
        lambda data: b"Bag Attributes\n    friendlyName: key\n" + data,
        lambda data: CERTIFICATE.encode() + data,
        base64.b64encode,
        base64.encodebytes,
        lambda data: base64.b64encode(b"\n" + data),
        lambda data: b'"' + base64.b64encode(data) + b'"',
    ],
    ids=[
        *("as it is", "literal", "literal crlf", "quoted", "quotes", "bom", "bag", "bundle"),
        *("base64", "base64 lines", "base64 after a line", "quoted base64"),
    ],
)
def test_pem_is_read_in_every_dress(form: PrivateFormat, dress: Callable[[bytes], bytes]) -> None:
    assert read_private_key(dress(pem(form))) == KEY


def test_der_and_pkcs12_are_read_and_pkcs12_only_with_its_password() -> None:
    secret = PASSWORD.reveal().encode()
    bundle = pkcs12.serialize_key_and_certificates(b"key", RSA, None, None, BestAvailableEncryption(secret))
    assert read_private_key(der()) == KEY
    assert read_private_key(base64.b64encode(der())) == KEY
    assert b"_" in base64.urlsafe_b64encode(der())
    assert read_private_key(base64.urlsafe_b64encode(der())) == KEY
    assert read_private_key(bundle, PASSWORD) == KEY
    with pytest.raises(CertificateError, match="PKCS#12 without a password") as caught:
        read_private_key(bundle)
    assert "openssl pkcs12" in caught.value.hint
    with pytest.raises(CertificateError, match="PKCS#12 with this password"):
        read_private_key(bundle, Secret("another"))


def test_of_two_different_keys_none_is_chosen() -> None:
    other = spare_key(1).signing_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert read_private_key(pem() + pem()) == KEY
    for both in (pem() + other, other + b"Bag Attributes\n" + pem(), (pem() + other).replace(b"\n", b"\\n")):
        with pytest.raises(CertificateError, match="more than one private key"):
            read_private_key(both)


def test_a_password_is_used_whatever_the_dress() -> None:
    encrypted = pem(password=PASSWORD.reveal().encode())
    assert read_private_key(encrypted.replace(b"\n", b"\\n"), PASSWORD) == KEY
    assert read_private_key(base64.b64encode(encrypted), PASSWORD) == KEY
    with pytest.raises(CertificateError, match="encrypted"):
        read_private_key(base64.b64encode(encrypted))


def test_der_is_read_with_the_password_that_it_has_and_no_other() -> None:
    secret = BestAvailableEncryption(PASSWORD.reveal().encode())
    encrypted = RSA.private_bytes(Encoding.DER, PrivateFormat.PKCS8, secret)
    for data in (encrypted, base64.b64encode(encrypted)):
        assert read_private_key(data, PASSWORD) == KEY
    for data, password, why in (
        (encrypted, None, "is encrypted, and no password is configured"),
        (der(), PASSWORD, "A password is configured, and the private key is not encrypted"),
    ):
        with pytest.raises(CertificateError, match=why) as caught:
            read_private_key(data, password)
        assert caught.value.hint == "Set or remove `password` beside the key's reference."


def test_a_password_that_no_text_can_be_made_of_opens_nothing() -> None:
    encrypted = RSA.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))
    with pytest.raises(CertificateError):
        read_private_key(encrypted, Secret("\udcff"))


def test_a_key_of_openssh_that_cannot_be_read_comes_with_the_command_that_converts_it() -> None:
    damaged = pem(PrivateFormat.OpenSSH).replace(b"AAAA", b"AAAB", 1)
    with pytest.raises(CertificateError, match="OpenSSH") as caught:
        read_private_key(damaged)
    assert "ssh-keygen -p -m PEM -f FILE" in caught.value.hint


def test_an_encrypted_key_of_openssh_is_to_be_converted_whatever_its_password() -> None:
    def field(content: bytes) -> bytes:
        return len(content).to_bytes(4) + content

    options = field(bytes(16)) + (16).to_bytes(4)
    public = RSA.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1]
    parts = field(b"aes256-ctr"), field(b"bcrypt"), field(options), (1).to_bytes(4), field(base64.b64decode(public))
    content = b"openssh-key-v1\0" + b"".join(parts) + field(bytes(64))
    encrypted = armoured(content).replace(b"PRIVATE", b"OPENSSH PRIVATE")
    for password in (None, PASSWORD):
        with pytest.raises(CertificateError, match="encrypted in OpenSSH's own way, or damaged") as caught:
            read_private_key(encrypted, password)
        assert caught.value.hint.startswith("Convert a copy of it: ssh-keygen -p -m PEM -f FILE")


def test_what_is_no_private_rsa_key_is_named_for_what_it_is() -> None:
    public = RSA.public_key()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(RSA, SHA256())
    elliptic = ec.generate_private_key(ec.SECP256R1())
    for data, word in (
        (CERTIFICATE.encode(), "a certificate"),
        (base64.b64encode(CERTIFICATE.encode()), "a certificate"),
        (x509.load_pem_x509_certificate(CERTIFICATE.encode()).public_bytes(Encoding.DER), "a certificate"),
        (request.public_bytes(Encoding.PEM), "a certificate request"),
        (request.public_bytes(Encoding.DER), "a certificate request"),
        (public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "a public key"),
        (public.public_bytes(Encoding.PEM, PublicFormat.PKCS1), "a public key"),
        (public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), "a public key"),
        (public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH), "a public key of OpenSSH"),
        (elliptic.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()), "an EC key"),
        (elliptic.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "is EC, not RSA"),
        (elliptic.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), "is EC, not RSA"),
        (elliptic.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()), "is EC, not RSA"),
        (pem().replace(b"-----", "\u2013\u2013".encode()), "typographic"),
        (pem().replace(b"-----BEGIN", "\u2014-BEGIN".encode()), "typographic"),
        (b"PuTTY-User-Key-File-3: ssh-rsa", "a key of PuTTY"),
        (b'{"kty": "RSA", "d": "..."}', "a JSON Web Key"),
        (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "an OpenPGP key"),
        (b'{"d": "..."}', "no private key"),
        (b"hunter2", "no private key"),
        (base64.b64encode(b"hunter2 and more"), "what is there is no private key"),
        (base64.b64encode(b"-----BEGIN private key"), "what is there is no private key"),
        (b"-----BEGIN SOMETHING-----\n", "what is there is no private key"),
        (b"#" + base64.b64encode(der()), "what is there is no private key"),
    ):
        with pytest.raises(CertificateError, match=word) as caught:
            read_private_key(data)
        assert caught.value.hint


def test_rsa_pss_is_refused_by_name() -> None:
    assert RSA_ENCRYPTION in der()
    pss = der().replace(RSA_ENCRYPTION, RSA_PSS)
    for data in (pss, armoured(pss), base64.b64encode(pss), CERTIFICATE.encode() + armoured(pss)):
        with pytest.raises(CertificateError, match="RSA-PSS") as caught:
            read_private_key(data)
        assert "openssl genrsa" in caught.value.hint


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode) | st.binary(max_size=60).map(armoured))
def test_nothing_that_is_given_ends_in_another_error(data: bytes) -> None:
    with pytest.raises(CertificateError) as caught:
        read_private_key(data)
    assert caught.value.hint
