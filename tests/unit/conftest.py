"""Simulated orgs for the whole session, and a configuration of them for each test."""

# ruff: noqa: PLC0415 - most tests need no server, and its libraries take long to import

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.simulator.serving.server import SimulatorServer


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SimulatorServer, Path]]:
    """Two simulated orgs, and the folder that they exported."""
    from rotator.cli.commands.simulator import _fill_store
    from rotator.history.engine.database import open_database
    from rotator.simulator.org.settings import OrgSettings
    from rotator.simulator.serving.export import Export
    from rotator.simulator.serving.hosting import hosted

    export = Export(tmp_path_factory.mktemp("exported"))
    with hosted(OrgSettings(), port=0, export=export, state=None) as server:
        _fill_store(export, server)
        # An empty history: to make its tables takes as long as most tests.
        with open_database(f"sqlite:///{export.folder}/rotator.db") as database:
            database.upgrade()
        yield server, export.folder


@pytest.fixture
def simulator(exported: tuple[SimulatorServer, Path]) -> Iterator[SimulatorServer]:
    """The simulated orgs; faults that a test sets end with it."""
    server, _ = exported
    yield server
    for org in server.orgs:
        org.faults.clear()


@pytest.fixture
def config(exported: tuple[SimulatorServer, Path], tmp_path: Path) -> Iterator[Path]:
    """A configuration of the simulated orgs with a store and a history of its own.

    Nobody is logged in to them, and afterwards every app holds again what the next test's store has for it.
    """
    for org in exported[0].orgs:
        org.grants.clear()
        org.sessions.end_all()
    folder = tmp_path / "config"
    shutil.copytree(exported[1], folder, symlinks=True)
    held = [(app, [*app.slot.changes]) for org in exported[0].orgs for app in org.client_apps]
    yield folder / "config.yaml"
    for app, changes in held:
        app.slot.changes[:] = changes
