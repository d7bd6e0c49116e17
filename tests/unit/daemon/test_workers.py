from __future__ import annotations

import operator
import re
import threading
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from rotator.daemon.concurrency import Concurrency
from rotator.daemon.dispatch.dispatcher import Threads
from rotator.daemon.workers import FAULT_PAUSE, Ending, Running, Workers, _Waiting, tell_nobody
from rotator.errors import HistoryUnavailable
from rotator.services.schedule.jobs import Job, JobKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = timedelta(seconds=60)


def _come(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE.total_seconds()
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.001)


class Bench:
    """Jobs that last until they are let go of."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.at_once = self.most_at_once = 0
        self.steady = 0.0
        self._goes_on: dict[str, threading.Event] = {}
        self._guard = threading.Lock()
        self.workers = Workers({JobKind.INVENTORY: 2, JobKind.DELIVER: 8}, monotonic=lambda: self.steady)

    def job(self, name: str, kind: JobKind = JobKind.INVENTORY) -> Job:
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

    come = staticmethod(_come)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.let_go(*list(bench._goes_on))
    assert bench.workers.wait(set(JobKind), PATIENCE)


def test_nothing_is_begun_twice_whether_it_runs_or_waits(bench: Bench) -> None:
    names = ("a", "b", "c")
    assert [bench.workers.begin(bench.job(name)) for name in names] == [True] * 3
    assert [bench.workers.begin(bench.job(name)) for name in names] == [False] * 3
    assert bench.workers.begin(bench.job("a", JobKind.ROTATE)), "the same name of another kind is another thing"
    bench.come(lambda: len(bench.begun) == 3)
    bench.let_go(*names)
    assert bench.workers.wait({JobKind.INVENTORY}, PATIENCE)
    assert bench.workers.begin(bench.job("a")), "what has ended may begin again"
    assert sorted(bench.begun)[:2] == ["a", "a"]


def test_only_so_many_of_a_kind_run_at_once_and_the_others_wait_their_turn(bench: Bench) -> None:
    names = [f"org-{number}" for number in range(20)]
    for name in names:
        bench.workers.begin(bench.job(name))
    bench.come(lambda: len(bench.begun) == 2)
    bench.let_go(*names)
    assert bench.workers.wait({JobKind.INVENTORY}, PATIENCE)
    assert sorted(bench.begun) == sorted(names)
    assert bench.most_at_once == 2


def test_of_a_kind_without_a_limit_one_runs_at_once(bench: Bench) -> None:
    for name in ("a", "b"):
        bench.workers.begin(bench.job(name, JobKind.MAINTENANCE))
    assert [running.job.name for running in bench.workers.running] == ["a"]


def test_no_job_keeps_the_process_from_ending(bench: Bench) -> None:
    bench.workers.begin(bench.job("a"))
    (thread,) = (each for each in threading.enumerate() if each.name == "inventory a")
    assert thread.daemon


def test_a_job_for_which_the_machine_has_no_thread_is_begun_when_it_is_asked_for_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It counted as running for ever, until the watchdog ended the service hours later."""
    told: list[Ending] = []

    def no_thread(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        bench.workers.begin(bench.job("a"), told.append)
    assert (bench.workers.running, bench.workers.under_way, told) == ((), frozenset(), [Ending.DROPPED])
    assert caplog.messages == ["inventory a could not begin, as the machine has no thread for it"]
    assert bench.workers.begin(bench.job("a"))
    bench.come(lambda: bench.begun == ["a"])


def test_a_channel_that_hangs_holds_up_no_other(bench: Bench) -> None:
    for name in ("down", "up"):
        bench.workers.begin(bench.job(name, JobKind.DELIVER))
    bench.come(lambda: len(bench.begun) == 2)
    bench.let_go("up")
    bench.come(lambda: len(bench.workers.running) == 1)
    assert [running.job.name for running in bench.workers.running] == ["down"]


def test_more_slots_count_for_what_waits_already(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        bench.workers.begin(bench.job(name))
    bench.workers.slots = {JobKind.INVENTORY: 4}
    bench.workers.begin(bench.job("d"))
    bench.come(lambda: len(bench.begun) == 4)


def test_inventories_that_only_wait_are_soon_as_many_at_once_as_are_allowed() -> None:
    steady = 0.0
    workers = Workers({JobKind.INVENTORY: 9}, monotonic=lambda: steady, worked=lambda: 0.0)
    here, go_on, guard = [0], threading.Semaphore(0), threading.Lock()

    def run() -> None:
        nonlocal steady
        with guard:
            here[0] += 1
        assert go_on.acquire(timeout=PATIENCE.total_seconds())
        with guard:
            here[0] -= 1
            steady += 1.0

    for number in range(40):
        workers.begin(Job(JobKind.INVENTORY, str(number), run))
    for at_once in range(4, 9):
        assert len(workers.running) == at_once
        go_on.release()
        _come(partial(operator.eq, here, [at_once + 1]))
    go_on.release()
    _come(lambda: len(workers.running) == here[0] == 9)
    go_on.release(40)
    assert workers.wait([JobKind.INVENTORY], PATIENCE)


def test_what_waits_can_be_dropped_and_what_runs_goes_on(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        bench.workers.begin(bench.job(name))
    bench.come(lambda: len(bench.begun) == 2)
    bench.workers.drop_waiting()
    assert not bench.workers.wait({JobKind.INVENTORY}, timedelta(0))
    assert bench.workers.wait({JobKind.ROTATE}, timedelta(0))
    bench.let_go("a", "b", "c")
    assert bench.workers.wait({JobKind.INVENTORY}, PATIENCE)
    assert sorted(bench.begun) == ["a", "b"]


def test_a_fault_is_logged_with_its_trace_and_the_job_pauses_before_it_is_tried_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def run() -> None:
        raise ZeroDivisionError

    broken = Job(JobKind.INVENTORY, "production", run)
    assert bench.workers.begin(broken)
    assert bench.workers.wait({JobKind.INVENTORY}, PATIENCE)
    record = caplog.records[-1]
    assert re.fullmatch(r"a fault in inventory, at \S+/workers\.py:\d+: ZeroDivisionError", record.message)
    assert record.levelname == "ERROR"
    assert record.exc_info
    assert vars(record)["org"] == "production"
    assert bench.workers.faults[JobKind.INVENTORY] == 1
    assert not bench.workers.begin(broken)
    bench.steady = FAULT_PAUSE.total_seconds()
    assert bench.workers.begin(broken)
    assert bench.workers.wait({JobKind.INVENTORY}, PATIENCE)
    assert bench.workers.faults[JobKind.INVENTORY] == 2


def test_how_many_run_at_once_follows_from_how_long_a_job_took_and_was_worked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, worked, told = iter([10.0, 13.5]), iter([4.0, 6.0]), list[object]()
    monkeypatch.setattr(Concurrency, "ended", lambda _, *taken, **most: told.append((taken, most)))
    workers = Workers({}, monotonic=lambda: 0.0, worked=lambda: next(worked))
    monkeypatch.setattr(workers, "_carry_out", lambda _job: Ending.DONE)
    monkeypatch.setattr(workers, "_monotonic", lambda: next(clock))
    job = Job(JobKind.INVENTORY, "production", lambda: None)
    workers._running[job.key] = Running(job, 0.0)
    workers._run(_Waiting(job, tell_nobody))
    assert told == [((3.5, 2.0), {"most": 1})]


def test_an_error_that_a_person_can_meet_is_a_sentence_without_a_trace(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def away() -> None:
        raise HistoryUnavailable("The history is away.", hint="Wait.")

    bench.workers.begin(Job(JobKind.ROTATE, "billing", away))
    assert bench.workers.wait({JobKind.ROTATE}, PATIENCE)
    record = caplog.records[-1]
    assert record.message == "rotate failed: The history is away."
    assert not record.exc_info
    assert (vars(record)["credential"], vars(record)["hint"]) == ("billing", "Wait.")
    assert bench.workers.begin(Job(JobKind.ROTATE, "billing", away)), "it has said itself when it is due again"
    assert bench.workers.wait({JobKind.ROTATE}, PATIENCE)
    assert (bench.workers.failures[JobKind.ROTATE], bench.workers.faults[JobKind.ROTATE]) == (2, 0)


def test_it_is_known_what_runs_since_when(bench: Bench) -> None:
    bench.steady = 5.0
    bench.workers.begin(bench.job("a"))
    bench.steady = 7.0
    (running,) = bench.workers.running
    assert (running.job.name, running.since) == ("a", 5.0)


def test_whoever_waits_for_a_job_is_told_how_it_ended_or_that_it_was_not_begun(bench: Bench) -> None:
    told: dict[str, Ending] = {}

    def fails(error: Exception) -> Job:
        def run() -> None:
            raise error

        return Job(JobKind.DELIVER, type(error).__name__, run)

    for job in (
        fails(ZeroDivisionError()),
        fails(HistoryUnavailable("The history is away.", hint="Wait.")),
        *map(bench.job, "abc"),
    ):
        assert bench.workers.begin(job, partial(told.__setitem__, job.name))
    assert not bench.workers.begin(bench.job("a"), partial(told.__setitem__, "again"))
    bench.workers.drop_waiting()
    bench.let_go("a", "b")
    bench.come(lambda: len(told) == 5)
    assert told == {
        "ZeroDivisionError": Ending.FAULT,
        "HistoryUnavailable": Ending.FAILED,
        "a": Ending.DONE,
        "b": Ending.DONE,
        "c": Ending.DROPPED,
    }


def test_what_waits_begins_at_once_where_more_may_run(bench: Bench) -> None:
    for name in "abcd":
        bench.workers.begin(bench.job(name, JobKind.ROTATE))
    bench.workers.change({JobKind.ROTATE: 3})
    bench.come(lambda: len(bench.begun) == 3)
    assert sorted(bench.begun) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("kind", "level", "about"),
    [
        (JobKind.INVENTORY, "INFO", {"org": "a"}),
        (JobKind.ROTATE, "DEBUG", {"credential": "a"}),
        (JobKind.DELIVER, "DEBUG", {"channel": "a"}),
        (JobKind.HOOK, "DEBUG", {"hook": "a"}),
        (JobKind.EVALUATE, "DEBUG", {}),
    ],
)
def test_when_a_job_begins_and_ends_is_logged_with_what_it_is_about_and_how_long_it_took(
    bench: Bench, caplog: pytest.LogCaptureFixture, kind: JobKind, level: str, about: dict[str, str]
) -> None:
    def run() -> None:
        bench.steady += 1.23456

    bench.steady = 5.0
    with caplog.at_level("DEBUG", "rotator.daemon.workers"):
        bench.workers.begin(Job(kind, "a", run))
        assert bench.workers.wait({kind}, PATIENCE)
    begins, ended = caplog.records
    assert [each.getMessage() for each in caplog.records] == [f"{kind.label} begins", f"{kind.label} ended"]
    assert {each.levelname for each in caplog.records} == {level}
    for each in caplog.records:
        named = {name: value for name, value in vars(each).items() if name in {"org", "credential", "channel", "hook"}}
        assert named == about
    assert "seconds" not in vars(begins)
    assert vars(ended)["seconds"] == 1.235


def test_after_a_stop_nothing_more_is_begun_and_who_waits_is_told(bench: Bench) -> None:
    threads, told = Threads(bench.workers, lambda job: job), list[Ending]()
    for name in "abc":
        assert threads.begin(bench.job(name), told.append)
    bench.come(lambda: len(bench.begun) == 2)
    threads.stop()
    assert told == [Ending.DROPPED]
    assert not threads.begin(bench.job("d"), told.append)
    bench.let_go("a", "b")
    bench.come(lambda: len(told) == 3)
    assert told[1:] == [Ending.DONE] * 2
    assert sorted(bench.begun) == ["a", "b"]
