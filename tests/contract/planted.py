"""Finding a private key where none may be: in any of the forms in which its bytes could have got out."""

from __future__ import annotations

import base64
import logging
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.core.crypto.keys import PrivateKey

_PLAIN: Final = (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL)


def forms(key: PrivateKey) -> set[str]:
    """Texts of which each betrays a part of the key: of its PEM, its base64 however aligned, its DER, its hex."""
    signing = key.signing_key()
    primes = signing.private_numbers()
    found = set(key.pem().reveal().splitlines()[2:-2])
    for secret in (
        *(signing.private_bytes(Encoding.DER, form, NoEncryption()) for form in _PLAIN),
        *(number.to_bytes(128, "big") for number in (primes.p, primes.q)),
    ):
        inner = secret[-120:]
        found |= {_inner(base64.b64encode(inner[skipped:]).decode()) for skipped in range(3)}
        found |= {_inner(inner.hex()), _inner(inner.hex(":")), _inner(inner.hex().upper()), repr(inner[20:60])[2:-1]}
    return found


def betrayals(text: str, key: PrivateKey) -> list[str]:
    """Each part of the key that is in the text."""
    return [form for form in forms(key) if form in text]


class EveryRecord(logging.Handler):
    """Everything that any library logged, with what a formatter could make of it."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.getMessage()} {vars(record)!r}")
        if record.exc_info:
            self.lines.append("".join(traceback.format_exception(*record.exc_info)))


@contextmanager
def logging_everything() -> Iterator[EveryRecord]:
    """The root logger at its most talkative."""
    root, handler = logging.getLogger(), EveryRecord()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.NOTSET)
    try:
        yield handler
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def whole(error: BaseException) -> str:
    """An exception with everything that hangs on it."""
    texts, found = list[str](), list[BaseException | None]([error])
    for one in found:
        if one is not None:
            texts += [repr(one), str(one), repr(vars(one)), *traceback.format_exception(one)]
            found += [one.__cause__, one.__context__]
    return "\n".join(texts)


def _inner(text: str) -> str:
    return text[20:70]
