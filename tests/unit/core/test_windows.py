"""Maintenance windows: open when people said so, on their own clock, through every change of it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.windows import Cron, Weekly, Window, is_open, next_opening

BERLIN = ZoneInfo("Europe/Berlin")
EVERY_DAY = frozenset(range(7))
HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC)

zones = st.sampled_from(
    [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")]
)
instants = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone apart
day_times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
weekly = st.builds(
    Weekly, days=st.frozensets(st.integers(0, 6), min_size=1), since=day_times, until=day_times, zone=zones
)
cron = st.builds(
    Cron,
    line=st.sampled_from(["0 2 * * *", "30 2 * * sun", "*/20 1-3 * * *", "15 0 1 * *", "0 2 * * 6L", "30 1 25 10 *"]),
    lasts=st.timedeltas(timedelta(minutes=1), timedelta(days=2)),
    zone=zones,
)


def local(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


def nights(since: str = "22:00", until: str = "04:00", days: frozenset[int] = EVERY_DAY) -> Weekly:
    return Weekly(days, time.fromisoformat(since), time.fromisoformat(until), BERLIN)


def test_without_a_window_it_is_always_open() -> None:
    assert is_open((), MONDAY)
    assert next_opening((), MONDAY) == MONDAY


def test_a_window_past_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    saturdays = [nights(days=frozenset({5}))]
    assert is_open(saturdays, local("2026-11-28T22:00"))
    assert is_open(saturdays, local("2026-11-29T03:59"))
    assert not is_open(saturdays, local("2026-11-29T04:00"))
    assert not is_open(saturdays, local("2026-11-29T22:00"))
    assert next_opening(saturdays, local("2026-11-29T04:00")) == local("2026-12-05T22:00")


def test_from_a_time_to_the_same_time_is_a_whole_day() -> None:
    assert is_open([nights("00:00", "00:00", frozenset({0}))], local("2026-11-23T23:59"))


def test_any_of_several_windows_will_do() -> None:
    both = [nights(days=frozenset({5})), nights("12:00", "13:00", frozenset({1}))]
    assert next_opening(both, MONDAY) == local("2026-11-24T12:00")


@pytest.mark.parametrize(
    "window", [nights("02:30", "02:45"), Cron("30 2 * * *", timedelta(minutes=15), BERLIN)], ids=["weekly", "cron"]
)
def test_a_time_that_summer_time_leaves_out_does_not_cost_the_window(window: Window) -> None:
    opens = next_opening([window], local("2026-03-28T12:00"))
    assert opens is not None
    assert local("2026-03-29T03:00") <= opens <= local("2026-03-29T03:30")


def test_a_time_that_comes_twice_opens_a_weekly_window_once() -> None:
    window = nights("02:30", "02:45")
    first = next_opening([window], local("2026-10-24T12:00"))
    assert first == local("2026-10-25T02:30")
    assert next_opening([window], first + HOUR) == local("2026-10-26T02:30")


def test_a_window_between_two_times_that_summer_time_turns_round_is_open_all_the_same() -> None:
    assert is_open([nights("02:30", "03:00")], local("2026-03-29T03:30"))


def test_it_is_open_for_an_hour_where_summer_time_has_both_of_its_ends_be_one() -> None:
    window = nights("02:30", "03:30")
    assert is_open([window], local("2026-03-29T04:29"))
    assert not is_open([window], local("2026-03-29T04:30"))


def test_it_closes_at_its_own_time_also_in_the_night_that_is_an_hour_longer() -> None:
    assert is_open([nights()], local("2026-10-25T03:59"))
    assert not is_open([nights()], local("2026-10-25T04:00"))


def test_what_opened_yesterday_by_its_own_clock_is_open_still_whatever_the_day_is_elsewhere() -> None:
    west = ZoneInfo("America/Los_Angeles")
    mondays = Weekly(frozenset({0}), time(20), time(19), west)
    assert is_open([mondays], local("2026-11-24T18:00", west))
    assert not is_open([mondays], local("2026-11-24T19:00", west))


def test_a_cron_window_longer_than_its_period_never_closes() -> None:
    assert is_open([Cron("0 2 * * *", timedelta(days=2), BERLIN)], MONDAY)


@given(window=st.one_of(weekly, cron), now=instants)
def test_what_opens_next_is_not_open_before_and_is_open_then(window: Window, now: datetime) -> None:
    opens = next_opening([window], now)
    assert opens is not None
    assert opens >= now
    assert opens - now < timedelta(days=400)
    assert is_open([window], opens)
    if opens > now:
        before = now + (opens - now) * 0.5
        assert not is_open([window], before)
        assert next_opening([window], before) == opens
