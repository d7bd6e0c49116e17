"""RSA key pairs of one session, each made once and handed to every one of its processes.

To make one takes OpenSSL 60 ms, and each process that runs tests asks for some hundred. None is given one twice, so a
new key is new wherever it goes; with another process it shares neither orgs nor stores. They are gone with the
session's files.
"""

from __future__ import annotations

import secrets
from threading import Lock
from typing import TYPE_CHECKING, Final, cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from pathlib import Path

_BITS: Final = 2048
_make: Final = rsa.generate_private_key


class KeyPairs:
    """What stands in for `rsa.generate_private_key`."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        self._given: Final[set[str]] = set()
        self._lock: Final = Lock()
        folder.mkdir(mode=0o700, exist_ok=True)

    def make(self, public_exponent: int, key_size: int, backend: object = None) -> rsa.RSAPrivateKey:
        """A key that this process has not had; of another size than the usual one it is made on the spot."""
        if key_size != _BITS:
            return _make(public_exponent, key_size, backend)
        with self._lock:
            made = {each.name for each in self._folder.iterdir() if each.suffix == ".der"} - self._given
            if not made:
                return self._another(public_exponent)
            self._given.add(first := min(made))
            return _read(self._folder / first)

    def _another(self, public_exponent: int) -> rsa.RSAPrivateKey:
        key = _make(public_exponent, _BITS)
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        name = f"{secrets.token_hex(8)}.der"
        self._given.add(name)
        unfinished = self._folder / f"{name}.unfinished"
        unfinished.write_bytes(key.private_bytes(serialization.Encoding.DER, *form))
        unfinished.rename(self._folder / name)
        return key


def _read(file: Path) -> rsa.RSAPrivateKey:
    key = serialization.load_der_private_key(file.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
    return cast("rsa.RSAPrivateKey", key)
