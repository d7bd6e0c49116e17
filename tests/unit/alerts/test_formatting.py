from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.alerts.formatting import cut, digest_title, due_of, one_line, title_of
from rotator.testing.messages import MOMENT, message, settled

ANYTHING = st.text(st.characters(exclude_categories=["Cs"]))


@given(ANYTHING, st.integers(1, 40))
def test_a_cut_text_fits_however_characters_are_counted_and_says_that_it_was_cut(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert len(short) <= limit
    assert len(short.encode("utf-16-le")) <= 2 * limit
    assert short == text or short.endswith("…")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Billing\r\nBcc: x", "Billing Bcc: x"),
        ("tab\there", "tab here"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("\u202egnilliB", "gnilliB"),
        ("half \ud83d", "half"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
    ],
)
def test_a_name_stays_on_its_line_and_in_its_direction(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_a_message_is_never_without_a_title() -> None:
    assert title_of(message(title="\n")) == "A message of rotator"


def test_what_has_expired_is_not_said_to_be_good_until_then() -> None:
    assert due_of(message()) == "until 2026-12-07"
    assert due_of(message(about={"not_after": MOMENT})) == "expired on 2026-11-23"


def test_a_digest_counts_what_is_still_open() -> None:
    assert digest_title([message(), settled()]) == "Certificates and logins: 2 messages, 1 warning"
