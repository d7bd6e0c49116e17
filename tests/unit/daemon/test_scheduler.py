"""A clock is driven by hand; the scheduler's own waiting is real, and never longer than a tick of 20 ms."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING

import pytest
import time_machine

from rotator.daemon.scheduler import ClockWatch, EveryTick, Scheduler
from rotator.errors import HistoryUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(milliseconds=20)
PATIENCE = 30.0


class Asked:
    """Counts the ticks, and does on each what the test says."""

    def __init__(self) -> None:
        self.times = 0
        self.does: Callable[[], None] = lambda: None

    def __call__(self) -> None:
        self.times += 1
        self.does()

    def first(self) -> None:
        """Waits for the first tick."""
        self.come(1 - self.times)

    def come(self, more: int) -> None:
        """Waits for so many ticks more."""
        goal, until = self.times + more, time.monotonic() + PATIENCE
        while self.times < goal:
            assert time.monotonic() < until, "no tick came"
            time.sleep(0.002)

    def cease(self) -> None:
        """Waits until no more ticks come."""
        before, until = -1, time.monotonic() + PATIENCE
        while before != self.times:
            assert time.monotonic() < until, "ticks go on"
            before = self.times
            time.sleep(5 * TICK.total_seconds())


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def scheduler(asked: Asked) -> Iterator[Scheduler]:
    def now() -> datetime:
        return datetime.now(UTC)

    scheduler = Scheduler(asked, TICK, now=now, monotonic=time.monotonic)
    yield scheduler
    scheduler.stop()


def test_it_asks_at_once_and_then_on_every_tick(scheduler: Scheduler, asked: Asked) -> None:
    scheduler.start()
    assert scheduler._jobs.get_job("tick").misfire_grace_time is None, "a tick that is late comes all the same"
    asked.come(3)
    assert scheduler.since_tick < timedelta(seconds=PATIENCE)
    assert scheduler.ticked_at is not None
    scheduler.stop()
    before = asked.times
    time.sleep(3 * TICK.total_seconds())
    assert asked.times == before


def test_it_has_stopped_when_the_last_tick_has_ended(scheduler: Scheduler, asked: Asked) -> None:
    begun, ended = Event(), Event()

    def lasts() -> None:
        begun.set()
        time.sleep(TICK.total_seconds())
        ended.set()

    asked.does = lasts
    scheduler.start()
    assert begun.wait(PATIENCE)
    scheduler.stop()
    assert ended.is_set()


def test_a_clock_that_is_set_back_by_an_hour_stops_no_tick(scheduler: Scheduler, asked: Asked) -> None:
    with time_machine.travel(START, tick=True) as clock:
        scheduler.pulse()
        scheduler.start()
        asked.first()
        clock.move_to(START - timedelta(hours=1))
        # What APScheduler does by itself: it waits for a time that comes in an hour. A tick may be under way still.
        asked.cease()
        scheduler.pulse()
        asked.come(2)


def test_a_clock_that_jumps_ahead_by_sixty_years_is_one_tick(scheduler: Scheduler, asked: Asked) -> None:
    with time_machine.travel(START, tick=True) as clock:
        scheduler.start()
        asked.first()
        clock.move_to(START + timedelta(days=60 * 365))
        before = asked.times
        scheduler.pulse()
        asked.come(2)
        assert asked.times < before + 100


def test_a_tick_that_fails_ends_nothing_and_is_told_once(
    scheduler: Scheduler, asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    def away() -> None:
        raise HistoryUnavailable("The history is away.", hint="Wait.")

    def broken() -> None:
        asked.does = away
        raise ZeroDivisionError

    asked.does = broken
    scheduler.start()
    asked.come(4)
    assert scheduler.problem == "The history is away."
    # APScheduler has its own to say of a tick that a busy machine was late for.
    fault, problem = (each.getMessage() for each in caplog.records if each.name == "rotator.daemon.scheduler")
    assert fault.startswith("a fault, at ")
    assert "ZeroDivisionError" in fault
    assert problem == "what is due could not be found out: The history is away."
    assert scheduler.faults == 1
    asked.does = lambda: None
    asked.come(2)
    assert not scheduler.problem


def test_a_tick_that_hangs_is_seen_and_no_other_is_begun(scheduler: Scheduler, asked: Asked) -> None:
    goes_on = Event()

    def hang() -> None:
        goes_on.wait(PATIENCE)

    asked.does = hang
    scheduler.start()
    asked.first()
    time.sleep(5 * TICK.total_seconds())
    assert asked.times == 1
    assert scheduler.since_tick > 4 * TICK
    goes_on.set()
    asked.come(1)
    assert scheduler.lag > TICK


def test_another_rhythm_counts_at_once(scheduler: Scheduler, asked: Asked) -> None:
    scheduler.tick = timedelta(hours=1)
    scheduler.start()
    asked.first()
    scheduler.change(TICK)
    asked.come(2)


def test_the_next_tick_is_counted_from_the_last_however_many_would_have_fitted_in() -> None:
    trigger = EveryTick(timedelta(seconds=15))
    assert trigger.get_next_fire_time(None, START) == START
    later = START + timedelta(days=20000)
    assert trigger.get_next_fire_time(START, later) == later + timedelta(seconds=15)


def test_a_shift_of_the_clock_is_told_once_and_slewing_is_not() -> None:
    wall, steady = START, 100.0
    watch = ClockWatch(lambda: wall, lambda: steady)
    wall, steady = wall + timedelta(seconds=11.5), steady + 10
    assert watch.shift() == timedelta(0)
    wall, steady = wall - timedelta(hours=1), steady + 10
    assert watch.shift() == -timedelta(hours=1, seconds=10)
    wall, steady = wall + timedelta(seconds=10), steady + 10
    assert watch.shift() == timedelta(0)
    wall = wall + timedelta(days=3)
    assert watch.shift() == timedelta(days=3)


def test_it_ticks_at_once_when_it_is_asked_to_and_once_more_where_it_ticks_just_then(asked: Asked) -> None:
    scheduler = Scheduler(asked, timedelta(hours=1), now=lambda: datetime.now(UTC), monotonic=time.monotonic)
    goes_on = Event()

    def lasts() -> None:
        if asked.times == 2:
            goes_on.wait(PATIENCE)

    scheduler.tick_now()
    scheduler.start()
    try:
        asked.first()
        asked.does = lasts
        scheduler.tick_now()
        asked.come(2 - asked.times)
        scheduler.tick_now()
        scheduler.tick_now()
        goes_on.set()
        asked.come(3 - asked.times)
        asked.cease()
        assert asked.times == 3
    finally:
        goes_on.set()
        scheduler.stop()


def test_how_late_a_tick_came_is_by_the_clock_that_nobody_sets(asked: Asked) -> None:
    steady = [100.0]
    scheduler = Scheduler(asked, timedelta(seconds=15), now=lambda: START, monotonic=lambda: steady[0])
    lags = []
    for at in (100.0, 115.0, 133.5, 140.0):
        steady[0] = at
        scheduler._run()
        lags.append(scheduler.lag.total_seconds())
    assert lags == [0.0, 0.0, 3.5, 0.0]
    steady[0] = 142.0
    told = scheduler.liveness(START, is_working=False, only_reads=True, worker="crm-2")
    assert (told.started_at, told.ticked_at, told.tick) == (START, START, timedelta(seconds=15))
    assert (told.since_tick, told.lag) == (timedelta(seconds=2), timedelta(0))
    assert (told.is_working, told.only_reads, told.worker) == (False, True, "crm-2")


def test_that_the_clock_was_set_is_logged_with_by_how_much(asked: Asked, caplog: pytest.LogCaptureFixture) -> None:
    wall = [START]
    scheduler = Scheduler(asked, timedelta(hours=1), now=lambda: wall[0], monotonic=lambda: 100.0)
    scheduler.pulse()
    assert caplog.records == []
    wall[0] -= timedelta(hours=1)
    scheduler.pulse()
    scheduler.pulse()
    [line] = caplog.records
    assert line.getMessage() == "the clock was set, or the machine slept"
    assert vars(line)["by_seconds"] == -3600.0


def test_each_fault_of_a_tick_is_counted_and_a_problem_is_logged_with_what_to_do(
    asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    def away() -> None:
        raise HistoryUnavailable("The history is away.", hint="Wait.")

    scheduler = Scheduler(asked, timedelta(hours=1), now=lambda: START, monotonic=lambda: 100.0)
    assert (scheduler.lag, scheduler.since_tick) == (timedelta(0), timedelta(0))
    assert not scheduler.liveness(START, is_working=True).only_reads
    for asked.does in (broken, broken):
        scheduler._run()
    assert (scheduler.faults, scheduler.problem) == (2, "A fault: ZeroDivisionError.")
    asked.does = away
    scheduler._run()
    faults, told = caplog.messages[:2], caplog.records[2:]
    assert all(line.startswith("a fault, at ") and "None" not in line for line in faults)
    assert [(each.getMessage(), vars(each)["hint"]) for each in told] == [
        ("what is due could not be found out: The history is away.", "Wait.")
    ]
    asked.does = lambda: None
    scheduler._run()
    assert (scheduler.faults, scheduler.problem) == (2, "")
