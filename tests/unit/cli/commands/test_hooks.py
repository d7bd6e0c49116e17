"""Hooks by command: what there is, and trying them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rotator.hooks.execution import KEPT
from rotator.services.hooks.hook_service import LEFT_OUT
from tests.unit.configurations import with_credentials

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.outcomes import Command

CONFIGURATION = with_credentials("billing")
HOOKS = """
hooks:
  after_rotation:
    good: {type: command, command: [/bin/echo, done]}
    bad: {type: command, command: [/bin/false], on: [halted]}
    lost: {type: webhook, url: "http://localhost:9/", secret: {env: NOT_SET}}
"""


@pytest.fixture
def config(migrated_file: Path, tmp_path: Path) -> Path:
    (tmp_path / "rotator.db").write_bytes(migrated_file.read_bytes())
    (tmp_path / "config.yaml").write_text(CONFIGURATION + HOOKS)
    return tmp_path / "config.yaml"


def test_without_hooks_it_says_where_one_is_added(rotator: Command, config: Path) -> None:
    config.write_text(CONFIGURATION)
    assert "hooks: after_rotation:" in rotator("--config", config, "hooks", "list").out
    assert rotator("--config", config, "hooks", "list", "--json").json == []
    refused = rotator("--config", config, "hooks", "test")
    assert refused.code == 2
    assert "No hook is configured. Nothing was called." in " ".join(refused.err.split())


def test_each_is_listed_with_when_it_is_called(rotator: Command, config: Path) -> None:
    found = rotator("--config", config, "hooks", "list", "--json").json
    assert [(each["hook"], each["on"], each["pending"], each["last"]) for each in found] == [
        ("good", ["rotated", "restored"], [], None),
        ("bad", ["halted"], [], None),
        ("lost", ["rotated", "restored"], [], None),
    ]
    assert "halted" in rotator("--config", config, "hooks", "list").out


def test_trying_them_says_which_did_their_work(rotator: Command, config: Path) -> None:
    ran = rotator("--config", config, "hooks", "test", "--json")
    assert ran.code == 1
    assert [(each["hook"], each["event"], each["accepted"]) for each in ran.json] == [
        ("good", "rotated", True),
        ("bad", "halted", False),
        ("lost", "rotated", False),
    ]
    assert ran.json[0]["output"] == "done"
    assert "NOT_SET is not set" in ran.json[2]["problem"]
    assert rotator("--config", config, "hooks", "test", "good").code == 0
    assert rotator("--config", config, "hooks", "test", "bad").code == 3


@pytest.mark.parametrize("status", [0, 1])
def test_what_it_says_is_shown_as_the_history_would_keep_it(
    rotator: Command, config: Path, tmp_path: Path, status: int
) -> None:
    says = tmp_path / "says"
    says.write_text(f'#!/bin/sh\nprintf "%b" "$1"\nexit {status}\n')
    says.chmod(0o700)

    def said(text: str) -> tuple[str, str]:
        hook = {"type": "command", "command": [str(says), text]}
        config.write_text(f"{CONFIGURATION}\nhooks: {json.dumps({'after_rotation': {'talks': hook}})}\n")
        test = ("--config", config, "hooks", "test", "talks")
        return rotator(*test).out, rotator(*test, "--json").json[0]["output"]

    shown, told = said("the password=hunter22 is in force")
    assert "hunter22" not in shown + told
    assert LEFT_OUT in shown
    assert told == LEFT_OUT
    shown, told = said(r"\0033]0;title\0007 reloaded\0342\0200\0256")
    assert "?]0;title? reloaded?" in shown
    assert told == "?]0;title? reloaded?"
    shown, told = said("a" * 3000)
    assert len(told) == KEPT
    assert len(shown) < KEPT + 200


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["goood"], "There is no hook called 'goood'."),
        (["good", "--credential", "bill"], "There is no credential called 'bill'."),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_ones(
    rotator: Command, config: Path, arguments: list[str], sentence: str
) -> None:
    refused = rotator("--config", config, "hooks", "test", *arguments)
    assert refused.code == 2
    assert sentence in refused.err


def test_a_hook_is_checked_before_it_is_needed(rotator: Command, config: Path) -> None:
    checked = rotator("--config", config, "check", "--json").json
    found = {each["name"]: each["result"] for each in checked if each["name"].startswith("hook ")}
    assert found == {"hook good": "ok", "hook bad": "ok", "hook lost": "failed"}
