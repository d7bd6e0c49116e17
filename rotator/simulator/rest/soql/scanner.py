"""The words and signs of a query's text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rotator.simulator.rest.soql.tree import QueryError

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')"
    r"|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))|(?P<date>\d{4}-\d\d-\d\d)"
    r"|(?P<number>[+-]?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_]\w*)|(?P<sign><=|>=|!=|<>|[=<>(),.:]))",
    re.DOTALL,
)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


@dataclass(frozen=True)
class Token:
    """One word, sign, number, text, date or time."""

    kind: str
    text: str


def scan(text: str) -> list[Token]:
    """The tokens of a text. Raises QueryError for a sign that SOQL has not."""
    tokens, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise QueryError("MALFORMED_QUERY", f"unexpected token: '{text[position:].split(maxsplit=1)[0]}'")
        kind = match.lastgroup or ""
        tokens.append(Token(kind, match[kind]))
        position = match.end()
    return tokens


def unescaped(text: str) -> str:
    """What a text between quotes means."""
    return re.sub(r"\\(.)", lambda match: escaped(match[1]), text, flags=re.DOTALL)


def escaped(letter: str) -> str:
    """What a letter after a backslash stands for."""
    return _ESCAPES.get(letter, letter)
