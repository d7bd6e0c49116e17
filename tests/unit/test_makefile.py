"""What `make` installs, and when."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WHAT_RUNS = "--require-hashes -r requirements.lock"
WHAT_TESTS_NEED = "--require-hashes -r requirements-dev.lock"


def steps(target: str, environment: Path) -> str:
    """The commands that make would run for a target, with an environment in this folder."""
    surroundings = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL"}}
    command = ["make", "--dry-run", "--no-print-directory", target, f"VENV={environment}"]
    return subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=True).stdout


def set_up(environment: Path, *stamps: str) -> Path:
    """An environment that was set up just now, as its stamps say."""
    for stamp in stamps:
        (environment / stamp).touch()
    return environment


def test_the_demo_installs_only_what_runs(tmp_path: Path) -> None:
    first = steps("demo", tmp_path)
    assert WHAT_RUNS in first
    assert WHAT_TESTS_NEED not in first


@pytest.mark.parametrize("target", ["test", "thorough", "unit", "end-to-end", "coverage", "lint"])
def test_what_needs_more_adds_it_to_what_runs(tmp_path: Path, target: str) -> None:
    first = steps(target, tmp_path)
    assert first.index(WHAT_RUNS) < first.index(WHAT_TESTS_NEED)
    after_the_demo = steps(target, set_up(tmp_path, ".runs"))
    assert WHAT_RUNS not in after_the_demo
    assert WHAT_TESTS_NEED in after_the_demo


@pytest.mark.parametrize("target", ["demo", "test", "thorough", "unit", "end-to-end", "coverage", "lint"])
def test_nothing_is_installed_or_taken_away_a_second_time(tmp_path: Path, target: str) -> None:
    assert "pip" not in steps(target, set_up(tmp_path, ".runs", ".installed"))


def test_what_the_standard_tier_leaves_out_is_in_the_thorough_one_and_the_build_tries_both(tmp_path: Path) -> None:
    assert '-m "not thorough"' in steps("test", tmp_path)
    thorough = steps("thorough", tmp_path)
    assert "ROTATOR_TIER=thorough" in thorough
    assert '-m "thorough or more_in_thorough or hypothesis"' in thorough
    build = (ROOT / ".ci" / "run").read_text()
    assert [tier for tier in ("thorough", "test") if f'\ntested "${{pythons[0]}}" {tier}' not in build] == []


def test_a_command_that_is_at_work_is_shown_so_and_its_end_is_its_own(tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    until_a_dot = f"until grep -q [.] {shown}; do sleep 0.1; done; exit 3"
    with shown.open("w") as terminal:
        done = subprocess.run(
            [ROOT / ".ci" / "busy", "Installing", "sh", "-c", until_a_dot], stdout=terminal, check=False
        )
    assert done.returncode == 3
    assert re.fullmatch(r"Installing \.+\n", shown.read_text())
