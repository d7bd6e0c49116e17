"""Thresholds: each is crossed once, in order, and none is passed over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.severity import Severity
from rotator.core.thresholds import (
    EXPIRED,
    Expiry,
    crossed,
    earlier,
    expires_between,
    label,
    lasts_longer,
    later,
    next_crossing,
    severity_at,
)

NOW = datetime(2026, 11, 23, tzinfo=UTC)
USUAL = tuple(timedelta(days=days) for days in (60, 30, 14, 7, 3, 1))
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

DAY = timedelta(days=1)

times_left = st.timedeltas(timedelta(days=-400), timedelta(days=400))


@pytest.mark.parametrize(
    ("threshold", "text"),
    [
        (timedelta(days=60), "60d"),
        (timedelta(hours=12), "12h"),
        (timedelta(days=1, hours=12), "1d12h"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(seconds=5), "5s"),
        (timedelta(milliseconds=5), "0s"),
        (EXPIRED, "expired"),
    ],
)
def test_a_threshold_is_called_as_people_write_it(threshold: timedelta, text: str) -> None:
    assert label(threshold) == text


def test_a_threshold_is_crossed_at_its_very_instant() -> None:
    assert crossed(NOW + timedelta(days=30, microseconds=1), NOW, USUAL) == USUAL[:1]
    assert crossed(NOW + timedelta(days=30), NOW, USUAL) == USUAL[:2]


def test_what_has_expired_has_crossed_all_of_them() -> None:
    assert crossed(NOW, NOW, USUAL) == (*USUAL, EXPIRED)
    assert next_crossing(NOW, NOW, USUAL) is None


def test_without_thresholds_there_is_still_the_expiry() -> None:
    assert crossed(NOW + timedelta(days=1), NOW, ()) == ()
    assert next_crossing(NOW + timedelta(days=1), NOW, ()) == NOW + timedelta(days=1)
    assert crossed(NOW - timedelta(days=1), NOW, ()) == (EXPIRED,)


def test_a_certificate_that_never_ends_crosses_nothing() -> None:
    assert crossed(NEVER, NOW, USUAL) == ()
    assert next_crossing(NEVER, NOW, USUAL) == NEVER - USUAL[0]


@given(left=times_left, thresholds=st.lists(st.timedeltas(timedelta(seconds=1), timedelta(days=365)), max_size=6))
def test_nothing_is_crossed_before_its_time_and_nothing_is_passed_over(
    left: timedelta, thresholds: list[timedelta]
) -> None:
    not_after = NOW + left
    done, then = crossed(not_after, NOW, thresholds), next_crossing(not_after, NOW, thresholds)
    assert list(done) == sorted(set(done), reverse=True)
    if then is None:
        assert set(done) == {*thresholds, EXPIRED}
    else:
        assert then > NOW
        just_before = then - timedelta(microseconds=1)
        assert crossed(not_after, max(NOW, just_before), thresholds) == done
        assert len(crossed(not_after, then, thresholds)) == len(done) + 1


def test_it_matters_more_the_less_time_is_left() -> None:
    assert [severity_at(threshold) for threshold in (*USUAL, EXPIRED)] == [
        *[Severity.INFO] * 2,
        *[Severity.WARNING] * 2,
        *[Severity.CRITICAL] * 3,
    ]
    assert Severity.CRITICAL.reaches(Severity.WARNING)
    assert Severity.WARNING.reaches(Severity.WARNING)
    assert not Severity.INFO.reaches(Severity.WARNING)


@pytest.mark.parametrize(
    ("threshold", "severity"),
    [
        (3 * DAY, Severity.CRITICAL),
        (3.1 * DAY, Severity.WARNING),
        (14 * DAY, Severity.WARNING),
        (14.1 * DAY, Severity.INFO),
    ],
)
def test_the_last_three_days_are_critical_and_the_last_fourteen_a_warning(
    threshold: timedelta, severity: Severity
) -> None:
    assert severity_at(threshold) is severity


@pytest.mark.parametrize(
    ("left", "answer"), [(-1 * DAY, False), (0 * DAY, False), (DAY, True), (7 * DAY, False), (8 * DAY, False)]
)
def test_what_ends_at_a_silences_very_end_does_not_end_within_it(left: timedelta, *, answer: bool) -> None:
    assert expires_between(NOW + left, NOW, NOW + 7 * DAY) is answer


@pytest.mark.parametrize(
    ("not_before", "not_after", "answer"),
    [
        (NOW, NOW + 366 * DAY, True),
        (NOW, NOW + 365 * DAY, False),
        (None, NOW + 366 * DAY, False),
        (NOW, None, False),
        (None, None, False),
    ],
)
def test_a_lifetime_that_is_not_known_is_not_too_long(
    not_before: datetime | None, not_after: datetime | None, *, answer: bool
) -> None:
    assert lasts_longer(not_before, not_after, 365 * DAY) is answer


def test_what_lies_before_or_after_all_times_is_the_first_or_the_last() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert (earlier(NOW, DAY), later(NOW, DAY)) == (NOW - DAY, NOW + DAY)
    assert (earlier(first, DAY), later(last, DAY)) == (first, last)


class TestTheExpiryOfOneCertificate:
    def test_of_a_managed_one_only_what_comes_after_its_rotation_is_news(self) -> None:
        expiry = Expiry(NOW + 2 * DAY, USUAL, rotate_before=14 * DAY)
        assert expiry.crossed(NOW) == (7 * DAY, 3 * DAY)
        assert expiry.next_crossing(NOW) == NOW + DAY

    def test_thresholds_that_are_given_count_in_place_of_all(self) -> None:
        expiry = Expiry(NOW + 2 * DAY, USUAL)
        assert expiry.crossed(NOW, [30 * DAY, DAY]) == (30 * DAY,)
