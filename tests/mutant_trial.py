"""Tries planted faults in forks of one process that has collected the tests (tests/mutants.py).

`python -m tests.mutant_trial PLAN`, in the copy that has the faults. Each of two sides runs half of the tests once as
they are, and learns how long each takes and what functions it reaches; then it tries half of the faults, one at a time.
A side has fixtures of the session of its own, and forks when no thread of a test is left.
"""

from __future__ import annotations

import functools
import gc
import json
import multiprocessing
import os
import resource
import select
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import defaultdict
from contextlib import contextmanager, suppress
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import pytest

from tests.mutants import Mutant, line_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.synchronize import Barrier

SIDES = 2
LEAST_SECONDS = 5
TIMES_AS_LONG = 20
"""So much longer than at first may a test take, beside the least, before it is taken to have no end."""

ENOUGH_SECONDS = 4.0
"""Of a processor; the quickest tests that take so long together are tried, and whatever else reaches the function is
not."""

IDLE_SERVER = "simulated-org"
"""The thread of a fixture of the session that only waits: the tests that are tried reach their orgs without it."""

MEMORY = 4 * 1024**3
"""Bytes; a loop without an end may ask for more and more."""


class Seconds(NamedTuple):
    """How long a test took as it is."""

    by_the_clock: float
    of_processor: float


class Trial:
    """A plug-in of pytest: instead of running the tests it runs them for each mutant."""

    def __init__(self, plan: Path) -> None:
        self._plan = plan
        said = json.loads(plan.read_text())
        self._mutants = [Mutant(**each) for each in said["mutants"]]
        self._results = Path(said["results"])
        self._digest: str = said["digest"]
        self.tests: list[str] = said["tests"]
        self._reaching: dict[str, list[pytest.Item]] = defaultdict(list)
        """By function the tests to try, in this order."""
        self._seconds: dict[pytest.Item, Seconds] = {}
        self._failed = False
        self._say = os.fdopen(os.dup(2), "w", buffering=1).write
        """To where nothing is captured."""

    def pytest_sessionstart(self) -> None:
        """Whether a property has a counterexample is asked, and not how small one may be."""
        from hypothesis import Phase, settings  # noqa: PLC0415 - its plug-in is to be imported by pytest first

        settings.register_profile("mutants", settings(phases=(Phase.explicit, Phase.generate)))
        settings.load_profile("mutants")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed |= report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Failed("the tests cannot be collected")
        have_run_theirs = multiprocessing.Barrier(SIDES)
        children = []
        for number in range(SIDES):
            child = os.fork()
            if not child:
                self._be_one_side(number, session, have_run_theirs)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        return True

    def _be_one_side(self, number: int, session: pytest.Session, have_run_theirs: Barrier) -> NoReturn:
        """Run every second test as it is, and then every second mutant with the tests of both sides."""
        try:
            with _own_folder(session):
                mine = self._run_once(session.items[number::SIDES], session)
                self._plan.with_suffix(f".{number}").write_text(json.dumps(mine))
                have_run_theirs.wait()
                self._learn(session)
                self._forget_what_was_computed()
                for mutant in self._mutants[number::SIDES]:
                    # A forked process would have the locks of a thread, and not the thread.
                    threads = {thread.name for thread in threading.enumerate()} - {IDLE_SERVER}
                    assert threads == {threading.main_thread().name}, threading.enumerate()
                    status = self._tried(mutant, session)
                    with self._results.open("a") as results:
                        results.write(line_of(mutant, status, self._digest))
        except BaseException:
            self._say(traceback.format_exc())
            have_run_theirs.abort()
        finally:
            os._exit(0)

    def _run_once(self, items: list[pytest.Item], session: pytest.Session) -> dict[str, tuple[Seconds, list[str]]]:
        """The seconds that each test takes, and the functions that it reaches.

        Fixtures of the session stay set up: each fork finds them so.
        """
        from mutmut.mutation import trampoline  # noqa: PLC0415 - it is installed for this alone

        reached: set[str] = set()
        pytest.MonkeyPatch().setattr(trampoline, "record_trampoline_hit", lambda name, **_: reached.add(name))
        trampoline.set_mutant_under_test("stats")
        learnt = {}
        for item, following in zip(items, [*items[1:], session], strict=True):
            reached.clear()
            began, worked = time.monotonic(), time.process_time()
            if self._passes(item, following):
                seconds = Seconds(time.monotonic() - began, time.process_time() - worked)
                learnt[item.nodeid] = seconds, sorted(reached)
            else:
                self._say(f"left out, as it fails without a fault: {item.nodeid}\n")
        trampoline.set_mutant_under_test("")
        return learnt

    def _learn(self, session: pytest.Session) -> None:
        """What both sides have seen."""
        items = {item.nodeid: item for item in session.items}
        for number in range(SIDES):
            for name, (seconds, functions) in json.loads(self._plan.with_suffix(f".{number}").read_text()).items():
                self._seconds[items[name]] = Seconds(*seconds)
                for function in functions:
                    self._reaching[function].append(items[name])
        for tests in self._reaching.values():
            tests.sort(key=lambda test: self._seconds[test].of_processor)
            in_all = accumulate(self._seconds[test].of_processor for test in tests[:-1])
            del tests[1 + sum(seconds < ENOUGH_SECONDS for seconds in in_all) :]

    def _passes(self, item: pytest.Item, following: object) -> bool:
        """What needs not outlive the session is taken down as far as the test that follows does not need it."""
        self._failed = False
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        return not self._failed

    def _forget_what_was_computed(self) -> None:
        """What is kept from before the fault would hide it."""
        gc.unfreeze()
        for each in gc.get_objects():
            if isinstance(each, functools._lru_cache_wrapper) and each.__module__.startswith("rotator"):
                each.cache_clear()
        gc.freeze()

    def _tried(self, mutant: Mutant, session: pytest.Session) -> str:
        tests = self._reaching.get(mutant.function, [])
        if not tests:
            return "no test reaches it"
        with _own_folder(session):
            reading, writing = os.pipe()
            child = os.fork()
            if not child:
                self._be_the_child(mutant.name, tests, session, writing)
            os.close(writing)
            try:
                return self._status(tests, reading)
            finally:
                os.close(reading)
                with suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)

    def _status(self, tests: list[pytest.Item], reading: int) -> str:
        for number, test in enumerate(tests):
            seconds = LEAST_SECONDS + TIMES_AS_LONG * self._seconds[test].by_the_clock
            if not select.select([reading], [], [], seconds)[0]:
                return "never ends"
            match os.read(reading, 1):
                case b"":
                    return "crashes"
                case b"-":
                    # It may notice the next one, too.
                    tests.insert(0, tests.pop(number))
                    return "a test fails"
        return "survives"

    def _be_the_child(self, mutant: str, tests: list[pytest.Item], session: pytest.Session, writing: int) -> NoReturn:
        """Says of each test whether it passes, up to the first that does not."""
        from mutmut.mutation import trampoline  # noqa: PLC0415

        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            trampoline.set_mutant_under_test(mutant)
            for test, following in zip(tests, [*tests[1:], session], strict=True):
                passes = self._passes(test, following)
                os.write(writing, b"+" if passes else b"-")
                if not passes:
                    break
        finally:
            os._exit(0)


@contextmanager
def _own_folder(session: pytest.Session) -> Iterator[None]:
    """Where tests make theirs, and what they leave there is gone afterwards."""
    factory = session.config._tmp_path_factory  # type: ignore[attr-defined]
    before = factory._basetemp
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        factory._basetemp = Path(folder)
        try:
            yield
        finally:
            factory._basetemp = before


def _carry_out(plan: Path) -> int:
    trial = Trial(plan)
    without = [f"-pno:{plugin}" for plugin in ("xdist", "cov", "cacheprovider", "terminal")]
    options = ["-o", "addopts=--import-mode=importlib", "-m", "not thorough", "--hypothesis-seed=0"]
    return pytest.main([*without, *options, *trial.tests], [trial])


if __name__ == "__main__":
    sys.exit(_carry_out(Path(sys.argv[1])))
