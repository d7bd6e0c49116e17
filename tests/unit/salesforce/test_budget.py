"""An org is asked for no more than the configuration allows, and a rotation that has begun is not held up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.secret import Secret
from rotator.salesforce.budget import WINDOW, Budget, LimitReached, OwnCalls
from rotator.salesforce.transport import Transport

MOMENT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CALL = "https://example.my.salesforce.com/services/Soap/m/63.0"
LOGIN = "https://example.my.salesforce.com/services/oauth2/token"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = MOMENT

    def now(self) -> datetime:
        """The time."""
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


def budget(clock: Clock, *, calls: int | None = None, logins: int | None = None) -> Budget:
    return Budget("production", OwnCalls(calls_per_hour=calls, logins_per_hour=logins, now=clock.now))


def test_there_is_room_until_the_limit_is_reached_and_again_an_hour_later(clock: Clock) -> None:
    found = budget(clock, calls=2)
    for _ in range(2):
        assert found.room_at() is None
        found.claim(CALL)
        clock.time += timedelta(minutes=10)
    assert found.room_at() == MOMENT + WINDOW
    with pytest.raises(LimitReached, match="production") as reached:
        found.claim(CALL)
    assert "13:00 UTC" in reached.value.hint
    clock.time = MOMENT + WINDOW
    assert found.room_at() is None
    found.claim(CALL)


def test_a_login_counts_as_a_call_and_a_call_as_no_login(clock: Clock) -> None:
    found = budget(clock, logins=1)
    found.claim(CALL)
    assert found.room_at() is None
    found.claim(LOGIN)
    assert found.room_at() == MOMENT + WINDOW
    both = budget(clock, calls=1, logins=5)
    both.claim(LOGIN)
    assert both.room_at() == MOMENT + WINDOW


def test_what_is_only_counted_is_never_refused(clock: Clock) -> None:
    found = budget(clock, calls=1)
    for _ in range(5):
        found.count(CALL)
    assert found.room_at() == MOMENT + WINDOW


def test_without_a_limit_there_is_always_room(clock: Clock) -> None:
    found = budget(clock)
    for _ in range(100):
        found.claim(LOGIN)
    assert found.room_at() is None


def test_a_clock_that_was_set_back_leaves_room(clock: Clock) -> None:
    found = budget(clock, calls=1)
    found.claim(CALL)
    clock.time -= timedelta(days=365)
    found.claim(CALL)


@given(
    st.lists(st.integers(min_value=0, max_value=3600), min_size=1, max_size=40), st.integers(min_value=1, max_value=5)
)
def test_in_no_hour_is_more_claimed_than_the_limit(pauses: list[int], limit: int) -> None:
    clock = Clock()
    found, claimed = budget(clock, calls=limit), []
    for pause in pauses:
        clock.time += timedelta(seconds=pause)
        try:
            found.claim(CALL)
        except LimitReached:
            continue
        claimed.append(clock.time)
    for end in claimed:
        assert len([time for time in claimed if end - WINDOW < time <= end]) <= limit


def test_a_request_over_the_limit_is_not_sent(clock: Clock) -> None:
    found = budget(clock, calls=1)
    found.count(CALL)
    transport = Transport(before=found.claim)
    # Nothing listens there: a request that was sent would say so.
    with pytest.raises(LimitReached):
        transport.get("https://127.0.0.1:1/", token=Secret("token"))
    with pytest.raises(LimitReached):
        transport.post_bytes("https://127.0.0.1:1/", b"")
    transport.close()
