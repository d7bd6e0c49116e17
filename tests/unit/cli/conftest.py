"""Simulated orgs for the whole session, a configuration of them for each test, and the command line in-process."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.cli.failures import run
from rotator.cli.main import cli
from rotator.cli.simulator import _fill_store
from rotator.simulator.export import Export
from rotator.simulator.hosting import hosted
from rotator.simulator.server import SimulatorServer
from rotator.simulator.settings import OrgSettings
from tests.unit.cli.outcomes import Command, Outcome


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SimulatorServer, Path]]:
    """Two simulated orgs, and the folder that they exported."""
    export = Export(tmp_path_factory.mktemp("exported"))
    with hosted(OrgSettings(), port=0, export=export, state=None) as server:
        _fill_store(export, server)
        yield server, export.folder


@pytest.fixture
def simulator(exported: tuple[SimulatorServer, Path]) -> Iterator[SimulatorServer]:
    """The simulated orgs; faults that a test sets end with it."""
    server, _ = exported
    yield server
    for org in server.orgs:
        org.faults.clear()


@pytest.fixture
def config(exported: tuple[SimulatorServer, Path], tmp_path: Path) -> Path:
    """A configuration of the simulated orgs with a store and a history of its own."""
    folder = tmp_path / "config"
    shutil.copytree(exported[1], folder, symlinks=True)
    return folder / "config.yaml"


@pytest.fixture
def rotator(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `rotator` in this process."""

    def command(*arguments: str | Path) -> Outcome:
        code = run(cli, "rotator", [str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return command
