"""A service whose round, clock, signals and systemd are the test's."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn
from unittest.mock import Mock

import pytest

from rotator.application import Application
from rotator.config.loading import load
from rotator.daemon import service as service_module
from rotator.daemon.service import Service
from rotator.daemon.systemd import Notifier
from rotator.errors import DaemonRunning, Holder

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rotator.config.settings import Settings
    from rotator.services.schedule.jobs import CycleEnd, Job

PATIENCE = 60.0

CONFIG = """\
database: sqlite:///rotator.db
orgs:
  production:
    login_url: https://example.my.salesforce.com
    login: {client_id: key, username: rotator@example.com, private_key: {file: management.pem}}
stores:
  keys: {type: files, path: store}
credentials:
  billing: {org: production, store: keys, username: billing@example.com, apps: [Billing]}
daemon: {tick: 1s}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


class Heard(Notifier):
    """What systemd is told."""

    def __init__(self, watchdog: timedelta | None = timedelta(minutes=4)) -> None:
        super().__init__(watchdog=watchdog)
        self.told: list[str] = []

    def _send(self, *lines: str) -> None:
        self.told += lines

    def count(self, word: str) -> int:
        return sum(word in line for line in self.told)


class Hold:
    """A lock that can be lost."""

    held = True

    def still_held(self) -> bool:
        return self.held


@dataclass
class World:
    """What is around the service: all of it is the test's to change."""

    due: Callable[[], list[Job]] = list
    """What each tick finds."""
    opens: Callable[[], None] = lambda: None
    """What the opening of the history raises."""
    other: Holder | None = None
    """Who else works."""
    hold: Hold = field(default_factory=Hold)
    steady: float = 1000.0
    alerting: Mock = field(default_factory=Mock)
    database: Mock = field(default_factory=Mock)
    ticks: int = 0
    daemon_runs: list[Settings] = field(default_factory=list)
    stop_asked: Callable[[], bool] = lambda: False
    taken: int = 0

    def daemon_run(self, app: Application, *, stop_asked: Callable[[], bool], **_: Any) -> Mock:
        """Instead of rotator.daemon.daemon_run.DaemonRun."""
        self.opens()
        self.daemon_runs.append(app.settings)
        self.stop_asked = stop_asked
        daemon_run = Mock()
        daemon_run.context.settings = app.settings
        daemon_run.context.alerting = self.alerting
        daemon_run.context.database = self.database
        daemon_run.lead = self._lead
        daemon_run.cycle.due = self._due
        return daemon_run

    def _due(self) -> list[Job]:
        self.ticks += 1
        return self.due()

    @contextmanager
    def _lead(self) -> Iterator[Hold]:
        if self.other:
            raise DaemonRunning("Another works.", hint="Leave it.", holder=self.other)
        self.hold = Hold()
        self.taken += 1
        yield self.hold


@dataclass
class Stage:
    """A service that runs while a test goes through its script, a step between two looks of the main thread."""

    service: Service
    world: World
    heard: Heard

    def plays(self, script: Callable[[], Iterator[signal.Signals | None]]) -> None:
        """Runs it; the script yields the signals that come, and None where none does."""
        steps = script()
        self.service.run(lambda _seconds: next(steps))

    def come(self, is_so: Callable[[], Any]) -> Iterator[None]:
        """Lets the main thread look around until it is so; to be used by `yield from`."""
        until = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < until, "it never came so far"
            time.sleep(0.002)
            yield None

    def ends(self) -> Iterator[None]:
        """Lets it look around until it has ended."""
        yield from self.come(lambda: False)


class ExitedError(Exception):
    """Instead of os._exit."""


def exit_at_once(end: CycleEnd) -> NoReturn:
    raise ExitedError(end)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(service_module, "DaemonRun", world.daemon_run)
    return world


@pytest.fixture
def stage(world: World, config: Path) -> Iterator[Stage]:
    """A service that ticks every 20 ms."""
    settings = load(config)
    fast = settings.model_copy(
        update={"daemon": settings.daemon.model_copy(update={"tick": timedelta(milliseconds=20)})}
    )
    heard = Heard()
    with Application(fast, environ={}, config=config, now=lambda: datetime.now(UTC)) as app:
        service = Service(app, heard, monotonic=lambda: world.steady, random=lambda: 0.5, exit_at_once=exit_at_once)
        threads = set(threading.enumerate())
        yield Stage(service, world, heard)
        service._scheduler.stop()
        for thread in set(threading.enumerate()) - threads:
            thread.join(PATIENCE)
