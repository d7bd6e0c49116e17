"""Where an installation remembers which history it used, and where it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rotator.history.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Mapping

ONE, OTHER = "sqlite:////srv/rotator.db", "postgresql+psycopg://rotator@db/rotator"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    return tmp_path / "etc" / "config.yaml"


def notes(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def no_folder_of_the_unit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("rotator.history.installation._OF_THE_UNIT", tmp_path / "none")


def test_it_is_beside_the_configuration_and_readable_by_nobody_else(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_folder_of_the_unit(monkeypatch, tmp_path)
    Installation(config, {"HOME": str(tmp_path / "home")}).remember(ONE)
    [note] = notes(tmp_path)
    assert (note.parent, note.stat().st_mode & 0o777, note.read_text()) == (config.parent, 0o600, ONE + "\n")
    assert Installation(config, {}).last_history() == ONE


def test_of_the_service_it_is_in_the_folder_of_its_state(config: Path, tmp_path: Path) -> None:
    environ = {"STATE_DIRECTORY": str(tmp_path / "state")}
    Installation(config, environ).remember(ONE)
    assert [note.parent for note in notes(tmp_path)] == [tmp_path / "state"]
    assert Installation(config, environ).last_history() == ONE


def test_a_command_beside_the_service_remembers_what_the_service_does(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = tmp_path / "var"
    unit.mkdir()
    monkeypatch.setattr("rotator.history.installation._OF_THE_UNIT", unit)
    Installation(config, {"STATE_DIRECTORY": str(unit)}).remember(ONE)
    assert Installation(config, {}).last_history() == ONE
    Installation(config, {}).remember(OTHER)
    assert [note.read_text() for note in notes(tmp_path)] == [OTHER + "\n"]


@pytest.mark.parametrize("environ", [{}, {"STATE_DIRECTORY": "/proc/none"}])
def test_where_nothing_can_be_written_nothing_is_remembered(environ: Mapping[str, str]) -> None:
    installation = Installation(Path("/proc/config.yaml"), {**environ, "HOME": "/proc/none"})
    installation.remember(ONE)
    assert installation.last_history() == ""


def test_a_copy_of_the_folder_elsewhere_remembers_nothing(config: Path, tmp_path: Path) -> None:
    Installation(config, {"HOME": str(tmp_path / "home")}).remember(ONE)
    config.parent.rename(tmp_path / "elsewhere")
    assert Installation(tmp_path / "elsewhere" / "config.yaml", {}).last_history() == ""


def test_a_configuration_in_no_file_remembers_nothing() -> None:
    installation = Installation(None, {})
    installation.remember(ONE)
    assert installation.last_history() == ""


def test_a_link_in_its_place_is_not_followed(config: Path, tmp_path: Path) -> None:
    environ = {"STATE_DIRECTORY": str(tmp_path / "state")}
    Installation(config, environ).remember(ONE)
    [note] = notes(tmp_path / "state")
    theirs = tmp_path / "theirs"
    theirs.write_text("whatever")
    note.unlink()
    note.symlink_to(theirs)
    assert Installation(config, environ).last_history() == ""
    Installation(config, environ).remember(OTHER)
    assert theirs.read_text() == "whatever"
    assert Installation(config, environ).last_history() == OTHER
