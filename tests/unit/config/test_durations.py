from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.config.durations import parse_duration
from rotator.core import words
from tests.tiers import longer


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("1w", timedelta(days=7)),
        ("2d12h", timedelta(days=2, hours=12)),
        ("1w1d1h1m1s", timedelta(days=8, hours=1, minutes=1, seconds=1)),
        ("0s", timedelta(0)),
        (" 5m ", timedelta(minutes=5)),
    ],
)
def test_a_duration_is_what_people_write(text: str, meant: timedelta) -> None:
    assert parse_duration(text) == meant


@pytest.mark.parametrize("text", ["", "30", "d", "30 d", "-1d", "1.5h", "1h2d", "1d1d", "30days", "P30D", "٣d"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 30d"):
        parse_duration(text)


def test_more_than_a_hundred_years_is_refused() -> None:
    with pytest.raises(ValueError, match="36500d"):
        parse_duration("999999999w")


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=36500 * 86400))
def test_what_is_formatted_reads_back(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_duration(words.exact(duration)) == duration


@longer
@settings(deadline=None)
@given(st.text(max_size=30) | st.from_regex(r"[0-9]{0,12}[wdhms][0-9]{0,12}[wdhms]", fullmatch=True))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        assert timedelta(0) <= parse_duration(text) <= timedelta(days=36500)
    except ValueError as error:
        assert str(error).startswith("must be")  # noqa: PT017 - either end is right
