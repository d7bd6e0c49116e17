"""Private keys in the forms that people have them: each is read where only one reading is possible, else named.

A store's own versions are always PKCS#8 PEM (`PrivateKey.from_pem`). This is for what people bring: PEM out of an
environment variable or a YAML file, base64 of it, DER, PKCS#12, the key of `ssh-keygen`, and all that is no private RSA
key at all. A refusal says what was given, and the command that makes a key of it where there is one.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from rotator.core.crypto.keys import PrivateKey, load_sound, not_as_configured, password_bytes
from rotator.errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.secret import Secret

_ARMOUR: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
_DASHES: Final = r"\u2010-\u2015\u2212"
_PAINTED_ARMOUR: Final = re.compile(
    rf"[{_DASHES}][-{_DASHES} ]*BEGIN [A-Z ]*PRIVATE KEY|BEGIN [A-Z ]*PRIVATE KEY[-{_DASHES}]*[{_DASHES}]"
)
_RSASSA_PSS: Final = bytes.fromhex("06092a864886f70d01010a")
"""id-RSASSA-PSS (RFC 4055 section 3.1) as DER."""
_ALGORITHM_ENDS: Final = 48
"""Bytes from a PKCS#8 key's beginning within which its algorithm stands (RFC 5208 section 5)."""

_OTHER_PEM: Final = {
    "CERTIFICATE": ("a certificate", "Give the private key that it was made with."),
    "TRUSTED CERTIFICATE": ("a certificate", "Give the private key that it was made with."),
    "CERTIFICATE REQUEST": ("a certificate request", "Give the private key that it was made with."),
    "PUBLIC KEY": ("a public key", "Give the private key that belongs to it."),
    "RSA PUBLIC KEY": ("a public key", "Give the private key that belongs to it."),
    "SSH2 PUBLIC KEY": ("a public key", "Give the private key that belongs to it."),
    "EC PRIVATE KEY": ("an EC key", "Salesforce's JWT bearer flow signs with RS256 only: give an RSA key."),
    "DSA PRIVATE KEY": ("a DSA key", "Salesforce's JWT bearer flow signs with RS256 only: give an RSA key."),
    "PGP PRIVATE KEY BLOCK": ("an OpenPGP key", "Give an RSA key in PEM: openssl genrsa -out FILE 2048"),
}


def read_private_key(data: bytes, password: Secret | None = None) -> PrivateKey:
    """The RSA key in what a person brought: PEM in any of its dresses, base64 of it, DER, PKCS#12 or OpenSSH.

    Raises CertificateError, which names what it is instead; never with a piece of it.
    """
    text = _text(data)
    if text is None:
        return _from_der(data, password)
    if _ARMOUR.search(text):
        return _from_pem(text, password)
    packed = _unpacked_base64(text)
    if packed is not None:
        inner = _text(packed)
        return _from_der(packed, password) if inner is None else _from_pem(inner, password)
    raise _no_key(text)


def _text(data: bytes) -> str | None:
    """As text with real line breaks, without the quotes and the BOM around it; None for bytes that are no text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    text = text.strip().strip("\"'")
    return re.sub(r"\\r\\n|\\n|\\r", "\n", text) if "-----" in text else text


def _unpacked_base64(text: str) -> bytes | None:
    """What stands in base64 here, if that is PEM or DER."""
    try:
        data = base64.b64decode("".join(text.split()), altchars=b"-_" if "_" in text else None, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if data.lstrip().startswith(b"-----BEGIN ") or data[:1] == b"\x30" else None


def _from_pem(text: str, password: Secret | None) -> PrivateKey:
    labels = _ARMOUR.findall(text)
    label = next((each for each in labels if each.endswith("PRIVATE KEY") and each not in _OTHER_PEM), None)
    if label is None:
        raise _instead(*_OTHER_PEM.get(labels[0] if labels else "", ("no private key", _CHECK)))
    if _private_blocks(text) > 1:
        raise _instead("more than one private key", "Leave one of them in it: which is meant cannot be seen.")
    if label == "OPENSSH PRIVATE KEY":
        return _from_openssh(text, password)
    if label == "PRIVATE KEY" and _is_pss(_body(text, label)):
        raise _pss()
    return PrivateKey.from_pem(_only(text, label), password)


def _private_blocks(text: str) -> int:
    """How many different private keys that might be meant are in it; the same text twice is one."""
    blocks = re.finditer(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----(.*?)-----END", text, re.DOTALL)
    return len({"".join(found[2].split()) for found in blocks if found[1] not in _OTHER_PEM})


def _only(text: str, label: str) -> str:
    """The one block, without bag attributes, certificates and parameters around it; whole if it does not end."""
    found = re.search(rf"-----BEGIN {label}-----.*?-----END {label}-----", text, re.DOTALL)
    return found[0] + "\n" if found else text


def _body(text: str, label: str) -> bytes:
    inner = _only(text, label).removeprefix(f"-----BEGIN {label}-----").partition("-----END")[0]
    try:
        return base64.b64decode(inner)
    except binascii.Error:
        return b""


def _from_openssh(text: str, password: Secret | None) -> PrivateKey:
    data = text.encode("ascii", "replace") + b"\n"
    try:
        key = load_sound(serialization.load_ssh_private_key, data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CertificateError(
            "The private key has the form of OpenSSH and cannot be read: it is encrypted in OpenSSH's own way, or"
            " damaged.",
            # Its encryption is bcrypt's, which takes a library that cryptography does not bring.
            hint="Convert a copy of it: ssh-keygen -p -m PEM -f FILE; if the copy has a password, set `password` beside"
            " the key's reference.",
        ) from None
    return PrivateKey.of(key)


def _from_der(data: bytes, password: Secret | None) -> PrivateKey:
    if _is_pss(data):
        raise _pss()
    try:
        return PrivateKey.of(load_sound(serialization.load_der_private_key, data, password))
    except TypeError:
        raise not_as_configured(password) from None
    except (ValueError, UnsupportedAlgorithm):
        pass
    for what, load in _OTHER_DER:
        if _reads(load, data):
            raise _instead(what, "Give the private key that belongs to it.")
    return _from_pkcs12(data, password)


def _from_pkcs12(data: bytes, password: Secret | None) -> PrivateKey:
    try:
        key, _, _ = pkcs12.load_key_and_certificates(data, password_bytes(password))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CertificateError(
            "The private key cannot be read: it is neither PEM nor DER, nor PKCS#12 "
            + ("without a password." if password is None else "with this password."),
            hint="Of PKCS#12 (.p12, .pfx), set `password` beside the key's reference, or convert it: "
            "openssl pkcs12 -in FILE -nocerts -nodes -out KEY.pem",
        ) from None
    if key is None:
        raise _instead("PKCS#12 without a private key", "Export it again with its private key.")
    return PrivateKey.of(key)


def _is_pss(der: bytes) -> bool:
    return _RSASSA_PSS in der[:_ALGORITHM_ENDS]


def _pss() -> CertificateError:
    return CertificateError(
        "The private key is RSA-PSS, which may not sign RS256.",
        hint="Give an RSA key (rsaEncryption): openssl genrsa -out FILE 2048, and a certificate of it for the app.",
    )


def _reads(load: Callable[[bytes], object], data: bytes) -> bool:
    try:
        load(data)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True


def _no_key(text: str) -> CertificateError:
    if _PAINTED_ARMOUR.search(text):
        return CertificateError(
            "The private key cannot be read: the dashes of its BEGIN and END lines are typographic ones.",
            hint="Type five hyphens in their place (-----), or take the key from where it was made.",
        )
    if re.match(r"(ssh|ecdsa)-\S+ AAAA", text):
        return _instead("a public key of OpenSSH", "Give the private key that belongs to it (the file without .pub).")
    if text.startswith("PuTTY-User-Key-File"):
        return _instead(
            "a key of PuTTY", "Convert it: puttygen FILE -O private-openssh -o KEY, then ssh-keygen -p -m PEM -f KEY"
        )
    if text.startswith("{") and '"kty"' in text:
        return _instead("a JSON Web Key", "Give it in PEM.")
    return _instead("no private key", _CHECK)


def _instead(what: str, hint: str) -> CertificateError:
    return CertificateError(f"The private key cannot be read: what is there is {what}.", hint=hint)


_CHECK: Final = "Try `openssl pkey -in FILE -noout`; it must be an unharmed RSA key, best in PKCS#8 PEM."
_OTHER_DER: Final[tuple[tuple[str, Callable[[bytes], object]], ...]] = (
    ("a certificate", x509.load_der_x509_certificate),
    ("a certificate request", x509.load_der_x509_csr),
    ("a public key", serialization.load_der_public_key),
)
