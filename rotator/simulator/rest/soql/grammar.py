"""The grammar of SOQL: tokens become a tree, by recursive descent.

Clauses that Salesforce has and the simulated org has not are recognised, so that they are refused as what they are.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from rotator.simulator.rest.soql.dates import FUNCTIONS, is_counted, is_fiscal, is_literal
from rotator.simulator.rest.soql.scanner import refuse_other_escapes, scan, unescaped
from rotator.simulator.rest.soql.tree import (
    AGGREGATES,
    Aggregate,
    ChildQuery,
    Comparison,
    Condition,
    DateFunction,
    DateLiteral,
    Item,
    Junction,
    Negation,
    Operand,
    Order,
    Path,
    Query,
    QueryError,
    Value,
    unsupported,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotator.simulator.rest.soql.scanner import Token

_T = TypeVar("_T")
_CLAUSES: Final = frozenset({"WHERE", "GROUP", "ORDER", "LIMIT", "OFFSET"})
_OTHER_CLAUSES: Final = frozenset({"USING", "WITH", "FOR", "UPDATE", "ALL", "HAVING", "TYPEOF"})

_DEEPEST: Final = 50
"""How many brackets, negations and queries may stand inside each other; each takes calls of Python's of its own."""


def parse(text: str) -> Query:
    """The tree of a query. Raises QueryError when it is none, or has a part that is not simulated."""
    parser = _Parser(scan(text))
    query = parser.query()
    parser.end()
    return query


class _Parser:
    """Reads tokens from left to right; each method reads one rule of the grammar."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens: Final = tokens
        self._at = 0
        self._depth = 0

    def query(self) -> Query:
        with self._deeper():
            return self._query()

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        if self._depth == _DEEPEST:
            raise unsupported(f"A query of more than {_DEEPEST} levels")
        self._depth += 1
        yield
        self._depth -= 1

    def _query(self) -> Query:
        self._expect("SELECT")
        items = self._list(self._item)
        self._expect("FROM")
        at, name = self._here, self._name()
        alias = self._object_alias()
        where = self._condition() if self._take("WHERE") else None
        group_by = self._group_by()
        having = self._condition() if group_by and self._take("HAVING") else None
        order_by = self._list(self._order) if self._take_both("ORDER", "BY") else ()
        limit = self._number() if self._take("LIMIT") else None
        offset = self._number() if self._take("OFFSET") else 0
        return Query(items, name, alias, where, group_by, having, order_by, limit, offset, at)

    def _object_alias(self) -> str:
        alias = ""
        if self._peek_word() and self._peek_word() not in _CLAUSES | _OTHER_CLAUSES:
            alias = self._name()
        if self._peek(","):
            raise unsupported("More than one object in the FROM of a query")
        return alias

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise self._unexpected()

    def _item(self) -> Item | ChildQuery:
        if self._take("("):
            inner = self.query()
            self._expect(")")
            return ChildQuery(inner)
        at, operand = self._here, self._operand()
        return Item(operand, self._alias(), at)

    def _operand(self) -> Operand:
        path = self._path()
        if not self._peek("("):
            return path
        function = path[0].upper()
        if len(path) > 1 or function not in AGGREGATES | FUNCTIONS.keys():
            raise unsupported(f"The function {path[0]}() in SOQL")
        self._expect("(")
        inner = () if self._peek(")") else self._path()
        if self._peek("("):
            raise unsupported(f"A function inside {path[0]}()")
        self._expect(")")
        if not inner and function != "COUNT":
            raise self._unexpected()
        return DateFunction(function, inner) if function in FUNCTIONS else Aggregate(function, inner)

    def _alias(self) -> str:
        word = self._peek_word()
        return self._name() if word and word not in {"FROM", "ASC", "DESC", "NULLS", "LIMIT", "OFFSET"} else ""

    def _group_by(self) -> tuple[Operand, ...]:
        if not self._take_both("GROUP", "BY"):
            return ()
        if self._peek_word() in {"ROLLUP", "CUBE"}:
            raise unsupported(f"GROUP BY {self._peek_word()}")
        return self._list(self._operand)

    def _order(self) -> Order:
        by = self._operand()
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
            with self._deeper():
                return Negation(self._part())
        if self._take("("):
            with self._deeper():
                inner = self._condition()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        at, operand = self._here, self._operand()
        if self._take("LIKE"):
            return Comparison(operand, "LIKE", self._raw_text(), at)
        if self._take("NOT"):
            self._expect("IN")
            return Negation(Comparison(operand, "IN", self._values(), at))
        if self._take("IN"):
            return Comparison(operand, "IN", self._values(), at)
        if self._peek_word() in {"INCLUDES", "EXCLUDES"}:
            raise unsupported(f"{self._peek_word()} in a condition")
        for sign in ("<=", ">=", "!=", "<>", "=", "<", ">"):
            if self._take(sign):
                return Comparison(operand, "!=" if sign == "<>" else sign, self._value(), at)
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
                refuse_other_escapes(token)
                return unescaped(token.text[1:-1])
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
        text = self._of_kind("text")
        refuse_other_escapes(self._tokens[self._at - 1])
        return text[1:-1]

    def _word_value(self, word: str) -> Value | DateLiteral:
        if word in {"TRUE", "FALSE"}:
            return word == "TRUE"
        if word == "NULL":
            return None
        if is_literal(word):
            return DateLiteral(word)
        if is_counted(word):
            self._expect(":")
            return DateLiteral(word, self._number())
        if is_fiscal(word):
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

    @property
    def _here(self) -> int:
        return self._tokens[self._at].at if self._at < len(self._tokens) else 0

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

    def _next(self) -> Token:
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
