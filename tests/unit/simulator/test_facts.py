"""Every fact that an org can show has a test that names it, and no test names another."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from tests.tiers import longer
from tests.unit.simulator.facts import FACTS, NOT_SHOWN, SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parents[2]
FOLDERS = (TESTS / "unit" / "simulator", TESTS / "contract" / "simulator")


def named(source: str) -> Iterator[str]:
    """The facts that the tests of a module name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fact":
            yield from (ast.literal_eval(argument) for argument in node.args)


@longer
def test_every_fact_has_a_test_that_names_it() -> None:
    modules = [file for folder in FOLDERS for file in folder.rglob("test_*.py")]
    found = {fact for file in modules for fact in named(file.read_text())}
    assert sorted(set(FACTS) - found) == []
    assert sorted(found - set(FACTS)) == []


def test_a_test_that_names_a_fact_would_be_found() -> None:
    assert [*named('@pytest.mark.fact("1.1a", "3a")\ndef test_it(): ...')] == ["1.1a", "3a"]


def test_facts_are_of_sections_and_every_section_has_some() -> None:
    assert {fact.rstrip("abcdefghijklmnopqrstuvwxyz") for fact in FACTS} == set(SECTIONS)
    assert set(NOT_SHOWN) <= set(SECTIONS)
