"""How long something lasted is counted by a clock that nobody sets, also over several runs of one machine."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from rotator.services.rotation.clock import RunClock
from rotator.testing.versions import MOMENT

START = "the start of the machine"


class Machine:
    """Its clocks."""

    def __init__(self) -> None:
        self.wall, self.counted = MOMENT, 1000.0

    def now(self) -> datetime:
        return self.wall

    def of_run(self, counted_from: str = START) -> RunClock:
        return RunClock(self.now, lambda: self.counted, counted_from)

    def passes(self, seconds: float, *, set_by: float = 0.0) -> None:
        self.wall += timedelta(seconds=seconds + set_by)
        self.counted += seconds


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.mark.parametrize(("set_by", "was_set"), [(0, False), (4, False), (-4, False), (6, True), (-6, True)])
def test_a_clock_that_is_put_right_little_by_little_was_not_set(
    machine: Machine, set_by: float, *, was_set: bool
) -> None:
    run = machine.of_run()
    assert not run.was_set
    machine.passes(100, set_by=set_by)
    assert run.now() == machine.wall
    assert run.was_set == was_set
    assert run.steady() == MOMENT + timedelta(seconds=100)


def test_that_it_was_set_stays_known_when_it_is_set_back(machine: Machine) -> None:
    run = machine.of_run()
    machine.passes(0, set_by=600)
    run.now()
    machine.passes(0, set_by=-600)
    run.now()
    assert run.was_set


def test_runs_since_one_start_of_a_machine_count_from_it(machine: Machine) -> None:
    counter = machine.of_run().counter
    assert counter == f"1000.0 {START}"
    machine.passes(40)
    run = machine.of_run()
    assert run.since(counter) == timedelta(seconds=40)
    assert run.since(f"2000.0 {START}") == timedelta(0)
    assert run.since("1000.0 another start") is None
    assert run.since("") is None


def test_where_nothing_is_counted_from_nothing_is_noted(machine: Machine) -> None:
    run = machine.of_run(counted_from="")
    assert run.counter == ""
    assert run.since("1000.0 ") is None


@pytest.mark.parametrize(("set_by", "moved"), [(0, 0), (4, 0), (-4, 0), (60, 60), (-60, -60)])
def test_what_was_noted_by_a_clock_that_was_set_since_is_told_by_the_clock_as_it_is(
    machine: Machine, set_by: float, moved: float
) -> None:
    counter = machine.of_run().counter
    machine.passes(40, set_by=set_by)
    assert machine.of_run().as_set_now(MOMENT, counter) == MOMENT + timedelta(seconds=moved)
    assert machine.of_run().as_set_now(MOMENT, "") == MOMENT
