"""Private keys in every form that people have them in."""

from __future__ import annotations

import math
from math import gcd

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.crypto.keys import PrivateKey
from rotator.core.crypto.names import KEY_SIZES
from rotator.core.secret import Secret
from rotator.errors import CertificateError
from rotator.testing.versions import make_version, spare_key
from tests.tiers import longer

PASSWORD = Secret("pässword")
FORMATS = [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL]


def written(key: PrivateKey, form: PrivateFormat, password: Secret | None) -> bytes:
    encryption: KeySerializationEncryption = NoEncryption()
    if password is not None:
        encryption = BestAvailableEncryption(password.reveal().encode())
    return key.signing_key().private_bytes(Encoding.PEM, form, encryption)


@pytest.mark.parametrize("form", FORMATS, ids=["pkcs8", "pkcs1"])
@pytest.mark.parametrize("password", [None, PASSWORD], ids=["plain", "encrypted"])
def test_a_key_reads_in_every_form_as_text_and_as_bytes(form: PrivateFormat, password: Secret | None) -> None:
    key = spare_key(0)
    pem = written(key, form, password)
    assert PrivateKey.from_pem(pem, password) == key
    assert PrivateKey.from_pem(pem.decode().replace("\n", "\r\n"), password) == key


@pytest.mark.parametrize("form", FORMATS, ids=["pkcs8", "pkcs1"])
def test_a_wrong_password_and_a_missing_one_are_told_apart(form: PrivateFormat) -> None:
    encrypted, plain = written(spare_key(0), form, PASSWORD), written(spare_key(0), form, None)
    with pytest.raises(CertificateError, match="password is wrong"):
        PrivateKey.from_pem(encrypted, Secret("another"))
    with pytest.raises(CertificateError, match="encrypted, and no password is configured"):
        PrivateKey.from_pem(encrypted)
    with pytest.raises(CertificateError, match="is not encrypted"):
        PrivateKey.from_pem(plain, PASSWORD)


@pytest.mark.parametrize("make", [lambda: ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate])
def test_a_key_that_is_not_rsa_is_refused(make: object) -> None:
    key = make()  # type: ignore[operator] # two factories of different kinds of keys
    with pytest.raises(CertificateError, match=r"is (EC|Ed25519), not RSA"):
        PrivateKey.from_pem(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@given(st.text() | st.binary())
def test_any_text_is_a_key_or_a_sentence(content: str | bytes) -> None:
    with pytest.raises(CertificateError):
        PrivateKey.from_pem(content)


@longer
@given(st.integers(0, 1700), st.integers(1, 255))
def test_a_key_with_a_damaged_byte_never_passes_for_another(place: int, change: int) -> None:
    pem = bytearray(written(spare_key(0), PrivateFormat.PKCS8, None))
    pem[place % len(pem)] ^= change
    try:
        assert PrivateKey.from_pem(bytes(pem)).public_fingerprint == spare_key(0).public_fingerprint
    except CertificateError as refused:
        assert refused.hint  # noqa: PT017 -- either answer is right


def test_a_key_whose_parts_do_not_belong_together_is_refused_however_often_it_is_read() -> None:
    sound = spare_key(0).signing_key().private_numbers()
    wrong = RSAPrivateNumbers(
        sound.p, sound.q, sound.d + 2, sound.dmp1, sound.dmq1, sound.iqmp, sound.public_numbers
    ).private_key(unsafe_skip_rsa_key_validation=True)
    pem = wrong.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for _ in range(2):
        with pytest.raises(CertificateError, match="cannot be read"):
            PrivateKey.from_pem(pem)


@given(st.integers(0, 1700), st.integers(1, 255))
def test_a_stored_key_with_a_damaged_byte_is_found_by_whoever_reads_it(place: int, change: int) -> None:
    pem = bytearray(written(spare_key(0), PrivateFormat.PKCS8, None))
    pem[place % len(pem)] ^= change
    try:
        read = PrivateKey.from_stored_pem(pem.decode("latin-1"))
    except CertificateError as refused:
        assert refused.hint  # noqa: PT017 -- either answer is right
    else:
        assert read.pem().reveal() == spare_key(0).pem().reveal()


@pytest.mark.parametrize("name", ["d", "dmp1", "dmq1", "iqmp"])
def test_a_stored_key_with_another_number_is_refused(name: str) -> None:
    sound = spare_key(0).signing_key().private_numbers()
    numbers = {each: getattr(sound, each) for each in ("p", "q", "d", "dmp1", "dmq1", "iqmp")}
    numbers[name] += 2
    wrong = RSAPrivateNumbers(**numbers, public_numbers=sound.public_numbers)
    pem = PrivateKey(wrong.private_key(unsafe_skip_rsa_key_validation=True)).pem().reveal()
    with pytest.raises(CertificateError, match="damaged"):
        PrivateKey.from_stored_pem(pem)


def key_without_primes(factor: int) -> str:
    """Its numbers belong together, and one of its primes is a multiple of this."""
    sound = spare_key(0).signing_key().private_numbers()
    p, q, e = sound.p, factor * (sound.q // factor | 1), 65537
    while gcd(e, q - 1) > 1 or gcd(p, q) > 1:
        q += 2 * factor
    return key_of(p, q, e).pem().reveal()


@pytest.mark.parametrize("factor", [3, 5, 65537])
def test_a_stored_key_whose_primes_are_none_signs_nothing(factor: int) -> None:
    key = PrivateKey.from_stored_pem(key_without_primes(factor))
    for _ in range(2):
        with pytest.raises(CertificateError, match="damaged"):
            key.signing_key()


@pytest.mark.parametrize("factor", [3, 5, 65537])
def test_a_key_whose_primes_are_none_is_refused_however_often_it_is_read(factor: int) -> None:
    pem = key_without_primes(factor)
    for _ in range(2):
        with pytest.raises(CertificateError, match="cannot be read"):
            PrivateKey.from_pem(pem)


@longer
@pytest.mark.parametrize("bits", KEY_SIZES[:2])
def test_a_key_has_the_size_that_was_asked_for(bits: int) -> None:
    key = PrivateKey.generate(bits)
    assert key.bits == bits
    assert key.signing_key().public_key().public_numbers().e == 65537


@pytest.mark.parametrize("bits", [0, -1, 1024, 2047, 8192])
def test_another_size_is_refused(bits: int) -> None:
    with pytest.raises(CertificateError, match="2048, 3072, 4096"):
        PrivateKey.generate(bits)


def test_its_own_form_is_pkcs8_that_reads_back() -> None:
    pem = spare_key(0).pem().reveal()
    assert pem.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert PrivateKey.from_pem(pem) == spare_key(0)
    assert hash(PrivateKey.from_pem(pem)) == hash(spare_key(0))


def test_a_key_matches_its_own_certificates_only() -> None:
    one, renewed, other = (make_version(key=spare_key(index)) for index in (0, 0, 1))
    assert spare_key(0).matches(one.certificate)
    assert spare_key(0).matches(renewed.certificate)
    assert not spare_key(0).matches(other.certificate)
    assert spare_key(0) != spare_key(1)
    assert spare_key(0) != "***"


def test_a_key_that_is_made_here_is_strong() -> None:
    assert spare_key(0).weakness == ""


def key_of(p: int, q: int, exponent: int) -> PrivateKey:
    private = pow(exponent, -1, (p - 1) * (q - 1))
    halves = private % (p - 1), private % (q - 1), pow(q, -1, p)
    numbers = RSAPrivateNumbers(p, q, private, *halves, rsa.RSAPublicNumbers(exponent, p * q))
    return PrivateKey(numbers.private_key(unsafe_skip_rsa_key_validation=True))


def test_a_key_that_is_too_short_is_weak() -> None:
    weak = PrivateKey(rsa.generate_private_key(65537, 1024))  # noqa: S505 - that is what is tried
    assert weak.weakness == "has 1024 bits, and 2048 are the least that is safe"


def test_a_key_with_a_small_exponent_is_weak() -> None:
    numbers = spare_key(0).signing_key().private_numbers()
    small = next(each for each in (3, 5, 7, 11, 13, 17) if (numbers.p - 1) % each and (numbers.q - 1) % each)
    assert key_of(numbers.p, numbers.q, small).weakness.startswith(f"has the public exponent {small}, and 65537")


@longer
def test_a_key_of_two_primes_that_are_close_is_weak() -> None:
    first = spare_key(0).signing_key().private_numbers().p
    second, small = first + 2, math.prod(range(3, 1000, 2))
    # What no small number divides takes Fermat's test; and the exponent can be inverted.
    while math.gcd(second, small) != 1 or pow(2, second - 1, second) != 1 or (second - 1) % 65537 == 0:
        second += 2
    assert "so close to each other" in key_of(second, first, 65537).weakness
