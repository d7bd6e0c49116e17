"""Errors in words: what they say to whom, and what a plug-in that was written for the release before may say still."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import rotator
from rotator.errors import StoreUnavailable
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(rotator.__file__).parent
READ_BY_OTHERS = [
    path
    for path in SOURCE.rglob("*.py")
    if path.relative_to(SOURCE).parts[0] not in {"cli", "simulator"} and "config" not in path.relative_to(SOURCE).parts
]
"""Modules whose sentences may reach people who typed no command."""

_BETWEEN_LITERALS = re.compile(r"""["']\s*[rf]*["']""")
_TYPE_IT_AGAIN = re.compile(r"\b(run|type|rotate|repeat)( it| this| that| the( same)? command)? again", re.IGNORECASE)


def test_an_error_reads_as_what_happened_what_was_left_and_what_to_do() -> None:
    error = StoreUnavailable("The store is away.", effect="Nothing was changed.", hint="Start it.")
    assert (error.message, error.effect, error.hint) == ("The store is away.", "Nothing was changed.", "Start it.")
    assert str(error) == "The store is away. Nothing was changed. Start it."


def test_a_plug_ins_error_with_the_words_of_the_release_before_says_the_same() -> None:
    former: dict[str, Any] = {"left": "Nothing was changed.", "advice": "Start it."}
    error = StoreUnavailable("The store is away.", **former)
    assert str(error) == "The store is away. Nothing was changed. Start it."


def test_what_to_do_for_who_typed_a_command_is_told_beside_what_to_do_at_all() -> None:
    error = StoreUnavailable("The store is away.", hint="Start it.", rerun="Then run it again.")
    assert error.advice == "Start it. Then run it again."
    assert error.hint == "Start it."
    assert str(error) == "The store is away. Start it."
    assert StoreUnavailable("The store is away.", rerun="Run it again.").advice == "Run it again."


@longer
def test_only_rerun_tells_to_type_a_command_again() -> None:
    assert len(READ_BY_OTHERS) > 100
    told = {str(path.relative_to(SOURCE)): [*_told_to_type_it_again(path.read_text())] for path in READ_BY_OTHERS}
    assert {path: sentences for path, sentences in told.items() if sentences} == {}


@pytest.mark.parametrize(
    ("source", "is_told"),
    [
        ('raise StoreError("It is away.", hint="Start it, and run it again.")', True),
        ('raise StoreError("It is away.", hint="Start it, and run it " "again.")', True),
        ('raise StoreError("It is away.", hint="Start it.", rerun="Then run it again.")', False),
        ('"""Whoever is told to run it again."""', False),
    ],
)
def test_such_a_sentence_would_be_noticed(source: str, is_told: bool) -> None:
    assert bool([*_told_to_type_it_again(source)]) == is_told


def _told_to_type_it_again(source: str) -> Iterator[str]:
    # To parse every module would take a second; where a sentence goes on in another literal it is read as one.
    if not _TYPE_IT_AGAIN.search(_BETWEEN_LITERALS.sub("", source)):
        return
    tree = ast.parse(source)
    allowed = {id(part) for node in ast.walk(tree) for value in _reruns(node) for part in ast.walk(value)} | _docs(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in allowed and _TYPE_IT_AGAIN.search(str(node.value)):
            yield str(node.value)


def _reruns(node: ast.AST) -> list[ast.AST]:
    """What an argument, or a constant, of that name holds."""
    if isinstance(node, ast.keyword) and node.arg == "rerun":
        return [node.value]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and "RERUN" in node.target.id:
        return [node]
    return []


def _docs(tree: ast.AST) -> set[int]:
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
