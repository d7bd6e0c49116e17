from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

import rotator as package
from rotator import resources
from rotator.errors import ConfigurationError, RotatorError
from tests.tiers import longer

ROOT = Path(package.__file__).parents[1]
PAGES = sorted(file.stem for file in (ROOT / "docs").glob("*.md"))
MODULES = sorted(file for file in (ROOT / "rotator").rglob("*.py") if file.name != "resources.py")
SAID_TO_PEOPLE = [*MODULES, *(ROOT / "systemd").iterdir(), ROOT / "config.yaml.example", *ROOT.glob("*.md")]


def test_every_page_is_known_by_name() -> None:
    assert sorted(get_args(resources.Page)) == PAGES


def test_an_installation_that_lacks_its_pages_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "__file__", str(tmp_path / "rotator" / "__init__.py"))
    with pytest.raises(RotatorError, match="lacks its page alerts") as lacking:
        resources.read_page("alerts")
    assert not isinstance(lacking.value, ConfigurationError)
    with pytest.raises(RotatorError, match="lacks its example configuration"):
        resources.example_configuration()


@longer
def test_no_message_and_no_help_names_a_page_by_a_path_that_an_installation_lacks() -> None:
    assert [module for module in MODULES if _names_a_file_of_the_source_tree(module.read_text())] == []


def _names_a_file_of_the_source_tree(text: str) -> bool:
    return bool(re.search(r"\bdocs/[a-z-]+\.md\b|\bconfig\.yaml\.example\b", text))


def test_what_would_be_found_is_found() -> None:
    assert _names_a_file_of_the_source_tree("See docs/salesforce-setup.md.")
    assert _names_a_file_of_the_source_tree("config.yaml.example shows every option.")


@longer
def test_every_page_that_is_named_by_its_command_is_there() -> None:
    named = {
        name
        for file in SAID_TO_PEOPLE
        for name in re.findall(r"rotator docs ([a-z-]+)|\bdocs\([\"']([a-z-]+)", file.read_text())
        for name in name
        if name
    }
    assert named
    assert named <= set(PAGES)
