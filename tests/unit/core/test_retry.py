"""Pauses grow up to a ceiling, loops end when patience does, and who gets through at once loads nothing for it."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.retry import BackOff, Waiting
from tests.virtual_time import VirtualTime

SECOND = timedelta(seconds=1)
PAUSES = BackOff(SECOND, 10 * SECOND)


class Busy(Exception):
    """May pass."""


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


def test_a_pause_doubles_up_to_the_ceiling() -> None:
    assert [PAUSES.pause(failures) / SECOND for failures in range(7)] == [0, 1, 2, 4, 8, 10, 10]


@given(
    failures=st.integers(1, 10_000),
    first=st.timedeltas(SECOND, timedelta(days=1)),
    ceiling=st.timedeltas(SECOND, timedelta(days=365)),
    spread=st.floats(0, 1),
    chance=st.floats(0, 1),
)
def test_chance_shortens_a_pause_and_never_lengthens_it(
    failures: int, first: timedelta, ceiling: timedelta, spread: float, chance: float
) -> None:
    whole, shortened = (BackOff(first, ceiling, spread).pause(failures, each) for each in (0, chance))
    assert (1 - spread) * whole - SECOND <= shortened <= whole <= ceiling
    assert whole == BackOff(first, ceiling).pause(failures)


def test_turns_come_until_patience_ends(time: VirtualTime) -> None:
    turns = [time.seconds for _ in time.waiting(20).turns(PAUSES)]
    assert turns == [0, 1, 3, 7, 15]
    assert time.slept == [1, 2, 4, 8], "a pause after which nothing would be tried is not slept"


def test_a_pause_is_drawn_between_its_shortest_and_its_longest(time: VirtualTime) -> None:
    drawn: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return low

    waiting = Waiting(5, elapsed=time.elapsed, sleep=time.sleep, uniform=uniform)
    assert len(list(waiting.turns(BackOff(SECOND, 10 * SECOND, spread=0.25)))) > 1
    assert drawn[:2] == [(0.75, 1), (1.5, 2)]


def test_without_patience_there_is_one_turn(time: VirtualTime) -> None:
    assert list(time.waiting(0).turns()) == [None]
    assert list(time.waiting(-5).turns()) == [None]
    assert time.slept == []


@pytest.mark.parametrize("at_most", [1, 2, 3])
def test_there_are_no_more_turns_than_are_allowed(time: VirtualTime, at_most: int) -> None:
    assert len(list(time.waiting(1000).turns(PAUSES, at_most=at_most))) == at_most
    assert len(time.slept) == at_most - 1


def test_a_turn_that_takes_long_counts_against_patience(time: VirtualTime) -> None:
    turns = 0
    for _ in time.waiting(20).turns(PAUSES):
        turns += 1
        time.passes(12)
    assert turns == 2


def test_what_gets_through_is_returned_and_nothing_is_tried_any_more(time: VirtualTime) -> None:
    answers: list[str | None] = [None, None, "answer", "another"]

    def attempt() -> str:
        answer = answers.pop(0)
        if answer is None:
            raise Busy
        return answer

    assert time.waiting(20).call(attempt, again=lambda error: isinstance(error, Busy), back_off=PAUSES) == "answer"
    assert (time.slept, answers) == ([1, 2], ["another"])


def test_an_error_that_is_not_worth_it_is_raised_at_once(time: VirtualTime) -> None:
    def attempt() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        time.waiting(20).call(attempt, again=lambda error: isinstance(error, Busy))
    assert time.slept == []


def test_of_errors_that_did_not_pass_the_last_is_raised(time: VirtualTime) -> None:
    tried: list[Busy] = []

    def attempt() -> None:
        tried.append(Busy(len(tried)))
        raise tried[-1]

    with pytest.raises(Busy) as raised:
        time.waiting(20).call(attempt, again=lambda error: isinstance(error, Busy), back_off=PAUSES)
    assert raised.value is tried[-1]
    assert len(tried) == 5

    with pytest.raises(Busy):
        time.waiting(20).call(attempt, again=lambda error: isinstance(error, Busy), back_off=PAUSES, at_most=2)
    assert len(tried) == 5 + 2


def test_who_gets_through_at_once_loads_no_library_for_it() -> None:
    program = (
        "import sys; from rotator.core.retry import Waiting; print([Waiting().call(lambda: 1, again=bool)],"
        "[name for name in sys.modules if name.partition('.')[0] in {'tenacity', 'asyncio'}])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout == "[1] []\n"
