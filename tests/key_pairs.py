"""RSA key pairs of one session: all are of primes that are found once and handed to every one of its processes.

To find two primes takes OpenSSL 60 ms, and each process that runs tests asks for some hundred key pairs. So each takes
two of a few primes, and never the same two again: a new key is new wherever it goes, and with another process it shares
neither orgs nor stores. They are gone with the session's files.
"""

from __future__ import annotations

import secrets
from threading import Lock
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BITS: Final = 2048
_EXPONENT: Final = 65537
_make: Final = rsa.generate_private_key


def made_on_the_spot() -> rsa.RSAPrivateKey:
    """A key of primes that no other key has."""
    return _make(_EXPONENT, _BITS)


class KeyPairs:
    """What stands in for `rsa.generate_private_key`."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        self._primes: Final[dict[str, tuple[int, int]]] = {}
        self._of_two: Iterator[tuple[int, int]] = iter(())
        self._lock: Final = Lock()
        folder.mkdir(mode=0o700, exist_ok=True)

    def make(self, public_exponent: int, key_size: int, backend: object = None) -> rsa.RSAPrivateKey:
        """A key that this process has not had; of another size than the usual one it is made on the spot."""
        if (public_exponent, key_size) != (_EXPONENT, _BITS):
            return _make(public_exponent, key_size, backend)
        with self._lock:
            two = next(self._of_two, None)
            if two is None:
                self._of_two = self._new_pairs()
                two = next(self._of_two)
        return _key_of(*two)

    def _new_pairs(self) -> Iterator[tuple[int, int]]:
        """Two primes more, and each of them with each that was there before."""
        name = min({each.name for each in self._folder.glob("*.primes")} - self._primes.keys(), default="")
        if name:
            found, other = map(int, (self._folder / name).read_text().split())
        else:
            name, found, other = self._found()
        known = [prime for two in self._primes.values() for prime in two]
        self._primes[name] = found, other
        yield found, other
        for prime in known:
            yield found, prime
            yield other, prime

    def _found(self) -> tuple[str, int, int]:
        """Two primes for all processes, and the name of their file."""
        numbers = _make(_EXPONENT, _BITS).private_numbers()
        name = f"{secrets.token_hex(8)}.primes"
        unfinished = self._folder / f"{name}.unfinished"
        unfinished.write_text(f"{numbers.p} {numbers.q}")
        unfinished.rename(self._folder / name)
        return name, numbers.p, numbers.q


def _key_of(p: int, q: int) -> rsa.RSAPrivateKey:
    # As OpenSSL has it: the larger one first.
    p, q = max(p, q), min(p, q)
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(_EXPONENT, p * q)
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), public
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)
