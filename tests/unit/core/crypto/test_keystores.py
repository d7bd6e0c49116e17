"""A keystore holds the version's key and certificate, for whoever knows its password, and for Java."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import struct
import subprocess
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import load_der_x509_certificate

from rotator.core.crypto.certificates import Certificate
from rotator.core.crypto.keys import PrivateKey
from rotator.core.crypto.keystores import ROUNDS, Format, keystore
from rotator.core.crypto.pkcs12_mac import with_rounds
from rotator.core.secret import Secret
from rotator.errors import CertificateError
from rotator.testing.versions import make_version
from tests.tiers import longer, standard_first

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.credentials import KeyVersion

PASSWORD = "a password, 23 long !!"
KEYTOOL = shutil.which("keytool")
OPENSSL = shutil.which("openssl")


@pytest.fixture(scope="module")
def version() -> KeyVersion:
    return make_version("billing")


def read_pkcs12(content: bytes, password: str) -> tuple[str, PrivateKey, Certificate]:
    """What cryptography finds. Raises ValueError for a wrong password."""
    found = pkcs12.load_pkcs12(content, password.encode())
    assert found.key is not None
    assert found.cert is not None
    pem = found.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate = Certificate.parse(found.cert.certificate.public_bytes(serialization.Encoding.DER))
    return (found.cert.friendly_name or b"").decode(), PrivateKey.from_pem(pem), certificate


def read_jks(content: bytes, password: str) -> tuple[str, PrivateKey, Certificate]:
    """What is in a JKS file, read field by field. Raises ValueError for a wrong password or a changed file."""
    secret = password.encode("utf-16-be")
    body, checksum = content[:-20], content[-20:]
    if hashlib.sha1(secret + b"Mighty Aphrodite" + body, usedforsecurity=False).digest() != checksum:
        raise ValueError
    file = BytesIO(body)

    def number(form: str) -> int:
        found: int = struct.unpack(form, file.read(struct.calcsize(form)))[0]
        return found

    assert [number(">I") for _ in range(4)] == [0xFEEDFEED, 2, 1, 1]
    alias = file.read(number(">H")).decode()
    created_at = number(">Q")
    protected = file.read(number(">I"))
    assert number(">I") == 1
    assert file.read(number(">H")) == b"X.509"
    certificate = Certificate.parse(file.read(number(">I")))
    assert 0 <= created_at / 1000 - certificate.not_before.timestamp() < 86_400
    assert file.read() == b""
    return alias, _unprotected(protected, secret), certificate


def _unprotected(protected: bytes, secret: bytes) -> PrivateKey:
    """The key out of an EncryptedPrivateKeyInfo of more than 255 bytes."""
    assert protected[:2] == b"\x30\x82"
    assert int.from_bytes(protected[2:4]) == len(protected) - 4
    assert protected[4:20].hex() == "300e060a2b060104012a021101010500"
    assert protected[20:22] == b"\x04\x82"
    value = protected[24:]
    salt, mixed, check = value[:20], value[20:-20], value[-20:]
    stream = b""
    while len(stream) < len(mixed):
        salt = hashlib.sha1(secret + salt, usedforsecurity=False).digest()
        stream += salt
    plain = bytes(one ^ other for one, other in zip(mixed, stream, strict=False))
    assert hashlib.sha1(secret + plain, usedforsecurity=False).digest() == check
    key = serialization.load_der_private_key(plain, None)
    return PrivateKey.from_pem(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def read_by_java(form: Format) -> Callable[[bytes, str], tuple[str, PrivateKey, Certificate]]:
    """What Java's own keytool finds: it writes the entry into a new PKCS#12 keystore, key and all."""

    def read(content: bytes, password: str) -> tuple[str, PrivateKey, Certificate]:
        return read_pkcs12(_imported(form, content, password), password)

    return read


def _imported(form: Format, content: bytes, password: str) -> bytes:
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "target")
        source.write_bytes(content)
        arguments: list[str | Path] = ["-srckeystore", source, "-srcstoretype", str(form)]
        arguments += ["-srcstorepass:env", "PASSWORD", "-deststorepass:env", "PASSWORD"]
        arguments += ["-destkeystore", target, "-deststoretype", "PKCS12"]
        told = subprocess.run(
            [str(KEYTOOL), "-importkeystore", "-noprompt", *arguments],
            env={"PATH": os.environ["PATH"], "PASSWORD": password},
            capture_output=True,
            check=False,
        )
        if told.returncode:
            raise ValueError(told.stdout)
        return target.read_bytes()


READERS = {
    "pkcs12": (Format.PKCS12, read_pkcs12),
    "jks": (Format.JKS, read_jks),
    **({f"{form} by Java": (form, read_by_java(form)) for form in Format} if KEYTOOL else {}),
}


OF_OPENSSL_TOO: Final = f"{Format.PKCS12} by Java"
"""openssl reads those in the standard tier; Java takes a second for each."""


@longer
@pytest.mark.parametrize("reader", standard_first(READERS, [name for name in READERS if name != OF_OPENSSL_TOO]))
def test_a_keystore_holds_the_key_and_the_certificate_under_the_credentials_name(
    version: KeyVersion, reader: str
) -> None:
    form, read = READERS[reader]
    content = keystore(version, form, Secret(PASSWORD), "billing")
    assert read(content, PASSWORD) == ("billing", version.private_key, version.certificate)


@pytest.mark.parametrize("reader", standard_first(READERS, [*READERS][:2]))
def test_another_password_opens_nothing(version: KeyVersion, reader: str) -> None:
    form, read = READERS[reader]
    content = keystore(version, form, Secret(PASSWORD), "billing")
    with pytest.raises(ValueError):  # noqa: PT011 - each reader has words of its own
        read(content, PASSWORD + "?")


@longer
@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
def test_a_guess_of_the_password_takes_as_many_rounds_by_the_mac_as_by_the_encryption(
    version: KeyVersion, tmp_path: Path
) -> None:
    (tmp_path / "keystore.p12").write_bytes(keystore(version, Format.PKCS12, Secret(PASSWORD), "billing"))
    told = subprocess.run(
        [str(OPENSSL), "pkcs12", "-info", "-noout", "-in", tmp_path / "keystore.p12", "-passin", f"pass:{PASSWORD}"],
        capture_output=True,
        check=True,
        text=True,
    ).stderr
    assert "MAC: sha256, Iteration 100000" in told
    assert [int(rounds) for rounds in re.findall(r"Iteration (\d+)", told)] == [ROUNDS] * 3


@longer
def test_the_mac_has_the_rounds_that_it_was_asked_for(version: KeyVersion) -> None:
    """By the library's own check, which takes the rounds from the file."""
    key, certificate = version.private_key.signing_key(), load_der_x509_certificate(version.certificate.der)
    for password in ("a password, 23 long !!", "x" * 200, "\u00e4"):
        encryption = serialization.BestAvailableEncryption(password.encode())
        plain = pkcs12.serialize_key_and_certificates(b"billing", key, certificate, None, encryption)
        made = with_rounds(plain, Secret(password), 70_000)
        assert (70_000).to_bytes(3) in made[-8:]
        assert read_pkcs12(made, password) == ("billing", version.private_key, version.certificate)
        with pytest.raises(ValueError, match="password"):
            read_pkcs12(made, password + "?")


@pytest.mark.parametrize("form", Format)
def test_no_part_of_the_key_can_be_read_in_the_file(version: KeyVersion, form: Format) -> None:
    content = keystore(version, form, Secret(PASSWORD), "billing")
    numbers = version.private_key.signing_key().private_numbers()
    for number in (numbers.p, numbers.q, numbers.d):
        plain = number.to_bytes((number.bit_length() + 7) // 8)
        assert not any(plain[start : start + 8] in content for start in range(0, len(plain), 8))


@longer
@pytest.mark.parametrize("form", Format)
def test_two_keystores_of_one_version_are_not_the_same(version: KeyVersion, form: Format) -> None:
    made = {keystore(version, form, Secret(PASSWORD), "billing") for _ in range(2)}
    assert len(made) == 2


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("password", ["", "xq7zk", "a long pässwort", "with\na line more", "with\x00null in it"])
def test_a_password_that_java_could_not_be_given_is_refused_and_not_repeated(
    version: KeyVersion, form: Format, password: str
) -> None:
    with pytest.raises(CertificateError) as refused:
        keystore(version, form, Secret(password), "billing")
    assert not password or password not in str(refused.value)
    assert "openssl rand" in refused.value.hint


def test_the_shortest_password_with_the_fewest_characters_will_do(version: KeyVersion) -> None:
    assert read_jks(keystore(version, Format.JKS, Secret("abcdefabcdef"), "billing"), "abcdefabcdef")


@pytest.mark.parametrize(
    "password", ["", "short", "eleven char", "aaaaaaaaaaaaaaaa", "abcabcabcabcabc", "aaaaaaaaaaaa"]
)
def test_a_password_that_is_soon_guessed_protects_no_key(password: str) -> None:
    with pytest.raises(CertificateError, match="The keystore's password") as refused:
        keystore(make_version("billing"), Format.PKCS12, Secret(password), "billing")
    assert refused.value.effect == "Nothing was written."
    assert "openssl rand" in refused.value.hint
