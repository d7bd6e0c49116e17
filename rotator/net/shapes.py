"""What an answer holds, checked against what it should be before anybody uses it.

JSON may be anything: as deep as it is long, null where a list was expected, a number of five thousand digits. Each
member is read as what it must be; the one error says which member is something else, and quotes none of it.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

MOST_PARTS: Final = 100_000
"""Objects and lists in one answer. An empty one has two characters and takes thirty times as much memory."""


class WrongShape(ValueError):
    """An answer, or a part of it, is not what it must be; the text says what and where."""


def parsed(text: bytes | str) -> object:
    """What a JSON text holds (RFC 8259: UTF-8). Raises WrongShape for what is none, or nested too deeply."""
    try:
        # By itself json takes UTF-16 and UTF-32 as well, and halves of surrogate pairs in any of them.
        told = text.decode("utf-8-sig") if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        raise WrongShape("it is no text in UTF-8") from None
    if told.count("{") + told.count("[") > MOST_PARTS:
        raise WrongShape("it has too many parts")
    try:
        value = json.loads(told)
    except RecursionError:
        raise WrongShape("it is nested too deeply") from None
    except ValueError:
        raise WrongShape("it is no JSON") from None
    if "\\u" in told:
        require_text(value)
    return value


def require_text(value: object) -> None:
    """Raises WrongShape when a text or a name in it has half of a surrogate pair, which nobody can write down."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except (ValueError, RecursionError, TypeError):
        raise WrongShape("it holds text that is none") from None


class Fields:
    """The members of an object. What is not there or null is None or empty, unless it is `required`."""

    def __init__(self, value: object, name: str = "the answer") -> None:
        """Raises WrongShape for what is no object; `name` is for the error."""
        if not isinstance(value, dict):
            raise WrongShape(f"{name} is no object")
        self._members: Final[dict[str, Any]] = value
        self._name: Final = name

    @classmethod
    def parsed(cls, text: bytes | str) -> Fields:
        """The object that a JSON text holds. Raises WrongShape."""
        return cls(parsed(text))

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def names(self) -> list[str]:
        """Of all members."""
        return list(self._members)

    def text(self, name: str, *, required: bool = False) -> str:
        """Empty where it is left out and not `required`."""
        value: str | None = self._of(name, str, "no text", required=required)
        return value or ""

    def flag(self, name: str) -> bool:
        """True or false."""
        return self._of(name, bool, "neither true nor false") or False

    def number(self, name: str) -> float:
        """A finite number, or one that is written as a text."""
        value = self._members.get(name)
        if value is None:
            return 0.0
        try:
            number = float(value) if isinstance(value, int | float | str) else math.nan
        except (ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise self._wrong(name, "no number")
        return number

    def fields(self, name: str) -> Fields:
        """An object; without members where there is none."""
        value = self._of(name, dict, "no object")
        return Fields({} if value is None else value, f"{self._name}.{name}")

    def objects(self, name: str) -> list[Fields]:
        """A list of objects, which must be there."""
        value = self._of(name, list, "no list", required=True)
        return [Fields(item, f"{self._name}.{name}[{at}]") for at, item in enumerate(value)]

    def texts(self, name: str) -> list[str]:
        """Empty where it is left out."""
        value = self._of(name, list, "no list") or []
        if not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "no list of texts")
        return list(value)

    def plain(self) -> dict[str, Any]:
        """All of it, unchecked."""
        return self._members

    def _of(self, name: str, kind: type, otherwise: str, *, required: bool = False) -> Any:
        value = self._members.get(name)
        if value is None and not required:
            return None
        if not isinstance(value, kind):
            raise self._wrong(name, otherwise)
        return value

    def _wrong(self, name: str, otherwise: str) -> WrongShape:
        return WrongShape(f"{self._name}.{name} is {otherwise}"[:200])
