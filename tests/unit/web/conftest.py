"""Pages over histories that were made once."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.config.daemon import HttpSettings
from rotator.history.database import Database, open_database
from rotator.services.gathering import Gathering
from rotator.web.application import application
from rotator.web.liveness import Liveness
from tests.unit.web import scene
from tests.unit.web.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotator.config.settings import Settings


@pytest.fixture(scope="session")
def alive() -> Liveness:
    """A process that works, and ticked just now."""
    return Liveness(
        started_at=scene.NOW - scene.DAY,
        ticked_at=scene.NOW - timedelta(seconds=3),
        since_tick=timedelta(seconds=3),
        tick=timedelta(seconds=15),
        lag=timedelta(milliseconds=250),
        is_working=True,
    )


@pytest.fixture(scope="session")
def new_history(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Database]:
    """Makes empty histories, copied from one that was migrated once."""
    migrated = tmp_path_factory.mktemp("web") / "rotator.db"
    with open_database(f"sqlite:///{migrated}") as database:
        database.upgrade()

    def new() -> Database:
        file = tmp_path_factory.mktemp("web") / "rotator.db"
        shutil.copy(migrated, file)
        return open_database(f"sqlite:///{file}")

    return new


@pytest.fixture
def database(new_history: Callable[[], Database]) -> Iterator[Database]:
    """An empty history."""
    with new_history() as database:
        yield database


def _furnished(
    furnish: Callable[[Database], Settings], alive: Liveness, new_history: Callable[[], Database]
) -> Iterator[Client]:
    with new_history() as database:
        settings = furnish(database)
        source = Gathering(lambda: settings, database, lambda: scene.NOW)
        yield Client(application(source, HttpSettings(), token=None, alive=lambda: alive))


@pytest.fixture(scope="session")
def company(alive: Liveness, new_history: Callable[[], Database]) -> Iterator[Client]:
    """The pages of `scene.company`."""
    yield from _furnished(scene.company, alive, new_history)


@pytest.fixture(scope="session")
def empty(alive: Liveness, new_history: Callable[[], Database]) -> Iterator[Client]:
    """The pages before anything was looked at."""
    yield from _furnished(scene.empty, alive, new_history)


@pytest.fixture(scope="session")
def many(alive: Liveness, new_history: Callable[[], Database]) -> Iterator[Client]:
    """The pages of 500 apps."""
    yield from _furnished(scene.many(), alive, new_history)
