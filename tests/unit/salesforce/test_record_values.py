"""Values of records are read as Salesforce writes them; anything else is none, and raises nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.net.shapes import Fields, WrongShape
from rotator.salesforce.record_values import is_id, moment, required_moment, time_in


def test_a_time_is_read_in_utc() -> None:
    assert time_in("2026-01-31T12:00:00.000+0000") == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert time_in("2026-01-31T12:00:00+02:00") == datetime(2026, 1, 31, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "2026-01-31T12:00:00", "soon", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_what_is_no_time_with_a_zone_is_none(text: str) -> None:
    assert time_in(text) is None


@given(st.text() | st.datetimes().flatmap(lambda at: st.sampled_from([f"{at.isoformat()}{z}" for z in ("", "+1400")])))
def test_any_text_is_a_time_in_utc_or_none(text: str) -> None:
    told = time_in(text)
    assert told is None or told.utcoffset() == timedelta(0)


@pytest.mark.parametrize("row", [{}, {"At": None}, {"At": ""}])
def test_a_field_without_a_time_has_none(row: dict[str, Any]) -> None:
    assert moment(Fields(row), "At") is None
    with pytest.raises(WrongShape):
        required_moment(Fields(row), "At")


@pytest.mark.parametrize("read", [moment, required_moment])
def test_a_field_with_something_else_is_refused(read: Any) -> None:
    with pytest.raises(WrongShape, match="At is no time"):
        read(Fields({"At": "soon"}), "At")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("005000000000001", True),
        ("005000000000001AAA", True),
        ("", False),
        ("005000000000001A", False),
        ("005000000000001\n", False),
        ("' OR Id != '", False),
        ("00500000000000é", False),
    ],
)
def test_an_id_has_15_or_18_letters_and_digits(text: str, *, is_one: bool) -> None:
    assert is_id(text) is is_one
