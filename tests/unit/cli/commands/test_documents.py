"""`rotator docs` and `rotator config example`."""

from __future__ import annotations

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
