"""Two installations by mistake: each has a history and locks of its own, and both rotate what is in one store."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from typing import TYPE_CHECKING, Final

from rotator.consumer.dual_key import DualKeyLogin
from rotator.core.retry import Waiting
from rotator.errors import RotatorError
from rotator.history.engine.database import open_database
from rotator.stores.base import StoredVersions
from tests.rotation.lineups import CONNECTED
from tests.rotation.watching import CHANGES, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from rotator.application import Application
    from rotator.history.engine.database import Database
    from rotator.services.rotation.report import Report
    from tests.rotation.ground import Ground
    from tests.rotation.watching import Promises, Scenario

    _T = TypeVar("_T")

_SHARED: Final = frozenset({"store", "org"})
"""What two installations have in common."""


class Consumer:
    """Logs in with what the store holds, once: the first key that is not refused must fit."""

    def __init__(self, ground: Ground, credential: str) -> None:
        waiting = Waiting(patience=0.0, now=ground.clock.now, elapsed=lambda: 0.0, sleep=ground.clock.sleep)
        self._login = DualKeyLogin(StoredVersions(ground.store, credential), ground.transport, waiting)

    def logs_in(self) -> None:
        """Raises LoginRefused when no stored key fits."""
        assert self._login.token().access_token


class Turns:
    """Lets two programs make one call each in turn, so that a scenario goes the same way every time."""

    def __init__(self) -> None:
        self._condition: Final = Condition()
        self._running = [0, 1]
        self._next = 0

    def wait(self, program: int) -> None:
        """Returns when it is this program's turn to make a call."""
        with self._condition:
            assert self._condition.wait_for(lambda: self._next == program, timeout=60), "the other program hangs"

    def over(self, program: int) -> None:
        """The other program's turn, if it still runs."""
        with self._condition:
            self._next = next((other for other in self._running if other != program), program)
            self._condition.notify_all()

    def ended(self, program: int) -> None:
        """Makes no call any more."""
        with self._condition:
            self._running.remove(program)
        self.over(program)


@dataclass
class Observed(Watcher):
    """Something happens before each call to store or org, and after each change the promises must hold."""

    promises: Promises
    consumer: Consumer
    before: Callable[[str], object] = lambda _name: None

    def call(self, name: str, call: Callable[[], _T]) -> _T:
        """See Watcher."""
        is_shared = name.partition(".")[0] in _SHARED
        if is_shared:
            self.before(name)
        result = call()
        if is_shared and name in CHANGES:
            self.promises.check()
            self.consumer.logs_in()
        return result


def served(scenario: Scenario, app: Application) -> Report | RotatorError:
    """The report of a run, or what it stopped with."""
    try:
        return scenario.handle(app)
    except RotatorError as error:
        return error


@dataclass
class Second:
    """The other installation."""

    ground: Ground
    database: Database

    @contextmanager
    def program(self, watcher: Watcher | None = None) -> Iterator[Application]:
        """Its program, in a process that starts now."""
        with self.ground.program(watcher) as app:
            app.__dict__["database"] = self.database
            yield app


@contextmanager
def second_installation(ground: Ground) -> Iterator[Second]:
    """Another one on the same ground, where everything begins."""
    ground.begin(lineup=CONNECTED)
    folder = ground.folder.with_name("second")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ground.folder, folder)
    with open_database(f"sqlite:///{folder}/rotator.db") as database:
        yield Second(ground, database)
