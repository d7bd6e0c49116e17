"""As many orgs are asked at once as the waiting leaves room for: played with a clock of its own and one processor."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.config.daemon import DaemonSettings
from rotator.daemon.concurrency import FEWEST, Concurrency

MOST = DaemonSettings().orgs_at_once
CALLS = 8
"""Of all that can be read of an org with 20 apps of both kinds, the login among them."""
WORK = 0.05
"""Seconds of the processor for it, as docs/performance.md has it and half as much again."""


@dataclass
class Round:
    """One inventory of each of so many orgs."""

    seconds: float = 0.0
    most_at_once: int = 0
    at_once: int = 0
    """At the end."""


def played(orgs: int, latency: float, *, work: float = WORK, most: int = MOST) -> Round:
    """A round over orgs that answer after `latency` seconds, where one thread works at a time, as in Python."""
    concurrency, result = Concurrency(), Round()
    # When something happens, whether a job is at its end then, and when it began.
    events: list[tuple[float, bool, float]] = []
    now, is_free_at, running, left = 0.0, 0.0, 0, orgs
    while left or running:
        while left and running < min(most, concurrency.at_once):
            heappush(events, (now + CALLS * latency, False, now))
            running, left = running + 1, left - 1
            result.most_at_once = max(result.most_at_once, running)
        now, is_end, began = heappop(events)
        if is_end:
            running -= 1
            concurrency.ended(now - began, work, most=most)
        else:
            is_free_at = max(is_free_at, now) + work
            heappush(events, (is_free_at, True, began))
    result.seconds, result.at_once = now, concurrency.at_once
    return result


def test_a_thousand_orgs_are_known_within_two_minutes_of_a_start_at_300_ms_a_call() -> None:
    found = played(1000, 0.3)
    assert found.seconds < 120
    assert found.most_at_once == MOST


def test_orgs_that_are_near_are_asked_few_at_once_as_more_would_only_wait_for_the_processor() -> None:
    near = played(1000, 0.002)
    assert near.most_at_once <= FEWEST + 1
    # All the time the processor was at work.
    assert near.seconds == pytest.approx(1000 * WORK, rel=0.01)


def test_it_comes_down_again_when_orgs_answer_sooner() -> None:
    concurrency = Concurrency()
    for _ in range(100):
        concurrency.ended(2.4, WORK, most=MOST)
    assert concurrency.at_once == MOST
    for _ in range(100):
        concurrency.ended(2 * WORK, WORK, most=MOST)
    assert concurrency.at_once == FEWEST


def test_a_lower_bound_that_is_put_in_force_counts_from_the_next_job_on() -> None:
    concurrency = Concurrency()
    for _ in range(100):
        concurrency.ended(2.4, WORK, most=MOST)
    for _ in range(100):
        concurrency.ended(2.4, WORK, most=8)
    assert concurrency.at_once == 8


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e3)), max_size=100),
    st.integers(1, 64),
)
def test_it_is_never_more_than_is_allowed_nor_changes_by_more_than_one(
    jobs: list[tuple[float, float]], most: int
) -> None:
    concurrency = Concurrency()
    for seconds, worked in jobs:
        before = concurrency.at_once
        concurrency.ended(seconds, worked, most=most)
        assert abs(concurrency.at_once - before) <= 1
        assert FEWEST <= concurrency.at_once <= max(most, FEWEST)


def waiting_for(times: int, *, jobs: int, most: int, concurrency: Concurrency) -> int:
    """How many at once, after so many jobs that each took `times` as long as the processor worked at them."""
    for _ in range(jobs):
        concurrency.ended(float(times), 1.0, most=most)
    return concurrency.at_once


def test_it_goes_up_to_what_the_waiting_leaves_room_for_and_is_allowed_and_stays_there() -> None:
    concurrency = Concurrency()
    assert waiting_for(FEWEST + 1, jobs=1, most=9, concurrency=concurrency) == FEWEST + 1
    concurrency = Concurrency()
    assert waiting_for(64, jobs=4, most=FEWEST + 2, concurrency=concurrency) == FEWEST + 2
    ups_and_downs = [waiting_for(64, jobs=1, most=FEWEST + 2, concurrency=concurrency) for _ in range(4)]
    assert ups_and_downs == [FEWEST + 2] * 4
    assert waiting_for(64, jobs=1, most=FEWEST, concurrency=concurrency) == FEWEST + 1, "down by one at a time"
