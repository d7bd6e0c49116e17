"""Queries give the rows that SQLite gives for the same rows, whatever is asked."""

# ruff: noqa: S608 - the queries are made here

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.simulator.rest.sobjects import ID, SField, SObject, booleans, numbers
from rotator.simulator.rest.soql.grammar import parse
from rotator.simulator.rest.soql.tree import QueryError
from tests.tiers import longer, of_tier
from tests.unit.simulator.rest.soql.sqlite import Both, Rows, in_sqlite, numbered, simulated

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = ("Alpha", "alpha", "beta", "Be%a", "x'y", None)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"Name": st.sampled_from(NAMES), "Size": st.one_of(st.none(), st.integers(-3, 3)), "Flag": st.booleans()}
    ),
    max_size=12,
)


def literal(value: Any, quote: str) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    return "'" + value.replace("'", quote) + "'" if isinstance(value, str) else str(value)


def compared(field: str, sign: str, value: Any) -> Both:
    collate = " COLLATE NOCASE" if field == "Name" else ""
    plain = {"=": "IS", "!=": "IS NOT"}.get(sign, sign)
    sql = f"COALESCE({field}{collate} {plain} {literal(value, chr(39) * 2)}, 0)"
    return Both(f"{field} {sign} {literal(value, chr(92) + chr(39))}", sql)


def contained(values: Sequence[Any], *, negated: bool) -> Both:
    soql = ", ".join(literal(value, "\\'") for value in values)
    sql = " OR ".join(f"Name COLLATE NOCASE IS {literal(value, chr(39) * 2)}" for value in values)
    return Both(f"Name {'NOT ' * negated}IN ({soql})", f"{'NOT ' * negated}({sql})")


def like(pattern: str) -> Both:
    return Both(f"Name LIKE '{pattern}'", f"COALESCE(Name LIKE '{pattern}' ESCAPE '\\', 0)")


SIMPLE = st.one_of(
    st.builds(compared, st.just("Name"), st.sampled_from(["=", "!=", "<", ">="]), st.sampled_from(NAMES)),
    st.builds(compared, st.just("Size"), st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), st.integers(-4, 4)),
    st.builds(compared, st.just("Size"), st.sampled_from(["=", "!="]), st.none()),
    st.builds(compared, st.just("Flag"), st.sampled_from(["=", "!="]), st.booleans()),
    st.builds(contained, st.lists(st.sampled_from(NAMES), min_size=1, max_size=3), negated=st.booleans()),
    st.builds(like, st.sampled_from(["a%", "%A", "be_a", "be\\%a", "%", "_", "%e%"])),
)


def joined(parts: Sequence[Both], word: str) -> Both:
    return Both(
        f" {word} ".join(f"({part.soql})" for part in parts), f" {word} ".join(f"({part.sql})" for part in parts)
    )


CONDITIONS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds(joined, st.lists(inner, min_size=2, max_size=3), st.sampled_from(["AND", "OR"])),
        inner.map(lambda part: Both(f"NOT ({part.soql})", f"NOT ({part.sql})")),
    ),
    max_leaves=6,
)
ORDERS = st.tuples(
    st.sampled_from(["Name", "Size", "Flag"]),
    st.sampled_from(["", " ASC", " DESC"]),
    st.sampled_from(["", " NULLS LAST"]),
)


def thing(rows: Rows) -> SObject:
    fields = (ID, SField("Name"), *numbers("Size"), *booleans("Flag"))
    return SObject("Thing", "a00", fields, lambda _org, _user: rows)


@longer
@settings(max_examples=of_tier(40, thorough=200), deadline=None)
@given(ROWS, st.none() | CONDITIONS, ORDERS, st.none() | st.integers(0, 5), st.integers(0, 3))
def test_conditions_order_limit_and_offset(
    given_rows: list[dict[str, Any]], where: Both | None, order: tuple[str, str, str], limit: int | None, offset: int
) -> None:
    rows = numbered(given_rows)
    field, direction, nulls = order
    window = f" LIMIT {limit if limit is not None else 1000} OFFSET {offset}"
    soql = (
        f"SELECT Id FROM Thing{f' WHERE {where.soql}' if where else ''} ORDER BY {field}{direction}{nulls}, Id{window}"
    )
    collate = " COLLATE NOCASE" if field == "Name" else ""
    sql = f"SELECT Id FROM Thing{f' WHERE {where.sql}' if where else ''}"
    sql += f" ORDER BY {field}{collate}{direction}{nulls or ' NULLS FIRST'}, Id{window}"
    found = simulated(soql, thing(rows))
    assert [row["Id"] for row in found["records"]] == [row[0] for row in in_sqlite(sql, Thing=rows)]


@longer
@settings(max_examples=of_tier(33, thorough=100), deadline=None)
@given(ROWS, st.none() | CONDITIONS)
def test_groups_and_functions(given_rows: list[dict[str, Any]], where: Both | None) -> None:
    rows = numbered(given_rows)
    wanted = (
        "COUNT(Id) n, COUNT(Size) sizes, COUNT_DISTINCT(Size) kinds, MIN(Size) low, MAX(Size) high, SUM(Size) total"
    )
    soql = f"SELECT Flag, {wanted} FROM Thing{f' WHERE {where.soql}' if where else ''} GROUP BY Flag ORDER BY Flag"
    in_sql = wanted.replace("COUNT_DISTINCT(Size)", "COUNT(DISTINCT Size)")
    sql = f"SELECT Flag, {in_sql} FROM Thing{f' WHERE {where.sql}' if where else ''} GROUP BY Flag ORDER BY Flag"
    names = ("Flag", "n", "sizes", "kinds", "low", "high", "total")
    found = [tuple(row[name] for name in names) for row in simulated(soql, thing(rows))["records"]]
    assert found == in_sqlite(sql, Thing=rows)


def of_group(function: str, sign: str, value: int) -> Both:
    in_sql = function.replace("COUNT_DISTINCT(Size)", "COUNT(DISTINCT Size)")
    return Both(f"{function} {sign} {value}", f"COALESCE({in_sql} {sign} {value}, 0)")


FUNCTIONS = ("COUNT(Id)", "COUNT(Size)", "COUNT_DISTINCT(Size)", "MIN(Size)", "MAX(Size)", "SUM(Size)")
OF_GROUPS = st.recursive(
    st.builds(of_group, st.sampled_from(FUNCTIONS), st.sampled_from(["<", "<=", ">", ">="]), st.integers(-3, 4)),
    lambda inner: st.one_of(
        st.builds(joined, st.lists(inner, min_size=2, max_size=2), st.sampled_from(["AND", "OR"])),
        inner.map(lambda part: Both(f"NOT ({part.soql})", f"NOT ({part.sql})")),
    ),
    max_leaves=3,
)


@longer
@settings(max_examples=of_tier(33, thorough=100), deadline=None)
@given(ROWS, st.none() | CONDITIONS, OF_GROUPS)
def test_groups_that_have_something(given_rows: list[dict[str, Any]], where: Both | None, having: Both) -> None:
    rows = numbered(given_rows)
    parts = "SELECT Flag, Size, COUNT(Id) n FROM Thing{} GROUP BY Flag, Size HAVING {} ORDER BY Flag, Size"
    soql = parts.format(f" WHERE {where.soql}" if where else "", f"({having.soql}) OR Flag = true")
    sql = parts.format(f" WHERE {where.sql}" if where else "", f"({having.sql}) OR Flag = true")
    found = [(row["Flag"], row["Size"], row["n"]) for row in simulated(soql, thing(rows))["records"]]
    assert found == in_sqlite(sql, Thing=rows)


WORDS = (
    "SELECT",
    "Id",
    "FROM",
    "User",
    "WHERE",
    "(",
    ")",
    ",",
    "=",
    "'a'",
    "1",
    "LIKE",
    "IN",
    "NOT",
    "GROUP",
    "BY",
    "HAVING",
    "COUNT",
)


@longer
@settings(max_examples=of_tier(50, thorough=300), deadline=None)
@given(st.text(max_size=40) | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_whatever_is_sent_is_a_query_or_an_error(text: str) -> None:
    code = ""
    try:
        parse(text)
    except QueryError as error:
        code = error.code
    assert code in {"", "MALFORMED_QUERY", "SIMULATOR_UNSUPPORTED"}
