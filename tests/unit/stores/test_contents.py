"""What another program keeps is named by its form, whatever it is, and nothing of it is shown."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.stores.contents import contents_of
from rotator.testing.versions import spare_key

KEY = spare_key(0).pem().reveal()


@pytest.mark.parametrize(
    ("value", "has_key", "member"),
    [
        (KEY, True, ""),
        (KEY.replace("\n", "\\n"), True, ""),
        (base64.b64encode(KEY.encode()).decode(), True, ""),
        (json.dumps({"a": 1, "private_key": KEY}), True, "private_key"),
        (json.dumps({"key": base64.b64encode(KEY.encode()).decode()}), True, "key"),
        (json.dumps({"a": {"key": KEY}}), False, ""),
        (b"\x30\x82", True, ""),
        ("", False, ""),
        (b"", False, ""),
    ],
)
def test_a_key_is_found_where_adopt_can_read_it(value: str | bytes, has_key: bool, member: str) -> None:
    found = contents_of(value)
    assert (found.has_key, found.member) == (has_key, member)


@given(st.text() | st.binary() | st.dictionaries(st.text(), st.text()).map(json.dumps))
def test_anything_has_words_and_they_are_one_short_line(value: str | bytes) -> None:
    what = contents_of(value).what
    assert what.isprintable()
    assert 0 < len(what) < 300


@given(st.dictionaries(st.sampled_from(["user", "password", "key"]), st.text("0123456789", min_size=12), min_size=1))
def test_of_the_members_of_a_secret_the_names_are_told_and_no_value(members: dict[str, str]) -> None:
    what = contents_of(json.dumps(members)).what
    assert all(name in what for name in members)
    assert not any(value in what for value in members.values())
