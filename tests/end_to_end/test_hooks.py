"""Hooks of real processes: called once after a rotation, called again after a crash, and never told a secret."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from rotator.core.credentials import key_version
from tests.end_to_end.places import HANG, Place, after_promotion, kill, wait_until
from tests.end_to_end.processes import start

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """#!/bin/sh
{ echo "arguments: $*"; env; echo; } >> "$1/told"
while [ -e "$1/hang" ]; do sleep 0.05; done
echo reloaded
[ ! -e "$1/fail" ]
"""


@pytest.fixture
def notes(place: Place, tmp_path: Path) -> Path:
    """A folder in which a hook of its name writes down what it was told.

    What another test's hook was not told yet would hold up a call to it.
    """
    program = tmp_path / "hook"
    program.write_text(SCRIPT)
    program.chmod(0o755)
    file = place.folder / "config.yaml"
    config = yaml.safe_load(file.read_text())
    hook = {"type": "command", "command": [str(program), str(tmp_path)]}
    file.write_text(yaml.safe_dump(config | {"hooks": {"after_rotation": {tmp_path.name: hook}}}))
    return tmp_path


def told(notes: Path) -> list[dict[str, str]]:
    """The variables of each call."""
    file = notes / "told"
    calls = file.read_text().split("\n\n") if file.exists() else []
    return [
        dict(line.split("=", 1) for line in call.splitlines() if line.startswith("ROTATOR_")) for call in calls if call
    ]


def listed(place: Place) -> dict[str, Any]:
    """What `rotator hooks list` says of it."""
    environ = {**os.environ, "ROTATOR_CONFIG": str(place.folder / "config.yaml")}
    ran = start("rotator", "hooks", "list", "--json", environ=environ).ran()
    [hook] = ran.json
    return dict(hook)


def test_it_is_called_once_and_never_told_a_secret(place: Place, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "hvs." + "not-for-any-hook-at-all")
    old = place.current("billing")
    code, out, err = place.run("now", "billing")
    assert code == 0, err
    assert f"Hook {notes.name} was called after billing: rotated." in out
    [call] = told(notes)
    new = place.current("billing")
    assert call["ROTATOR_CREDENTIAL"] == "billing"
    assert call["ROTATOR_EVENT"] == "rotated"
    assert (call["ROTATOR_OLD_FINGERPRINT"], call["ROTATOR_NEW_FINGERPRINT"]) == (old.fingerprint, new.fingerprint)
    place.run("finish", "billing")
    assert len(told(notes)) == 1
    last = listed(place)["last"]
    assert (last["result"], last["output"]) == ("done", "reloaded")
    everything = (notes / "told").read_text() + (place.folder / "rotator.db").read_bytes().decode("latin-1")
    body = key_version(new).private_key.pem().reveal().splitlines()[1]
    for secret in (body, "PRIVATE KEY", "not-for-any-hook", "00D"):
        assert secret not in (notes / "told").read_text()
    assert body not in everything


def test_killed_while_it_runs_it_is_called_again_under_the_same_id(place: Place, notes: Path) -> None:
    (notes / "hang").touch()
    process = place.start("now", "billing")
    wait_until((notes / "told").exists, process)
    kill(process)
    (notes / "hang").unlink()
    [pending] = listed(place)["pending"]
    assert pending["credential"] == "billing"
    code, _, err = place.run("finish", "billing")
    assert code == 0, err
    first, second = told(notes)
    assert first["ROTATOR_ID"] == second["ROTATOR_ID"]
    place.run("finish", "billing")
    assert len(told(notes)) == 2
    assert listed(place)["pending"] == []


def test_killed_before_the_rotation_ended_it_is_called_once_after_its_end(place: Place, notes: Path) -> None:
    kill(place.start_and_reach(after_promotion(place, "billing"), HANG, "now", "billing"))
    assert told(notes) == []
    place.let_go()
    code, _, err = place.run("now", "billing")
    assert code == 0, err
    assert [call["ROTATOR_EVENT"] for call in told(notes)] == ["rotated"]


def test_one_that_fails_changes_no_exit_code_and_is_said(place: Place, notes: Path) -> None:
    (notes / "fail").touch()
    code, _, err = place.run("now", "billing")
    assert code == 0
    assert f"Hook {notes.name}: " in err
    assert "ended with status 1. The rotation itself is not touched by it. `rotator run` tries it again" in err
    (notes / "fail").unlink()
    environ = {**os.environ, "ROTATOR_CONFIG": str(place.folder / "config.yaml")}
    tried = start("rotator", "hooks", "test", notes.name, "--event", "halted", environ=environ).ran()
    assert tried.code == 0, tried
    assert "reloaded" in tried.out
    assert told(notes)[-1]["ROTATOR_TEST"] == "1"
    assert told(notes)[-1]["ROTATOR_EVENT"] == "halted"
    assert len(listed(place)["pending"]) == 1, "a test is none of the calls that are yet to be made"
