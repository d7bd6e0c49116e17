"""The time axis, bars for each certificate, and columns and counts where there are too many for bars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.lifecycle.certificate_life import CertificateLife
from rotator.core.observed import ObservedCertificate
from rotator.core.thresholds import Expiry
from rotator.web.looks import Look
from rotator.web.picture import LATER, MOST_BARS, PAST, PERIODS, TODAY, Axis, bar, by_org, columns
from tests.unit.web.scene import DAY, FOREVER, NOW

THRESHOLDS = [days * DAY for days in (60, 30, 14, 7, 3, 1)]
TIMES = st.datetimes(datetime(1950, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - given zones
NOWS = st.datetimes(datetime(1970, 1, 1), datetime(2500, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
"""What a clock may say; certificates are valid until any year that can be written."""


def test_what_expires_now_stands_where_today_is() -> None:
    assert Axis(NOW, THRESHOLDS).position(NOW) == TODAY


def test_what_has_expired_stands_left_of_today_and_what_is_far_away_at_the_right_edge() -> None:
    axis = Axis(NOW, THRESHOLDS)
    assert axis.position(NOW - timedelta(seconds=1)) == axis.position(NOW - 9000 * DAY) == PAST
    assert axis.position(NOW + 401 * DAY) == axis.position(FOREVER) == LATER


@given(st.lists(TIMES, min_size=2, max_size=2).map(sorted), NOWS)
def test_what_comes_later_never_stands_further_left(times: list[datetime], now: datetime) -> None:
    axis = Axis(now, THRESHOLDS)
    first, second = map(axis.position, times)
    assert 0 < first <= second < 100


@given(NOWS, st.lists(st.timedeltas(timedelta(seconds=1), timedelta(days=36500)), max_size=12))
def test_labels_do_not_touch_each_other_or_leave_the_picture(now: datetime, thresholds: list[timedelta]) -> None:
    marks = Axis(now, thresholds).marks
    places = [TODAY, *(mark.at for mark in marks if mark.is_labelled)]
    assert all(TODAY <= mark.at < 100 for mark in marks)
    assert all(after - before > 3 for before, after in pairwise(places))


@given(NOWS)
def test_no_month_touches_the_word_at_the_right_edge(now: datetime) -> None:
    assert all(mark.at < 91 for mark in Axis(now, THRESHOLDS).marks if mark.is_labelled)


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


TWO = [30 * DAY, 7 * DAY]
AXIS = Axis(NOW, TWO)


def line(not_after: datetime, org: str = "production", before: timedelta | None = None) -> CertificateLife:
    seen = ObservedCertificate(
        org=org, app="Billing", fingerprint="a" * 64, not_after=not_after, credential="billing" if before else None
    )
    return CertificateLife(seen=seen, now=NOW, expiry=Expiry(not_after, TWO, before))


LINES = st.lists(
    st.builds(
        line,
        st.one_of(
            st.timedeltas(timedelta(days=-900), timedelta(days=900)).map(lambda left: NOW + left), st.just(FOREVER)
        ),
        st.sampled_from(["production", "emea", "uat"]),
        st.one_of(st.none(), st.just(30 * DAY)),
    )
)


def test_a_bar_goes_from_today_to_the_expiry() -> None:
    shown = bar(line(NOW + 30 * DAY), AXIS)
    assert (shown.left, shown.left + shown.width) == (TODAY, AXIS.position(NOW + 30 * DAY))
    assert shown.rotation is None


def test_the_bar_of_an_expired_certificate_ends_today() -> None:
    shown = bar(line(NOW - DAY), AXIS)
    assert shown.left < TODAY
    assert shown.left + shown.width == TODAY


def test_a_bar_beyond_the_horizon_says_so() -> None:
    assert bar(line(FOREVER), AXIS).end == LATER
    assert bar(line(NOW + DAY), AXIS).end < LATER
    assert bar(line(FOREVER), AXIS).end == LATER


def test_the_rotation_that_is_due_stands_on_the_bar_and_never_before_today() -> None:
    assert bar(line(NOW + 90 * DAY, before=30 * DAY), AXIS).rotation == AXIS.position(NOW + 60 * DAY)
    assert bar(line(NOW + 10 * DAY, before=30 * DAY), AXIS).rotation == TODAY


@given(LINES)
def test_every_certificate_is_in_one_column_or_beside_them(lines: list[CertificateLife]) -> None:
    found = columns(lines, NOW)
    assert sum(week.count for week in found.weeks) + found.expired + found.later == len(lines)
    assert found.highest == max(week.count for week in found.weeks)
    assert found.expired == sum(each.not_after <= NOW for each in lines)


@given(LINES)
def test_every_certificate_is_counted_once_for_its_org(lines: list[CertificateLife]) -> None:
    rows = by_org(lines, NOW)
    assert sum(row.total for row in rows) == len(lines)
    assert {row.org for row in rows} == {each.seen.org for each in lines}


def test_a_column_has_the_colour_of_its_most_urgent_certificate_and_tells_managed_ones_apart() -> None:
    week = columns([line(NOW + 8 * DAY), line(NOW + 9 * DAY, before=3 * DAY)], NOW).weeks[1]
    assert (week.look, week.alone, week.managed) == (Look.DUE, 1, 1)


def test_periods_have_no_gap_and_no_overlap() -> None:
    assert all(before.most == after.least for before, after in pairwise(PERIODS))


def test_the_org_with_the_most_urgent_certificates_comes_first() -> None:
    rows = by_org([line(NOW + 3 * DAY, "emea"), line(NOW - DAY, "uat"), line(NOW + 300 * DAY, "production")], NOW)
    assert [row.org for row in rows] == ["uat", "emea", "production"]


def test_very_many_orgs_share_a_last_line() -> None:
    rows = by_org([line(NOW + DAY, f"org-{number:03}") for number in range(MOST_BARS + 10)], NOW)
    assert len(rows) == MOST_BARS + 1
    assert (rows[-1].org, rows[-1].total) == ("", 10)


@given(TIMES | st.sampled_from([NOW + days * DAY for days in (0, 7, 30, 60, 180, 365)]))
def test_each_certificate_is_counted_in_the_one_period_that_it_expires_in(not_after: datetime) -> None:
    [found] = by_org([line(not_after)], NOW)
    holding = [period.holds(line(not_after), NOW) for period in PERIODS]
    assert found.counts == tuple(map(int, holding))
    assert sum(holding) == 1
