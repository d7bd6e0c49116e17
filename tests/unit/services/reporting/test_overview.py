"""How urgent a certificate is."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.services.reporting.overview import Urgency, urgency_of
from tests.unit.web.scene import DAY, FOREVER, NOW

THRESHOLDS = [days * DAY for days in (60, 30, 14, 7, 3, 1)]
MONTH = 30 * DAY


@pytest.mark.parametrize(
    ("left", "urgency"),
    [
        (timedelta(0), Urgency.EXPIRED),
        (3 * DAY, Urgency.CRITICAL),
        (4 * DAY, Urgency.WARNING),
        (14 * DAY, Urgency.WARNING),
        (15 * DAY, Urgency.SOON),
        (60 * DAY, Urgency.SOON),
        (61 * DAY, Urgency.OK),
    ],
)
def test_a_certificate_that_people_replace_is_as_urgent_as_the_threshold_it_crossed(
    left: timedelta, urgency: Urgency
) -> None:
    assert urgency_of(NOW + left, NOW, THRESHOLDS) is urgency


@pytest.mark.parametrize(
    ("left", "urgency"),
    [
        (3 * DAY, Urgency.CRITICAL),
        (14 * DAY, Urgency.WARNING),
        (15 * DAY, Urgency.SOON),
        (30 * DAY, Urgency.SOON),
        (31 * DAY, Urgency.OK),
    ],
)
def test_a_managed_certificate_is_urgent_when_its_rotation_is_late(left: timedelta, urgency: Urgency) -> None:
    assert urgency_of(NOW + left, NOW, THRESHOLDS, rotate_before=MONTH) is urgency


def test_what_nobody_has_to_care_for_is_never_urgent() -> None:
    assert urgency_of(NOW - DAY, NOW, THRESHOLDS, is_resting=True) is Urgency.RESTING


def test_without_thresholds_only_the_end_is_urgent() -> None:
    assert urgency_of(NOW + timedelta(hours=1), NOW, []) is Urgency.OK
    assert urgency_of(NOW, NOW, []) is Urgency.EXPIRED


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(9999, 12, 31)).map(lambda time: time.replace(tzinfo=NOW.tzinfo)),  # noqa: DTZ001
    st.one_of(st.none(), st.timedeltas(timedelta(seconds=1), timedelta(days=36500))),
)
def test_time_makes_nothing_less_urgent(not_after: datetime, before: timedelta | None) -> None:
    ranks = [urgency_of(not_after, NOW + days * DAY, THRESHOLDS, rotate_before=before).rank for days in (0, 1, 20, 400)]
    assert ranks == sorted(ranks, reverse=True)


def test_year_9999_is_fine() -> None:
    assert urgency_of(FOREVER, NOW, THRESHOLDS, rotate_before=timedelta(days=36500)) is Urgency.OK
