"""Dates, and queries inside queries, give what SQLite gives for the same rows."""

# ruff: noqa: S608 - the queries are made here

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.simulator.rest.sobjects import ID, Child, SObject, numbers, reference, times
from rotator.simulator.rest.soql.dates import days
from rotator.simulator.rest.soql.tree import DateLiteral, QueryError
from tests.tiers import longer, of_tier
from tests.unit.simulator.helpers import START
from tests.unit.simulator.rest.soql.sqlite import Rows, in_sqlite, numbered, simulated

pytestmark = longer

TIMES = st.none() | st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31)).map(lambda t: t.replace(tzinfo=UTC))  # noqa: DTZ001 - it becomes aware
THINGS = st.lists(st.fixed_dictionaries({"Made": TIMES, "Size": st.integers(0, 3)}), max_size=8)
PARTS = st.lists(st.fixed_dictionaries({"Thing": st.integers(0, 9), "Size": st.integers(0, 3)}), max_size=12)


def objects(things: Rows, parts: Rows = []) -> tuple[SObject, SObject]:  # noqa: B006 - never changed
    children = (Child("Parts", "Part", "ThingId"),)
    thing = SObject("Thing", "a00", (ID, *times("Made"), *numbers("Size")), lambda *_: things, children=children)
    part = SObject("Part", "a01", (ID, reference("ThingId", "Thing"), *numbers("Size")), lambda *_: parts)
    return thing, part


def for_sqlite(things: Rows) -> Rows:
    return [{**each, "Made": each["Made"] and f"{each['Made']:%Y-%m-%d %H:%M:%S}"} for each in things]


IN_SQL = {
    "CALENDAR_MONTH": "CAST(strftime('%m', Made) AS INTEGER)",
    "CALENDAR_QUARTER": "(CAST(strftime('%m', Made) AS INTEGER) + 2) / 3",
    "CALENDAR_YEAR": "CAST(strftime('%Y', Made) AS INTEGER)",
    "DAY_IN_MONTH": "CAST(strftime('%d', Made) AS INTEGER)",
    "DAY_IN_WEEK": "CAST(strftime('%w', Made) AS INTEGER) + 1",
    "DAY_IN_YEAR": "CAST(strftime('%j', Made) AS INTEGER)",
    "DAY_ONLY": "date(Made)",
    "HOUR_IN_DAY": "CAST(strftime('%H', Made) AS INTEGER)",
    "WEEK_IN_MONTH": "(CAST(strftime('%d', Made) AS INTEGER) + 6) / 7",
    "WEEK_IN_YEAR": "(CAST(strftime('%j', Made) AS INTEGER) + 6) / 7",
}


@settings(max_examples=of_tier(20, thorough=60), deadline=None)
@given(THINGS, st.sampled_from(sorted(IN_SQL)), st.integers(0, 60))
def test_parts_of_dates_are_compared_and_grouped_by(given_things: Rows, function: str, least: int) -> None:
    things = numbered(given_things)
    value = f"2026-{1 + least % 12:02d}-15" if function == "DAY_ONLY" else str(least)
    soql = f"SELECT {function}(Made) part, COUNT(Id) n FROM Thing WHERE {function}(Made) >= {value} "
    soql += f"GROUP BY {function}(Made) HAVING COUNT(Id) > 0 ORDER BY {function}(Made)"
    quoted = f"'{value}'" if function == "DAY_ONLY" else value
    sql = f"SELECT {IN_SQL[function]} part, COUNT(Id) FROM Thing WHERE part >= {quoted} GROUP BY part ORDER BY part"
    found = [(row["part"], row["n"]) for row in simulated(soql, *objects(things))["records"]]
    assert found == in_sqlite(sql, Thing=for_sqlite(things))


TODAY = f"'{START:%Y-%m-%d}'"
SUNDAY = f"{TODAY}, 'weekday 0', '-7 days'"
"""The Sunday before today, which is none."""
QUARTER = "'2026-10-01'"
SPANS = {
    "TODAY": (TODAY, f"{TODAY}, '+1 day'"),
    "YESTERDAY": (f"{TODAY}, '-1 day'", TODAY),
    "TOMORROW": (f"{TODAY}, '+1 day'", f"{TODAY}, '+2 days'"),
    "THIS_WEEK": (SUNDAY, f"{SUNDAY}, '+7 days'"),
    "LAST_WEEK": (f"{SUNDAY}, '-7 days'", SUNDAY),
    "NEXT_WEEK": (f"{SUNDAY}, '+7 days'", f"{SUNDAY}, '+14 days'"),
    "THIS_MONTH": (f"{TODAY}, 'start of month'", f"{TODAY}, 'start of month', '+1 month'"),
    "LAST_MONTH": (f"{TODAY}, 'start of month', '-1 month'", f"{TODAY}, 'start of month'"),
    "NEXT_MONTH": (f"{TODAY}, 'start of month', '+1 month'", f"{TODAY}, 'start of month', '+2 months'"),
    "THIS_QUARTER": (QUARTER, f"{QUARTER}, '+3 months'"),
    "LAST_QUARTER": (f"{QUARTER}, '-3 months'", QUARTER),
    "NEXT_QUARTER": (f"{QUARTER}, '+3 months'", f"{QUARTER}, '+6 months'"),
    "THIS_YEAR": (f"{TODAY}, 'start of year'", f"{TODAY}, 'start of year', '+1 year'"),
    "LAST_YEAR": (f"{TODAY}, 'start of year', '-1 year'", f"{TODAY}, 'start of year'"),
    "NEXT_YEAR": (f"{TODAY}, 'start of year', '+1 year'", f"{TODAY}, 'start of year', '+2 years'"),
    "LAST_90_DAYS": (f"{TODAY}, '-90 days'", f"{TODAY}, '+1 day'"),
    "NEXT_90_DAYS": (f"{TODAY}, '+1 day'", f"{TODAY}, '+91 days'"),
    "LAST_N_DAYS:5": (f"{TODAY}, '-5 days'", f"{TODAY}, '+1 day'"),
    "NEXT_N_DAYS:5": (f"{TODAY}, '+1 day'", f"{TODAY}, '+6 days'"),
    "N_DAYS_AGO:5": (f"{TODAY}, '-5 days'", f"{TODAY}, '-4 days'"),
    "LAST_N_WEEKS:2": (f"{SUNDAY}, '-14 days'", SUNDAY),
    "NEXT_N_WEEKS:2": (f"{SUNDAY}, '+7 days'", f"{SUNDAY}, '+21 days'"),
    "N_WEEKS_AGO:2": (f"{SUNDAY}, '-14 days'", f"{SUNDAY}, '-7 days'"),
    "LAST_N_MONTHS:14": (f"{TODAY}, 'start of month', '-14 months'", f"{TODAY}, 'start of month'"),
    "NEXT_N_MONTHS:3": (f"{TODAY}, 'start of month', '+1 month'", f"{TODAY}, 'start of month', '+4 months'"),
    "LAST_N_QUARTERS:5": (f"{QUARTER}, '-15 months'", QUARTER),
    "N_QUARTERS_AGO:1": (f"{QUARTER}, '-3 months'", QUARTER),
    "NEXT_N_YEARS:2": (f"{TODAY}, 'start of year', '+1 year'", f"{TODAY}, 'start of year', '+3 years'"),
}


@settings(max_examples=of_tier(33, thorough=100), deadline=None)
@given(THINGS, st.sampled_from(sorted(SPANS)), st.sampled_from(["=", "!=", "<", "<=", ">", ">="]))
def test_literals_are_ranges_of_days(given_things: Rows, literal: str, sign: str) -> None:
    things = numbered(given_things)
    start, end = (f"date({each})" for each in SPANS[literal])
    day = "date(Made)"
    condition = {
        "=": f"COALESCE({day} >= {start} AND {day} < {end}, 0)",
        "!=": f"NOT COALESCE({day} >= {start} AND {day} < {end}, 0)",
        "<": f"{day} < {start}",
        "<=": f"{day} < {end}",
        ">": f"{day} >= {end}",
        ">=": f"{day} >= {start}",
    }[sign]
    found = simulated(f"SELECT Id FROM Thing WHERE Made {sign} {literal} ORDER BY Id", *objects(things))["records"]
    sql = f"SELECT Id FROM Thing WHERE {condition} ORDER BY Id"
    assert [(row["Id"],) for row in found] == in_sqlite(sql, Thing=for_sqlite(things))


@pytest.mark.parametrize("name", ["LAST_N_DAYS", "NEXT_N_YEARS", "N_WEEKS_AGO", "LAST_N_MONTHS"])
def test_a_literal_beyond_the_calendar_is_refused(name: str) -> None:
    with pytest.raises(QueryError, match="too far away"):
        days(DateLiteral(name, 10**7), START.date() + timedelta(days=1))


@settings(max_examples=of_tier(20, thorough=60), deadline=None)
@given(THINGS, PARTS, st.booleans(), st.integers(0, 3))
def test_rows_are_chosen_by_a_query(given_things: Rows, given_parts: Rows, is_negated: bool, size: int) -> None:
    things, parts = numbered(given_things), with_things(given_parts)
    negated = "NOT " * is_negated
    query = f"SELECT Id FROM Thing WHERE Id {negated}IN (SELECT ThingId FROM Part WHERE Size >= {size}) ORDER BY Id"
    found = [(row["Id"],) for row in simulated(query, *objects(things, parts))["records"]]
    assert found == in_sqlite(query, Thing=for_sqlite(things), Part=parts)


@settings(max_examples=of_tier(20, thorough=60), deadline=None)
@given(THINGS, PARTS, st.integers(0, 3), st.none() | st.integers(0, 2))
def test_each_row_comes_with_the_rows_that_lead_to_it(
    given_things: Rows, given_parts: Rows, size: int, limit: int | None
) -> None:
    things, parts = numbered(given_things), with_things(given_parts)
    window = "" if limit is None else f" LIMIT {limit}"
    inner = f"WHERE p.Size >= {size} ORDER BY p.Size DESC, p.Id{window}"
    soql = f"SELECT t.Id, (SELECT p.Id, Thing.Size FROM Parts p {inner}) FROM Thing t WHERE t.Size < 3 ORDER BY t.Id"
    for row in simulated(soql, *objects(things, parts))["records"]:
        within = f"SELECT p.Id FROM Part p WHERE p.ThingId = '{row['Id']}' AND {inner.removeprefix('WHERE ')}"
        expected = in_sqlite(within, Part=parts)
        told: Any = row["Parts"] or {"totalSize": 0, "records": []}
        assert [(each["Id"],) for each in told["records"]] == expected
        assert (told["totalSize"], row["Parts"] is None) == (len(expected), not expected)
        for each in told["records"]:
            assert each["Thing"]["Size"] == next(thing["Size"] for thing in things if thing["Id"] == row["Id"])
            assert each["attributes"]["url"] == f"/services/data/v67.0/sobjects/Part/{each['Id']}"


def with_things(parts: Rows) -> Rows:
    """The parts, each of a thing that may not be there."""
    return numbered([{"ThingId": f"a00{each['Thing']:012d}AAA", "Size": each["Size"]} for each in parts], prefix="a01")
