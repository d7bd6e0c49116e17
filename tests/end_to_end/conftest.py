"""Simulated orgs in this process, so that a test can reach into them, and a configuration of them for each test."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from rotator.cli.commands.simulator import simulated
from rotator.simulator.serving import hosting
from rotator.simulator.serving.server import SimulatorServer
from tests.end_to_end.orgs import spare_keys
from tests.end_to_end.places import Place, hosted_place
from tests.end_to_end.strangers import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.simulator.org.org import Org


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SimulatorServer, Path]]:
    """Two simulated orgs in this process, and what they exported."""
    with spare_keys() as patch:
        servers: list[SimulatorServer] = []

        def remembered(*arguments: Any, **options: Any) -> SimulatorServer:
            servers.append(SimulatorServer(*arguments, **options))
            return servers[-1]

        patch.setattr(hosting, "SimulatorServer", remembered)
        folder = tmp_path_factory.mktemp("simulated") / "export"
        with simulated(folder, propagation=0, flap=0) as (config, _):
            yield servers[0], config.parent


@pytest.fixture
def org(served: tuple[SimulatorServer, Path]) -> Iterator[Org]:
    """The production org; its faults end with the test."""
    org = served[0].org("production")
    yield org
    org.faults.clear()


@pytest.fixture
def folder(served: tuple[SimulatorServer, Path], tmp_path: Path, migrated_file: Path) -> Folder:
    """A configuration of the simulated orgs with a store and a history of its own."""
    shutil.copytree(served[1], tmp_path / "mine", symlinks=True)
    shutil.copy(migrated_file, tmp_path / "mine" / "rotator.db")
    return Folder(tmp_path / "mine").fast()


@pytest.fixture(scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Place]:
    with hosted_place(tmp_path_factory.mktemp("place"), migrated_file) as place:
        yield place


@pytest.fixture
def place(_place: Place) -> Iterator[Place]:
    """The same place for every test of a file: each rotates what the one before left."""
    yield _place
    _place.let_go()
