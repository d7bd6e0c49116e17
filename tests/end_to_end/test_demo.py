"""`rotator demo` shows what the README promises, with real consumers over real TLS."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# `make demo` is the first thing that the build types, and fails where the demo breaks a promise.
pytestmark = pytest.mark.thorough

_ROTATOR = Path(sys.executable).with_name("rotator")


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """What one run of the demo printed as JSON."""
    run = subprocess.run([_ROTATOR, "demo", "--json"], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def _rotation(shown: dict[str, Any], strategy: str) -> dict[str, Any]:
    rotated = [each for each in shown["rotations"] if each["outcome"] == "rotated"]
    return next(each for each in rotated if each["strategy"] == strategy)


def test_a_key_that_never_logs_in_is_taken_back_and_people_are_told(shown: dict[str, Any]) -> None:
    [reverted] = [each for each in shown["rotations"] if each["outcome"] == "reverted"]
    assert reverted["new_fingerprint"] == reverted["old_fingerprint"], "the old one is current"
    assert reverted["consumers"]["plain"]["failed_logins"] > 0
    assert [each["failed_outside_gap"] for each in reverted["consumers"].values()] == [0, 0]
    actions = [step["action"] for step in reverted["steps"]]
    assert actions == ["verify", "generate", "verify", "upload", "verify", "restore", "verify", "discard"]
    assert "never logged in; the old certificate is back" in shown["told"]["title"]
    assert "may have been refused for" in shown["told"]["text"]


def test_a_connected_app_and_an_external_client_app_take_turns_and_refuse_no_consumer(shown: dict[str, Any]) -> None:
    pair = {line["app"]: line["type"] for line in shown["inventory"] if line["credential"] == "warehouse"}
    assert pair == {"Warehouse_A": "ConnectedApp", "Warehouse_External": "ExternalClientApplication"}
    turns = [each for each in shown["rotations"] if each["strategy"] == "alternating"]
    assert [(each["credential"], each["outcome"]) for each in turns] == [("warehouse", "rotated")] * 2
    assert turns[0]["new_fingerprint"] == turns[1]["old_fingerprint"]
    assert [step["action"] for step in turns[1]["steps"]][-2:] == ["disable", "retire"], "the first app's key has ended"
    for rotation in turns:
        assert rotation["gap_seconds"] == 0
        assert rotation["consumers"]["plain"]["failed_logins"] == 0
        assert rotation["consumers"]["dual_key"]["failed_logins"] == 0


def test_in_place_refuses_the_plain_consumer_only_inside_the_reported_gap(shown: dict[str, Any]) -> None:
    rotation = _rotation(shown, "in_place")
    plain = rotation["consumers"]["plain"]
    assert rotation["outcome"] == "rotated"
    assert rotation["gap_seconds"] > 0
    assert plain["failed_logins"] > 0
    assert plain["failed_outside_gap"] == 0


def test_in_place_refuses_no_dual_key_consumer(shown: dict[str, Any]) -> None:
    assert _rotation(shown, "in_place")["consumers"]["dual_key"]["failed_logins"] == 0


def test_consumers_were_at_work_all_the_time(shown: dict[str, Any]) -> None:
    for rotation in shown["rotations"]:
        seconds = sum(step["seconds"] for step in rotation["steps"])
        for consumer in rotation["consumers"].values():
            assert consumer["logins"] > seconds


def test_the_old_and_the_new_version_are_named(shown: dict[str, Any]) -> None:
    for rotation in shown["rotations"]:
        assert (rotation["old_fingerprint"] != rotation["new_fingerprint"]) == (rotation["outcome"] == "rotated")
        assert len(rotation["new_fingerprint"]) == 64


def test_steps_are_told_with_their_times(shown: dict[str, Any]) -> None:
    actions = [step["action"] for step in _rotation(shown, "in_place")["steps"]]
    assert actions == ["verify", "generate", "verify", "upload", "verify", "promote"]


def test_the_inventory_holds_every_kind_of_certificate(shown: dict[str, Any]) -> None:
    assert {"ok", "due", "expired", "none", "not shown"} <= {line["state"] for line in shown["inventory"]}


def test_the_history_is_whole(shown: dict[str, Any]) -> None:
    assert shown["history"]["verified"] is True
    assert shown["history"]["events"] > 0
