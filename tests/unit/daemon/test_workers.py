from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.daemon.workers import REST, Work
from rotator.errors import HistoryUnavailable
from rotator.services.schedule.jobs import Job, JobKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = timedelta(seconds=10)


class Desk:
    """Jobs that last until they are let go of."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.at_once = self.most_at_once = 0
        self.steady = 0.0
        self._goes_on: dict[str, threading.Event] = {}
        self._guard = threading.Lock()
        self.work = Work({JobKind.LOOK: 2, JobKind.DELIVER: 8}, monotonic=lambda: self.steady)

    def job(self, name: str, kind: JobKind = JobKind.LOOK) -> Job:
        goes_on = self._goes_on.setdefault(name, threading.Event())

        def run() -> None:
            with self._guard:
                self.begun.append(name)
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
            assert goes_on.wait(PATIENCE.total_seconds())
            with self._guard:
                self.at_once -= 1

        return Job(kind, name, run)

    def let_go(self, *names: str) -> None:
        for name in names:
            self._goes_on[name].set()

    def come(self, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE.total_seconds()
        while not is_so():
            assert time.monotonic() < until
            time.sleep(0.001)


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.let_go(*list(desk._goes_on))
    assert desk.work.wait(set(JobKind), PATIENCE)


def test_nothing_is_begun_twice_whether_it_runs_or_waits(desk: Desk) -> None:
    names = ("a", "b", "c")
    assert [desk.work.begin(desk.job(name)) for name in names] == [True] * 3
    assert [desk.work.begin(desk.job(name)) for name in names] == [False] * 3
    assert desk.work.begin(desk.job("a", JobKind.ROTATE)), "the same name of another kind is another thing"
    desk.come(lambda: len(desk.begun) == 3)
    desk.let_go(*names)
    assert desk.work.wait({JobKind.LOOK}, PATIENCE)
    assert desk.work.begin(desk.job("a")), "what has ended may begin again"
    assert sorted(desk.begun)[:2] == ["a", "a"]


def test_only_so_many_of_a_kind_run_at_once_and_the_others_wait_their_turn(desk: Desk) -> None:
    names = [f"org-{number}" for number in range(20)]
    for name in names:
        desk.work.begin(desk.job(name))
    desk.come(lambda: len(desk.begun) == 2)
    desk.let_go(*names)
    assert desk.work.wait({JobKind.LOOK}, PATIENCE)
    assert sorted(desk.begun) == sorted(names)
    assert desk.most_at_once == 2


def test_a_channel_that_hangs_holds_up_no_other(desk: Desk) -> None:
    for name in ("down", "up"):
        desk.work.begin(desk.job(name, JobKind.DELIVER))
    desk.come(lambda: len(desk.begun) == 2)
    desk.let_go("up")
    desk.come(lambda: len(desk.work.running) == 1)
    assert [running.job.name for running in desk.work.running] == ["down"]


def test_more_places_count_for_what_waits_already(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        desk.work.begin(desk.job(name))
    desk.work.places = {JobKind.LOOK: 4}
    desk.work.begin(desk.job("d"))
    desk.come(lambda: len(desk.begun) == 4)


def test_what_waits_can_be_dropped_and_what_runs_goes_on(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        desk.work.begin(desk.job(name))
    desk.come(lambda: len(desk.begun) == 2)
    desk.work.drop_waiting()
    assert not desk.work.wait({JobKind.LOOK}, timedelta(0))
    assert desk.work.wait({JobKind.ROTATE}, timedelta(0))
    desk.let_go("a", "b", "c")
    assert desk.work.wait({JobKind.LOOK}, PATIENCE)
    assert sorted(desk.begun) == ["a", "b"]


def test_a_fault_is_logged_with_its_trace_and_the_job_rests_before_it_is_tried_again(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    def run() -> None:
        raise ZeroDivisionError

    broken = Job(JobKind.LOOK, "production", run)
    assert desk.work.begin(broken)
    assert desk.work.wait({JobKind.LOOK}, PATIENCE)
    record = caplog.records[-1]
    assert record.message.startswith("a fault in look, at ")
    assert record.levelname == "ERROR"
    assert record.exc_info
    assert vars(record)["org"] == "production"
    assert desk.work.faults[JobKind.LOOK] == 1
    assert not desk.work.begin(broken)
    desk.steady = REST.total_seconds()
    assert desk.work.begin(desk.job("production"))


def test_an_error_that_a_person_can_meet_is_a_sentence_without_a_trace(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    def away() -> None:
        raise HistoryUnavailable("The history is away.", advice="Wait.")

    desk.work.begin(Job(JobKind.ROTATE, "billing", away))
    assert desk.work.wait({JobKind.ROTATE}, PATIENCE)
    record = caplog.records[-1]
    assert record.message == "rotate failed: The history is away."
    assert not record.exc_info
    assert vars(record)["credential"] == "billing"
    assert desk.work.begin(Job(JobKind.ROTATE, "billing", lambda: None)), "it noted itself when it is tried again"


def test_it_is_known_what_runs_since_when(desk: Desk) -> None:
    desk.steady = 5.0
    desk.work.begin(desk.job("a"))
    desk.steady = 7.0
    (running,) = desk.work.running
    assert (running.job.name, running.since) == ("a", 5.0)
