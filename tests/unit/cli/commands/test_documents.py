"""`rotator docs` and `rotator config example`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import rotator as package

if TYPE_CHECKING:
    from tests.unit.cli.outcomes import Command

ROOT = Path(package.__file__).parents[1]
PAGES = sorted(file.stem for file in (ROOT / "docs").glob("*.md"))


def test_the_pages_are_listed_with_their_titles(rotator: Command) -> None:
    shown = rotator("docs")
    assert shown.code == 0
    lines = dict(line.split(maxsplit=1) for line in shown.out.splitlines())
    assert sorted(lines) == PAGES
    assert lines["salesforce-setup"] == "Setting up an org in ten minutes"


@pytest.mark.parametrize("name", ["operations", "operations.md", "docs/operations.md"])
def test_a_page_is_printed_as_it_is(rotator: Command, name: str) -> None:
    shown = rotator("docs", name)
    assert (shown.code, shown.out) == (0, (ROOT / "docs" / "operations.md").read_text())


def test_a_page_that_there_is_not_is_an_error_with_those_that_there_are(rotator: Command) -> None:
    shown = rotator("docs", "../README")
    assert (shown.code, shown.out) == (2, "")
    assert "There is no page `../README`." in shown.err
    for name in PAGES:
        assert name in shown.err


def test_the_example_configuration_is_printed_as_it_is(rotator: Command) -> None:
    shown = rotator("config", "example")
    assert (shown.code, shown.out) == (0, (ROOT / "config.yaml.example").read_text())


def test_the_line_to_type_names_a_folder_with_a_space_in_it(rotator: Command, tmp_path: Path) -> None:
    folder = tmp_path / "of the org; ls"
    shown = rotator("config", "project", str(folder), "--contact", "ada@example.com")
    assert shown.code == 0
    [line] = [line for line in shown.out.splitlines() if "sf project" in line]
    assert shlex.split(line)[:2] == ["cd", str(folder)]


@pytest.mark.parametrize(
    ("file", "said"), [("/dev/zero", "is not a regular file"), ("/proc/self/mem", "cannot be read: ")]
)
def test_a_certificate_that_cannot_be_read_is_told_and_nothing_is_written(
    rotator: Command, tmp_path: Path, file: str, said: str
) -> None:
    folder = tmp_path / "new"
    shown = rotator("config", "project", str(folder), "--contact", "ada@example.com", "--certificate", file)
    assert shown.code == 2
    assert f"The certificate in {file} {said}" in shown.err
    assert not folder.exists()
