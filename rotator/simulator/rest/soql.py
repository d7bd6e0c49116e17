"""The grammar of SOQL (SOQL and SOSL Reference): a query's text becomes a tree, by recursive descent.

Clauses that Salesforce has and the simulated org has not are recognised, so that they are refused as what they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from rotator.simulator.wire.unsupported import CODE, sentence

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
Value = str | int | float | bool | datetime | date | None
Path = tuple[str, ...]
"""A field, after the names of the relationships that lead to its object."""


class QueryError(Exception):
    """A query that the org refuses."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class DateLiteral:
    """A range of days relative to now, such as LAST_N_DAYS:7."""

    name: str
    days: int = 0


@dataclass(frozen=True)
class FieldItem:
    """One field that a query wants."""

    path: Path
    alias: str = ""


@dataclass(frozen=True)
class Aggregate:
    """One function over rows; without a path it is COUNT() of all."""

    function: str
    path: Path = ()
    alias: str = ""


@dataclass(frozen=True)
class Comparison:
    """One condition; `operator` is one of = != < <= > >= LIKE IN."""

    path: Path
    operator: str
    value: Value | DateLiteral | tuple[Value, ...] | Query


@dataclass(frozen=True)
class Junction:
    """Conditions joined by AND or by OR."""

    operator: str
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Negation:
    """What must not hold."""

    part: Condition


Condition = Comparison | Junction | Negation


@dataclass(frozen=True)
class Order:
    """One key of the order. Rows without a value come first unless the query says otherwise."""

    by: Path | Aggregate
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True)
class Query:
    """A whole query."""

    items: tuple[FieldItem | Aggregate, ...]
    object: str
    where: Condition | None = None
    group_by: tuple[Path, ...] = ()
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


AGGREGATES: Final = frozenset({"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"})
DATE_LITERALS: Final = frozenset(
    {"TODAY", "YESTERDAY", "TOMORROW", "THIS_MONTH", "LAST_MONTH", "THIS_YEAR", "LAST_YEAR"}
)
COUNTED_DATE_LITERALS: Final = frozenset({"LAST_N_DAYS", "NEXT_N_DAYS"})
_OTHER_LITERAL: Final = re.compile(
    r"(LAST|NEXT|THIS)_(N_)?(90_DAYS|DAYS|WEEKS?|MONTHS?|QUARTERS?|YEARS?|FISCAL_\w+)|N_\w+_AGO"
)
_OTHER_CLAUSES: Final = frozenset({"USING", "WITH", "FOR", "UPDATE", "ALL", "HAVING", "TYPEOF"})
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')"
    r"|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))|(?P<date>\d{4}-\d\d-\d\d)"
    r"|(?P<number>[+-]?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_]\w*)|(?P<sign><=|>=|!=|<>|[=<>(),.:]))",
    re.DOTALL,
)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


def parse(text: str) -> Query:
    """The tree of a query. Raises QueryError when it is none, or has a part that is not simulated."""
    parser = _Parser(_tokens(text))
    query = parser.query()
    parser.end()
    return query


def unsupported(what: str) -> QueryError:
    """The refusal of a part of SOQL that is not simulated."""
    return QueryError(CODE, sentence(what))


def _tokens(text: str) -> list[_Token]:
    tokens, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise QueryError("MALFORMED_QUERY", f"unexpected token: '{text[position:].split(maxsplit=1)[0]}'")
        kind = match.lastgroup or ""
        tokens.append(_Token(kind, match[kind]))
        position = match.end()
    return tokens


class _Parser:
    """Reads tokens from left to right; each method reads one rule of the grammar."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens: Final = tokens
        self._at = 0

    def query(self) -> Query:
        self._expect("SELECT")
        items = self._list(self._item)
        self._expect("FROM")
        name = self._name()
        if self._peek_word() and self._peek_word() not in {
            "WHERE",
            "GROUP",
            "ORDER",
            "LIMIT",
            "OFFSET",
            *_OTHER_CLAUSES,
        }:
            raise unsupported("An alias of an object in SOQL")
        where = self._condition() if self._take("WHERE") else None
        group_by = self._group_by()
        order_by = self._list(self._order) if self._take_both("ORDER", "BY") else ()
        limit = self._number() if self._take("LIMIT") else None
        offset = self._number() if self._take("OFFSET") else 0
        return Query(items, name, where, group_by, order_by, limit, offset)

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise self._unexpected()

    def _item(self) -> FieldItem | Aggregate:
        if self._peek("("):
            raise unsupported("A query inside the SELECT of a query")
        path = self._path()
        if self._peek("("):
            return self._aggregate(path)
        return FieldItem(path, self._alias())

    def _aggregate(self, path: Path) -> Aggregate:
        function = path[0].upper()
        if len(path) > 1 or function not in AGGREGATES:
            raise unsupported(f"The function {path[0]}() in SOQL")
        self._expect("(")
        inner = () if self._peek(")") else self._path()
        self._expect(")")
        if not inner and function != "COUNT":
            raise self._unexpected()
        return Aggregate(function, inner, self._alias())

    def _alias(self) -> str:
        word = self._peek_word()
        return self._name() if word and word not in {"FROM", "ASC", "DESC", "NULLS", "LIMIT", "OFFSET"} else ""

    def _group_by(self) -> tuple[Path, ...]:
        if not self._take_both("GROUP", "BY"):
            return ()
        if self._peek_word() in {"ROLLUP", "CUBE"}:
            raise unsupported(f"GROUP BY {self._peek_word()}")
        paths = self._list(self._path)
        if self._peek("("):
            raise unsupported("A function in GROUP BY")
        return paths

    def _order(self) -> Order:
        path = self._path()
        by: Path | Aggregate = self._aggregate(path) if self._peek("(") else path
        descending = self._take("DESC")
        if not descending:
            self._take("ASC")
        nulls_last = False
        if self._take("NULLS"):
            nulls_last = self._take("LAST")
            if not nulls_last:
                self._expect("FIRST")
        return Order(by, descending, nulls_last)

    def _condition(self) -> Condition:
        """AND and OR may not stand beside each other without brackets (SOQL and SOSL Reference)."""
        parts = [self._part()]
        operator = self._peek_word() if self._peek_word() in {"AND", "OR"} else ""
        while operator and self._take(operator):
            parts.append(self._part())
        if self._peek_word() in {"AND", "OR"}:
            raise self._unexpected()
        return Junction(operator, tuple(parts)) if len(parts) > 1 else parts[0]

    def _part(self) -> Condition:
        if self._take("NOT"):
            return Negation(self._part())
        if self._take("("):
            inner = self._condition()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        path = self._path()
        if self._peek("("):
            raise unsupported(f"The function {path[0]}() in a condition")
        if self._take("LIKE"):
            return Comparison(path, "LIKE", self._raw_text())
        if self._take("NOT"):
            self._expect("IN")
            return Negation(Comparison(path, "IN", self._values()))
        if self._take("IN"):
            return Comparison(path, "IN", self._values())
        if self._peek_word() in {"INCLUDES", "EXCLUDES"}:
            raise unsupported(f"{self._peek_word()} in a condition")
        for sign in ("<=", ">=", "!=", "<>", "=", "<", ">"):
            if self._take(sign):
                return Comparison(path, "!=" if sign == "<>" else sign, self._value())
        raise self._unexpected()

    def _values(self) -> tuple[Value, ...] | Query:
        self._expect("(")
        if self._peek_word() == "SELECT":
            inner = self.query()
            self._expect(")")
            return inner
        values = self._list(self._value)
        self._expect(")")
        return tuple(value for value in values if not isinstance(value, DateLiteral))

    def _value(self) -> Value | DateLiteral:
        token = self._next()
        match token.kind:
            case "text":
                return _unescaped(token.text[1:-1])
            case "number":
                return float(token.text) if "." in token.text else int(token.text)
            case "time":
                return _parsed(datetime.fromisoformat, token.text).astimezone(UTC)
            case "date":
                return _parsed(date.fromisoformat, token.text)
            case "word":
                return self._word_value(token.text.upper())
        self._at -= 1
        raise self._unexpected()

    def _raw_text(self) -> str:
        """A pattern, in which an escaped sign is no wildcard: as it was written."""
        return self._of_kind("text")[1:-1]

    def _word_value(self, word: str) -> Value | DateLiteral:
        if word in {"TRUE", "FALSE"}:
            return word == "TRUE"
        if word == "NULL":
            return None
        if word in DATE_LITERALS:
            return DateLiteral(word)
        if word in COUNTED_DATE_LITERALS:
            self._expect(":")
            return DateLiteral(word, self._number())
        if _OTHER_LITERAL.fullmatch(word):
            raise unsupported(f"The date literal {word}")
        self._at -= 1
        raise self._unexpected()

    def _path(self) -> Path:
        names = [self._name()]
        while self._take("."):
            names.append(self._name())
        return tuple(names)

    def _name(self) -> str:
        if self._peek_word() == "TYPEOF":
            raise unsupported("TYPEOF in SOQL")
        return self._of_kind("word")

    def _number(self) -> int:
        text = self._of_kind("number")
        if not text.isdecimal():
            self._at -= 1
            raise self._unexpected()
        return int(text)

    def _of_kind(self, kind: str) -> str:
        token = self._next()
        if token.kind != kind:
            self._at -= 1
            raise self._unexpected()
        return token.text

    def _list(self, rule: Callable[[], _T]) -> tuple[_T, ...]:
        parts = [rule()]
        while self._take(","):
            parts.append(rule())
        return tuple(parts)

    def _peek(self, text: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at].text == text

    def _peek_word(self) -> str:
        if self._at < len(self._tokens) and self._tokens[self._at].kind == "word":
            return self._tokens[self._at].text.upper()
        return ""

    def _take(self, text: str) -> bool:
        if self._peek(text) or (text.isalpha() and self._peek_word() == text):
            self._at += 1
            return True
        return False

    def _take_both(self, first: str, second: str) -> bool:
        if not self._take(first):
            return False
        self._expect(second)
        return True

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._unexpected()

    def _next(self) -> _Token:
        if self._at >= len(self._tokens):
            raise self._unexpected()
        self._at += 1
        return self._tokens[self._at - 1]

    def _unexpected(self) -> QueryError:
        if self._at >= len(self._tokens):
            return QueryError("MALFORMED_QUERY", "unexpected token: '<EOF>'")
        text = self._tokens[self._at].text
        if self._at > 0 and text.upper() in _OTHER_CLAUSES:
            return unsupported(f"{text.upper()} in SOQL")
        return QueryError("MALFORMED_QUERY", f"unexpected token: '{text}'")


def _parsed(parse_text: Callable[[str], _T], text: str) -> _T:
    try:
        return parse_text(text)
    except ValueError:
        raise QueryError("MALFORMED_QUERY", f"unexpected token: '{text}'") from None


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: escaped(match[1]), text, flags=re.DOTALL)


def escaped(letter: str) -> str:
    """What a letter after a backslash stands for."""
    return _ESCAPES.get(letter, letter)
