"""What a consumer says is a line or none, whatever it is: what reads it meets no other error."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.usage.told_reports import line_of, parsed

FINGERPRINT: Final = "a" * 64
ZONES: Final = st.sampled_from(["", "Z", "+00:00", "+14:00", "-14:00", "+23:59:59.999999", "-23:59"])
ENDS: Final = st.sampled_from([datetime.min, datetime.max, datetime(2026, 11, 23, 12, 0), datetime(1, 1, 1, 15, 0)])  # noqa: DTZ001, DTZ901 - the zone is written behind


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_outside_of_all_that_there_are_is_none(time: str) -> None:
    """In its zone it is one; the same moment in UTC would be before the first, or after the last."""
    with pytest.raises(ValueError, match="time"):
        parsed("batch", f"{FINGERPRINT} {time}")


@given(st.one_of(st.text(max_size=210), st.builds("{} {}".format, st.just(FINGERPRINT), st.text(min_size=10))))
def test_any_text_is_a_line_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert parsed("batch", text).logged_in_at.utcoffset() == timedelta(0)


@given(ENDS, ZONES)
def test_any_time_in_any_zone_is_a_line_or_a_value_error(time: datetime, zone: str) -> None:
    with suppress(ValueError):
        assert parsed("batch", f"{FINGERPRINT} {time.isoformat()}{zone}").logged_in_at.utcoffset() == timedelta(0)


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read(at: datetime) -> None:
    told = parsed("batch", line_of(FINGERPRINT, at))
    assert (told.fingerprint, told.logged_in_at) == (FINGERPRINT, at.replace(microsecond=0))
