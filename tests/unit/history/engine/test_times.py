from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Dialect, make_url

from rotator.errors import HistoryError
from rotator.history.engine.times import UtcDateTime, stored_text, utc_text, utc_time

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES)  # noqa: DTZ001 - the zone is drawn


def dialect_of(name: str) -> Dialect:
    return make_url(f"{name}://").get_dialect()()


@settings(deadline=None)
@given(TIMES)
def test_a_time_comes_back_as_the_same_instant_in_utc(time: datetime) -> None:
    again = utc_time(utc_text(time))

    assert again == time
    assert again.tzinfo is UTC


@settings(deadline=None)
@given(TIMES, TIMES)
def test_texts_sort_as_their_times_do(one: datetime, other: datetime) -> None:
    assert (utc_text(one) < utc_text(other)) == (one < other)


def test_a_time_without_a_zone_is_refused(now: datetime) -> None:
    with pytest.raises(ValueError, match="without a zone"):
        utc_text(now.replace(tzinfo=None))


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-23", "2026-11-23T12:31:47Z", "2026-11-23T12:31:47.1+01:00"])
def test_a_text_that_rotator_did_not_write_is_no_time(text: str) -> None:
    with pytest.raises(HistoryError, match="not one that rotator wrote"):
        utc_time(text)


def test_a_database_with_times_of_its_own_gets_and_gives_utc(now: datetime) -> None:
    column, dialect = UtcDateTime(), dialect_of("postgresql")
    elsewhere = now.astimezone(timezone(timedelta(hours=5)))

    assert column.bind_processor(dialect)(elsewhere).tzinfo is UTC
    assert column.result_processor(dialect, None)(elsewhere) == now
    assert stored_text(elsewhere) == utc_text(now)
    with pytest.raises(ValueError, match="without a zone"):
        column.bind_processor(dialect)(now.replace(tzinfo=None))


def test_no_time_stays_no_time() -> None:
    for dialect in map(dialect_of, ("sqlite", "postgresql")):
        assert UtcDateTime().bind_processor(dialect)(None) is None
        assert UtcDateTime().result_processor(dialect, None)(None) is None
