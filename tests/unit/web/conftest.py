"""Pages over histories that were made once."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.config.daemon import HttpSettings
from rotator.history.engine.database import Database, open_database
from rotator.services.reporting.reader import HistoryReader
from rotator.web.routes import application
from rotator.web.source import Liveness
from tests.unit.web import scene
from tests.unit.web.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

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
def _one_history(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[tuple[Database, Path]]:
    file = tmp_path_factory.mktemp("web") / "rotator.db"
    shutil.copy(migrated_file, file)
    with open_database(f"sqlite:///{file}") as database:
        yield database, file


@pytest.fixture
def database(_one_history: tuple[Database, Path], migrated_file: Path) -> Iterator[Database]:
    """An empty history. One engine serves all tests: it has compiled their statements."""
    database, file = _one_history
    shutil.copy(migrated_file, file)
    yield database
    database.close()


@pytest.fixture(scope="session")
def _company_file(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Path:
    file = tmp_path_factory.mktemp("company") / "rotator.db"
    shutil.copy(migrated_file, file)
    with open_database(f"sqlite:///{file}") as database:
        scene.company(database)
    return file


@pytest.fixture
def company_database(database: Database, _one_history: tuple[Database, Path], _company_file: Path) -> Database:
    """A copy of the history of `scene.company`, to be written in: to make one takes 0.2 seconds."""
    shutil.copy(_company_file, _one_history[1])
    return database


def _furnished(furnish: Callable[[Database], Settings], alive: Liveness, folder: Path) -> Iterator[Client]:
    with open_database(f"sqlite:///{folder}/rotator.db") as database:
        settings = furnish(database)
        source = HistoryReader(lambda: settings, database, lambda: scene.NOW)
        yield Client(application(source, HttpSettings(), token=None, alive=lambda: alive))


@pytest.fixture(scope="session")
def company(alive: Liveness, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The pages of `scene.company`."""
    yield from _furnished(scene.company, alive, tmp_path_factory.mktemp("web"))


@pytest.fixture(scope="session")
def empty(alive: Liveness, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The pages before the first inventory."""
    yield from _furnished(scene.empty, alive, tmp_path_factory.mktemp("web"))


@pytest.fixture(scope="session")
def many(alive: Liveness, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The pages of 500 apps."""
    yield from _furnished(scene.many(), alive, tmp_path_factory.mktemp("web"))
