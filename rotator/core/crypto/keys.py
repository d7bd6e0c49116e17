"""RSA key pairs: made, read in every PEM form that people have, compared."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Self

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from rotator.core.crypto.names import KEY_SIZES, RSA, SMALLEST_EXPONENT, WEAKEST
from rotator.core.secret import Secret
from rotator.errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from rotator.core.crypto.certificates import Certificate

_SPECIMEN: Final = b"what a key signs once, so that it is known to sign"


class PrivateKey:
    """An RSA private key in memory. It prints as `***`; `pem()` gives the bytes that only a store may hold."""

    __slots__ = ("_is_tried", "_key")

    def __init__(self, key: rsa.RSAPrivateKey, *, is_tried: bool = True) -> None:
        """`is_tried`: whether it is known that it signs."""
        self._key: Final = key
        self._is_tried = is_tried

    @classmethod
    def generate(cls, bits: int = 2048) -> Self:
        """A new key with the public exponent 65537. Raises CertificateError for a size not in KEY_SIZES."""
        if bits not in KEY_SIZES:
            raise CertificateError(
                f"An RSA key of {bits} bits is not made.",
                hint=f"Set `key_bits` to one of {', '.join(map(str, KEY_SIZES))}.",
            )
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=bits))

    @classmethod
    def from_pem(cls, pem: bytes | str, password: Secret | None = None) -> Self:
        """Reads PKCS#1 or PKCS#8, and tries whether it signs.

        Raises CertificateError for a wrong password, a damaged file, or a key that is not RSA.
        """
        # Never a UnicodeEncodeError: it would carry the key along.
        data = pem.encode("ascii", "replace") if isinstance(pem, str) else pem
        try:
            key = load_sound(serialization.load_pem_private_key, data, password)
        except TypeError:
            raise not_as_configured(password) from None
        except (ValueError, UnsupportedAlgorithm):
            raise _damaged("its password is wrong, or it is no PEM private key") from None
        return cls.of(key)

    @classmethod
    def from_stored_pem(cls, pem: str) -> Self:
        """Reads a key that the program has stored, whose certificate is known: it is tried when it signs.

        That its numbers belong together is seen at once and at no cost, so that damage is found by whoever reads it.
        Raises CertificateError.
        """
        data = pem.encode("ascii", "replace")
        try:
            loaded = serialization.load_pem_private_key(data, None, unsafe_skip_rsa_key_validation=True)
        except (TypeError, ValueError, UnsupportedAlgorithm):
            raise _damaged() from None
        if not isinstance(loaded, rsa.RSAPrivateKey) or not _belong_together(loaded.private_numbers()):
            raise _damaged()
        return cls(loaded, is_tried=False)

    @classmethod
    def of(cls, key: object) -> Self:
        """A key that was read already. Raises CertificateError, which names its kind, for one that is not RSA."""
        if isinstance(key, rsa.RSAPrivateKey):
            return cls(key)
        raise CertificateError(
            f"The private key is {type(key).__name__.removesuffix('PrivateKey')}, not RSA.",
            hint="Salesforce's JWT bearer flow signs with RS256 only: give an RSA key.",
        )

    def pem(self) -> Secret:
        """The key as unencrypted PKCS#8 PEM, as consumers such as `sf org login jwt` read it."""
        data = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Secret(data.decode())

    def signing_key(self) -> rsa.RSAPrivateKey:
        """The key object, to sign with: loading PEM costs a hundred signatures. Raises CertificateError."""
        if not self._is_tried:
            if not _signs(self._key):
                raise _damaged()
            self._is_tried = True
        return self._key

    @property
    def bits(self) -> int:
        """Length of the modulus."""
        return self._key.key_size

    @property
    def weakness(self) -> str:
        """Why somebody else could find the key out, in words; empty where that is not known (FIPS 186-5, A.1.1)."""
        numbers = self._key.private_numbers()
        if self.bits < WEAKEST:
            return f"has {self.bits} bits, and {WEAKEST} are the least that is safe"
        exponent = numbers.public_numbers.e
        if exponent < SMALLEST_EXPONENT:
            return f"has the public exponent {exponent}, and {SMALLEST_EXPONENT} is the least that is safe"
        if abs(numbers.p - numbers.q).bit_length() <= self.bits // 2 - 100:
            return "is made of two primes so close to each other that it can be computed from its public half"
        return ""

    @property
    def public_fingerprint(self) -> str:
        """SHA-256 of the public key (SubjectPublicKeyInfo, DER), in hex: equal for two certificates over one key."""
        return public_fingerprint(self._key.public_key())

    def matches(self, certificate: Certificate) -> bool:
        """Whether the certificate is over this key."""
        return certificate.key_algorithm == RSA and certificate.public_fingerprint == self.public_fingerprint

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PrivateKey) and other.public_fingerprint == self.public_fingerprint

    def __hash__(self) -> int:
        return hash(self.public_fingerprint)

    def __repr__(self) -> str:
        return "***"

    def __format__(self, _spec: str) -> str:
        return "***"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a PrivateKey is not pickled")


def load_sound(load: Callable[..., object], data: bytes, password: Secret | None) -> object:
    """What a function of cryptography's reads. Raises what that raises, and ValueError for a key that signs nothing."""
    key = load(data, password_bytes(password), unsafe_skip_rsa_key_validation=True)
    if isinstance(key, rsa.RSAPrivateKey) and not (_belong_together(key.private_numbers()) and _signs(key)):
        raise ValueError
    return key


def password_bytes(password: Secret | None) -> bytes | None:
    """As cryptography takes it."""
    return password.reveal().encode("utf-8", "replace") if password else None


def not_as_configured(password: Secret | None) -> CertificateError:
    """What is raised where cryptography's TypeError says that a key is encrypted, or not, against the configuration."""
    return CertificateError(
        "The private key is encrypted, and no password is configured."
        if password is None
        else "A password is configured, and the private key is not encrypted.",
        hint="Set or remove `password` beside the key's reference.",
    )


def _damaged(why: str = "it is no PEM private key, or damaged") -> CertificateError:
    return CertificateError(
        f"The private key cannot be read: {why}.",
        hint="Try `openssl pkey -in FILE -noout`; it must be an unharmed RSA key in PKCS#1 or PKCS#8 PEM.",
    )


def _belong_together(numbers: rsa.RSAPrivateNumbers) -> bool:
    """Whether each number is what the others make it (RFC 8017, section 3.2)."""
    p, q, d, e = numbers.p, numbers.q, numbers.d, numbers.public_numbers.e
    return (
        min(p, q) > 2
        and p * q == numbers.public_numbers.n
        and all((e * d) % (prime - 1) == 1 for prime in (p, q))
        and (numbers.dmp1, numbers.dmq1) == (d % (p - 1), d % (q - 1))
        and (numbers.iqmp * q) % p == 1
    )


def _signs(key: rsa.RSAPrivateKey) -> bool:
    """Whether its public half takes what it signs, which it does not where one of its primes is none.

    It costs a signature, and OpenSSL's own search for primes, which cryptography has it do, costs a hundred.
    """
    scheme = padding.PKCS1v15(), hashes.SHA256()
    try:
        key.public_key().verify(key.sign(_SPECIMEN, *scheme), _SPECIMEN, *scheme)
    except (InvalidSignature, InternalError, ValueError):
        return False
    return True


def public_fingerprint(key: CertificatePublicKeyTypes) -> str:
    """SHA-256 of a public key (SubjectPublicKeyInfo, DER), in hex."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()
