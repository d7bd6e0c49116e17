"""Errors in words: what they say to whom, and what a plug-in that was written for the release before may say still."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import rotator
from rotator.errors import StoreUnavailable

SOURCE = Path(rotator.__file__).parent
READ_BY_OTHERS = [
    path
    for path in SOURCE.rglob("*.py")
    if path.relative_to(SOURCE).parts[0] not in {"cli", "simulator"} and "config" not in path.relative_to(SOURCE).parts
]
"""Modules whose sentences may reach people who typed no command."""

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


@pytest.mark.parametrize("path", READ_BY_OTHERS, ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_rerun_tells_to_type_a_command_again(path: Path) -> None:
    tree = ast.parse(path.read_text())
    allowed = {id(part) for node in ast.walk(tree) for value in _reruns(node) for part in ast.walk(value)} | _docs(tree)
    told = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in allowed]
    assert [node.value for node in told if _TYPE_IT_AGAIN.search(str(node.value))] == []


def _reruns(node: ast.AST) -> list[ast.AST]:
    """What an argument, or a constant, of that name holds."""
    if isinstance(node, ast.keyword) and node.arg == "rerun":
        return [node.value]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and "RERUN" in node.target.id:
        return [node]
    return []


def _docs(tree: ast.AST) -> set[int]:
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
