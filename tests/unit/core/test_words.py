"""Times, durations, counts and lists are written so that people need not compute, and the same everywhere."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core import words
from rotator.errors import Holder

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 23, 10, 0, 31, tzinfo=UTC)
ELSEWHERE = datetime.fromisoformat("2026-11-23T14:31:47+02:00")
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.fixture
def _machine_in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's own zone is another than UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_machine_in_tokyo")
def test_times_are_utc_whatever_their_zone_and_the_machines() -> None:
    assert words.day(datetime.fromisoformat("2026-11-23T01:00:00+02:00")) == "2026-11-22"
    assert words.moment(ELSEWHERE) == "2026-11-23 12:31 UTC"
    assert words.instant(ELSEWHERE) == "2026-11-23 12:31:47 UTC"
    assert words.clock(ELSEWHERE) == "12:31:47 UTC"


@pytest.mark.parametrize(
    ("duration", "written"),
    [
        (timedelta(seconds=-5), "a moment"),
        (timedelta(seconds=1.9), "a moment"),
        (timedelta(seconds=2), "2 seconds"),
        (timedelta(seconds=119), "119 seconds"),
        (timedelta(minutes=2), "2 minutes"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=47, minutes=59), "47 hours"),
        (timedelta(hours=48), "2 days"),
        (timedelta(days=729), "729 days"),
        (timedelta(days=730), "2 years"),
    ],
)
def test_a_length_is_in_the_largest_unit_of_which_there_are_two(duration: timedelta, written: str) -> None:
    assert words.length(duration) == written


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (timedelta(days=12, hours=3), "in 12 days"),
        (timedelta(minutes=5), "in 5 minutes"),
        (timedelta(seconds=-90), "90 seconds ago"),
        (timedelta(days=-40), "40 days ago"),
        (timedelta(seconds=1), "now"),
        (timedelta(seconds=-1), "now"),
        (timedelta(seconds=2), "in 2 seconds"),
    ],
)
def test_a_time_is_told_from_now(ahead: timedelta, said: str) -> None:
    assert words.distance(NOW + ahead, NOW) == said


def test_who_is_refused_is_told_since_when_and_how_long() -> None:
    said = "Consumers that try `current` only are refused since 2026-11-23 10:00 UTC"
    assert words.refused(NOW, NOW + timedelta(hours=3)) == f"{said} (3 hours)."
    assert words.refused(NOW, NOW - timedelta(hours=3)) == f"{said} (a moment)."


def test_what_ends_in_the_year_9999_ends_never() -> None:
    assert (words.expiry(NEVER, NOW), words.expiry_day(NEVER)) == ("never", "never")
    assert words.expiry(NOW + timedelta(days=3), NOW) == "in 3 days"
    assert words.expiry_day(NOW) == "2026-11-23"


@given(st.timedeltas(timedelta(0), timedelta(days=36500)))
def test_a_length_says_no_more_than_there_is_and_at_least_two_thirds_of_it(duration: timedelta) -> None:
    number, unit = (words.length(duration).replace("a moment", "0 seconds")).split()
    size = {"years": 365 * 86400, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}[unit]
    said = timedelta(seconds=int(number) * size)
    assert said <= duration
    assert said > duration * 2 / 3 or duration < timedelta(seconds=2)


def test_what_was_measured_is_seconds_and_long_ones_minutes() -> None:
    assert (words.measured(4.21), words.measured(0), words.measured(912)) == ("4.2 s", "0.0 s", "15m12s")
    assert (words.measured(99.9), words.measured(100)) == ("99.9 s", "1m40s")


def test_an_exact_duration_is_one_of_config_yaml() -> None:
    assert [words.exact(timedelta(seconds=each)) for each in (-1, 0, 90, 216_000)] == ["0s", "0s", "1m30s", "2d12h"]


def test_counts_have_their_plural() -> None:
    assert [words.count(number, "app") for number in (0, 1, 2)] == ["0 apps", "1 app", "2 apps"]
    assert words.count(2, "thing needs", "things need") == "2 things need"


def test_lists_are_sentences() -> None:
    said = {"": "", "a": "a", "ab": "a and b", "abc": "a, b and c"}
    assert {letters: words.listed(letters) for letters in said} == said
    assert words.listed(["a", "b"], "or") == "a or b"


def test_of_very_many_names_to_choose_from_the_first_are_told() -> None:
    names = [f"app-{number:03}" for number in range(300)]
    assert words.choice(names[:12]) == names[:12]
    assert words.choice(names[:13]) == [*names[:12], "1 other"]
    assert words.choice(names) == [*names[:12], "288 others"]
    assert words.choice({}) == []


def test_a_fingerprint_is_known_by_its_beginning() -> None:
    assert words.short("ab" * 32) == "abababababab"


def test_the_holder_of_a_lock_is_a_process_on_a_machine() -> None:
    assert words.holder(Holder(7, "host-b", NOW)) == "process 7 on host-b, since 2026-11-23 10:00:31 UTC"
    assert words.holder(None) == "another process, since just now"


def test_a_time_for_programs_is_in_utc_with_a_z_and_of_a_known_length() -> None:
    seen = datetime(2026, 11, 26, 9, 0, 1, 234567, tzinfo=timezone(timedelta(hours=1)))
    assert words.timestamp(seen) == "2026-11-26T08:00:01Z"
    assert words.timestamp(seen, milliseconds=True) == "2026-11-26T08:00:01.234Z"
    assert words.timestamp(seen.replace(microsecond=0), milliseconds=True) == "2026-11-26T08:00:01.000Z"
