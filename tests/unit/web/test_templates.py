"""Times and durations are written so that people need not compute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rotator.web import templates
from tests.unit.web.scene import FOREVER, NOW


@pytest.mark.parametrize(
    ("duration", "written"),
    [
        (timedelta(seconds=12), "moments"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=59), "59 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=33), "33 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=45), "45 days"),
        (timedelta(days=60), "2 months"),
        (timedelta(days=729), "24 months"),
        (timedelta(days=730), "2 years"),
    ],
)
def test_a_duration_is_told_in_the_largest_unit_that_tells_enough(duration: timedelta, written: str) -> None:
    assert templates.lasting(duration) == written


def test_a_time_is_told_from_now() -> None:
    assert templates.away(NOW + timedelta(days=12, hours=1), NOW) == "in 12 days"
    assert templates.away(NOW - timedelta(hours=3), NOW) == "3 hours ago"
    assert templates.away(NOW, NOW) == "now"
    assert templates.away(NOW - timedelta(seconds=1), NOW) == "just now"


def test_what_is_left_of_a_certificate() -> None:
    assert templates.left(NOW + timedelta(days=3), NOW) == "3 days"
    assert templates.left(NOW - timedelta(days=3), NOW) == "3 days ago"
    assert templates.left(FOREVER, NOW) == "never"
    assert templates.day(FOREVER) == "never"


def test_moments_are_utc_whatever_their_zone() -> None:
    elsewhere = datetime.fromisoformat("2026-11-23T14:31:47+02:00")
    assert templates.moment(elsewhere) == "2026-11-23 12:31 UTC"
    assert templates.clock(elsewhere) == "12:31:47"
    assert templates.iso(elsewhere) == "2026-11-23T12:31:47Z"
    assert templates.iso(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)).startswith("9999")


def test_gaps_are_seconds_and_long_ones_minutes() -> None:
    assert (templates.seconds(4.21), templates.seconds(0), templates.seconds(912)) == ("4.2 s", "0.0 s", "15m12s")


def test_fingerprints_are_shortened_in_details_and_nothing_else_is() -> None:
    assert templates.detail("ab" * 32) == "ab" * 6
    assert templates.detail("it has its turn") == "it has its turn"
    assert [templates.detail(each) for each in (3, 4.451546, True)] == ["3", "4.5", "yes"]
    assert templates.spaced("ab" * 32) == " ".join(["abababab"] * 8)


def test_what_stands_between_backticks_is_code_and_everything_is_escaped() -> None:
    assert templates.prose("Run `rotate <now>` & wait.") == "Run <code>rotate &lt;now&gt;</code> &amp; wait."
    assert templates.prose("one ` alone") == "one ` alone"
