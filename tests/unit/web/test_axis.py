"""The time axis: the near future wide, the far future narrow, nothing outside of the picture."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.web.axis import LATER, PAST, TODAY, Axis
from tests.unit.web.scene import DAY, FOREVER, NOW

THRESHOLDS = [days * DAY for days in (60, 30, 14, 7, 3, 1)]
TIMES = st.datetimes(datetime(1950, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - given zones


def test_what_expires_now_stands_where_today_is() -> None:
    assert Axis(NOW, THRESHOLDS).position(NOW) == TODAY


def test_what_has_expired_stands_left_of_today_and_what_is_far_away_at_the_right_edge() -> None:
    axis = Axis(NOW, THRESHOLDS)
    assert axis.position(NOW - timedelta(seconds=1)) == axis.position(NOW - 9000 * DAY) == PAST
    assert axis.position(NOW + 401 * DAY) == axis.position(FOREVER) == LATER


@given(st.lists(TIMES, min_size=2, max_size=2).map(sorted), TIMES)
def test_what_comes_later_never_stands_further_left(times: list[datetime], now: datetime) -> None:
    axis = Axis(now, THRESHOLDS)
    first, second = map(axis.position, times)
    assert 0 < first <= second < 100


@given(TIMES, st.lists(st.timedeltas(timedelta(seconds=1), timedelta(days=36500)), max_size=12))
def test_labels_do_not_touch_each_other_or_leave_the_picture(now: datetime, thresholds: list[timedelta]) -> None:
    marks = Axis(now, thresholds).marks
    places = [TODAY, *(mark.at for mark in marks if mark.is_labelled)]
    assert all(TODAY <= mark.at < 100 for mark in marks)
    assert all(after - before > 3 for before, after in pairwise(places))


def test_every_threshold_has_a_line_and_the_months_come_after_the_last() -> None:
    marks = Axis(NOW, THRESHOLDS).marks
    assert [mark.label for mark in marks if mark.is_threshold] == ["1d", "3d", "7d", "14d", "30d", "60d"]
    months = [mark.label for mark in marks if not mark.is_threshold]
    assert months[:3] == ["Feb", "Mar", "Apr"]
    assert months[-1] == "Dec"


def test_a_month_that_begins_a_year_has_its_number() -> None:
    marks = Axis(datetime(2026, 7, 15, tzinfo=UTC), THRESHOLDS).marks
    assert "2027" in [mark.label for mark in marks]


def test_a_phone_shows_fewer_labels() -> None:
    marks = Axis(NOW, THRESHOLDS).marks
    wide = [mark for mark in marks if mark.is_labelled]
    assert 4 <= len([mark for mark in wide if not mark.is_minor]) < len(wide)


@pytest.mark.parametrize("now", [datetime(9999, 6, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)])
def test_a_clock_that_is_very_wrong_breaks_nothing(now: datetime) -> None:
    assert Axis(now, THRESHOLDS).marks
