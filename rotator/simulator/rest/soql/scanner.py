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
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", **{sign: sign for sign in "\"'\\%_"}}
"""SOQL and SOSL Reference, Quoted String Escape Sequences; in capitals, too."""


@dataclass(frozen=True)
class Token:
    """One word, sign, number, text, date or time."""

    kind: str
    text: str
    at: int
    """Where it begins in the query."""


def scan(text: str) -> list[Token]:
    """The tokens of a text. Raises QueryError for a sign that SOQL has not."""
    tokens, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise QueryError("MALFORMED_QUERY", f"unexpected token: '{text[position:].split(maxsplit=1)[0]}'")
        kind = match.lastgroup or ""
        tokens.append(Token(kind, match[kind], match.start(kind)))
        position = match.end()
    return tokens


def unescaped(text: str) -> str:
    """What a text between quotes means."""
    return re.sub(r"\\(.)", lambda match: escaped(match[1]), text, flags=re.DOTALL)


def escaped(letter: str) -> str:
    """What a letter after a backslash stands for."""
    return _ESCAPES[letter.lower()]


def refuse_other_escapes(token: Token) -> None:
    """Raises QueryError for a text with a backslash before what SOQL has no meaning for."""
    for letter in re.findall(r"\\(.)", token.text[1:-1], re.DOTALL):
        if letter.lower() not in _ESCAPES:
            message = f"Invalid string literal {token.text}. Illegal character sequence '\\{letter}' in string literal."
            # The mark is before the quote: so it is where people quote it.
            raise QueryError("MALFORMED_QUERY", message, token.at - 1)
