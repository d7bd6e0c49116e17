"""A value that must not be printed."""

from __future__ import annotations

import string
from math import log2
from typing import Final

_KINDS: Final = (string.digits, string.ascii_lowercase, string.ascii_uppercase, string.punctuation + " ")
_FEW: Final = 8
"""Of so few different letters nothing drawn at random from one of the kinds above is made, long as it has to be."""


class Secret:
    """Text that prints as `***`; `reveal()` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: Final = value

    def reveal(self) -> str:
        """The text itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Secret is not pickled")


def bits_to_guess(secret: Secret) -> int:
    """How many bits a secret has at most, were it drawn at random from the kinds of letters that it is made of.

    What is repeated counts once. That it is no word, and no name, cannot be seen.
    """
    text = secret.reveal()
    once = text[: (text + text).find(text, 1)]
    letters = set(once)
    alphabet = sum(len(kind) for kind in _KINDS if letters & set(kind)) + len(letters - set("".join(_KINDS)))
    if letters <= set("0123456789abcdef") or letters <= set("0123456789ABCDEF"):
        alphabet = 16 if letters - set(string.digits) else 10
    if len(letters) < _FEW:
        alphabet = len(letters)
    return int(len(once) * log2(alphabet)) if letters else 0
