from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.plain_text import escaped, flat, json_text, lines, one_line, set_in, substituted

ANY_TEXT = st.text(st.characters(categories=["L", "N", "P", "S", "Z", "C"]))
"""Also halves of surrogate pairs, which JSON may hold."""

MAY_NOT_BE_SHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Billing\r\nBcc: x", "Billing Bcc: x"),
        ("tab\there, and\xa0more", "tab here, and more"),
        ("\x1b[31mred\x9b0m", "?[31mred?0m"),
        ("\u202egnilliB", "?gnilliB"),
        ("half \ud83d", "half ?"),
        ("Bill\u200bing\xad", "Bill?ing?"),
        ("👩‍👩‍👧 می‌خواهم Größe 価格", "👩‍👩‍👧 می‌خواهم Größe 価格"),
        ("  much \n\n room ", "much room"),
    ],
)
def test_a_name_stays_on_its_line_and_in_its_direction(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_a_line_is_cut_before_it_is_looked_at() -> None:
    assert one_line("ab" * 10**6, 5) == "ababa"


@given(ANY_TEXT)
def test_nothing_that_moves_or_turns_or_hides_is_left(text: str) -> None:
    for shown in (flat(text), one_line(text), escaped(text), lines(text), set_in(text), str(substituted(text))):
        assert not MAY_NOT_BE_SHOWN.search(shown)
        assert not any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in shown if letter != "\n")
    assert not any("\n" in shown for shown in (flat(text), one_line(text), escaped(text)))
    assert len(flat(text)) == len(text)


@given(ANY_TEXT)
def test_only_the_first_line_begins_at_the_margin(text: str) -> None:
    _, *others = set_in(text).split("\n")
    assert all(line.startswith("  ") or not line for line in others)
    assert set_in(set_in(text)) == set_in(text)


@given(st.dictionaries(ANY_TEXT, ANY_TEXT))
def test_json_is_ascii_without_controls_and_loses_nothing(value: dict[str, str]) -> None:
    text = json_text(value, indent=2)
    assert text.isascii()
    assert not MAY_NOT_BE_SHOWN.search(text)
    # A reader makes one letter of two halves that came apart.
    assert json.loads(text) == json.loads(json.dumps(value))
