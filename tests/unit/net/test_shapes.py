"""What an answer holds is what was expected, or an error that says where it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.net.shapes import Fields, WrongShape, parsed
from tests.hostile.shapes import JSON

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize("text", JSON, ids=lambda text: repr(text[:40]))
def test_whatever_comes_is_parsed_or_refused(text: bytes) -> None:
    try:
        value = parsed(text)
    except WrongShape as error:
        assert len(str(error)) < 60  # noqa: PT017 - either is right
    else:
        # It can be written down.
        json.dumps(value, ensure_ascii=False).encode()


def test_a_mark_before_the_text_is_no_part_of_it() -> None:
    assert parsed(b"\xef\xbb\xbf{}") == {}


@given(anything)
def test_members_are_what_they_must_be_or_are_refused(value: Any) -> None:
    fields = Fields({"a": value})
    readings = (
        (fields.text, str),
        (fields.flag, bool),
        (fields.number, float),
        (fields.fields, Fields),
        (fields.objects, list),
        (fields.texts, list),
    )
    for read, kind in readings:
        try:
            found = read("a")
        except WrongShape:
            continue
        assert isinstance(found, kind)
        if isinstance(found, str):
            found.encode()


def test_an_error_says_where_and_quotes_nothing() -> None:
    fields = Fields.parsed(json.dumps({"data": {"key": ["secret"]}}))
    with pytest.raises(WrongShape, match=r"the answer\.data\.key is no text"):
        fields.fields("data").text("key")
    with pytest.raises(WrongShape, match=r"the answer\.gone is no text"):
        fields.text("gone", required=True)


def test_what_is_not_there_is_empty() -> None:
    fields = Fields({"null": None})
    for name in ("null", "gone"):
        assert (fields.text(name), fields.flag(name), fields.number(name), fields.texts(name)) == ("", False, 0.0, [])
        assert fields.fields(name).names() == []
    assert "null" in fields
    assert "gone" not in fields
