"""The wheel, installed in an environment of its own, has all that the program and its messages rely on."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import venv
from email import message_from_string
from pathlib import Path

import pytest

from tests.tiers import first_standard

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))

DESCRIBE = (
    "from importlib.metadata import distribution; print(distribution('salesforce-rotator').read_text('METADATA'))"
)
"""No path to the source tree: what is described is the installation."""


class Installation:
    """An environment with the wheel in it, and what its commands say in an empty folder."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self.scripts = environment / "bin"
        self.folder = folder

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of the environment."""
        command: list[str | Path] = [self.scripts / script, *arguments]
        ran = subprocess.run(
            command,
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in ran.stderr
        return ran

    def printed(self, script: str, *arguments: str) -> str:
        """What a command printed that went well."""
        ran = self.run(script, *arguments)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A wheel built and installed without network; the libraries are the tests' own."""
    folder = tmp_path_factory.mktemp("wheel")
    _done(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    _done(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", "--no-compile", wheel)
    # A folder that a .pth file names comes last on the path, and .pth files in it count for nothing: not that of the
    # tests' own installation, which leads to the source tree.
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installation(environment, tmp_path_factory.mktemp("empty"))


def _done(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_the_installation_that_is_tried(installation: Installation) -> None:
    where = installation.printed("python", "-c", "import rotator; print(rotator.__file__)")
    assert where.startswith(str(installation.scripts.parent))


def test_both_commands_and_the_module_start(installation: Installation) -> None:
    version = installation.printed("rotator", "--version")
    assert re.fullmatch(r"rotator \d+\.\d+\.\d+\n", version)
    assert installation.printed("python", "-m", "rotator", "--version") == version
    assert "Usage: rotate " in installation.printed("rotate", "--help")


def test_it_says_its_name_and_carries_its_licence(installation: Installation) -> None:
    described = message_from_string(installation.printed("python", "-c", DESCRIBE))
    assert described["Name"] == "salesforce-rotator"
    assert described["License-Expression"] == "Apache-2.0"
    (licence,) = installation.scripts.parent.glob("lib/python*/site-packages/*.dist-info/licenses/LICENSE")
    assert licence.read_text() == (ROOT / "LICENSE").read_text()


def test_it_lists_what_it_runs_with(installation: Installation) -> None:
    (bill,) = installation.scripts.parent.glob("lib/python*/site-packages/*.dist-info/sboms/sbom.cdx.json")
    assert bill.read_text() == (ROOT / "sbom.cdx.json").read_text()


@pytest.mark.parametrize("page", first_standard(PAGES, 2), ids=lambda page: page.stem)
def test_it_prints_every_page(installation: Installation, page: Path) -> None:
    assert installation.printed("rotator", "docs", page.stem) == page.read_text()


def test_it_lists_every_page(installation: Installation) -> None:
    listed = installation.printed("rotator", "docs")
    assert [line.split()[0] for line in listed.splitlines()] == [page.stem for page in PAGES]


def test_what_a_message_names_can_be_typed(installation: Installation) -> None:
    refused = installation.run("rotator", "status")
    assert refused.returncode == 2
    assert "`rotator config example`" in refused.stderr
    example = installation.printed("rotator", "config", "example")
    assert example == (ROOT / "config.yaml.example").read_text()


def test_it_makes_a_history_by_its_own_migrations(installation: Installation) -> None:
    config = installation.folder / "example.yaml"
    config.write_text(installation.printed("rotator", "config", "example"))
    told = installation.printed("rotator", "--config", str(config), "db", "upgrade")
    newest = sorted((ROOT / "migrations" / "versions").glob("[0-9]*_*.py"))[-1].name.partition("_")[0]
    assert told.endswith(f"rotator.db is at version {newest}.\n")
