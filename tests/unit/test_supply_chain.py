"""What the lock files pin is listed with its licence, and is compared with the weaknesses that are known."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).parents[2]
PIN: Final = re.compile(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", re.MULTILINE)
PINS: Final = dict(PIN.findall((ROOT / "requirements.lock").read_text()))


def test_the_bill_of_materials_has_what_the_lock_pins_and_every_licence() -> None:
    components = json.loads((ROOT / "sbom.cdx.json").read_text())["components"]
    assert {each["name"]: each["version"] for each in components} == PINS
    licences = [each["licenses"][0]["license"]["name"] for each in components]
    assert not [each for each in licences if each == "not declared" or "GPL" in each.replace("LGPL", "")]


def audit(folder: Path, *advisories: Mapping[str, Any]) -> tuple[int, str]:
    for index, advisory in enumerate(advisories):
        (folder / f"{index}.json").write_text(json.dumps({"id": f"TEST-{index}", **advisory}))
    lock = folder / "requirements.lock"
    lock.write_text("one-library==2.1.0 \\\n    --hash=sha256:00\n")
    command: list[str | Path] = [sys.executable, ROOT / ".ci" / "audit", lock, "--advisories", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def affected(*events: Mapping[str, str], **changes: Any) -> dict[str, Any]:
    package = {"ecosystem": "PyPI", "name": "One_Library"}
    return {"affected": [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}], **changes}]}


@pytest.mark.parametrize(
    ("advisory", "is_weak"),
    [
        (affected({"introduced": "0"}, {"fixed": "2.1.1"}), True),
        (affected({"introduced": "0"}, {"last_affected": "2.1.0"}), True),
        (affected({"introduced": "0"}), True),
        (affected(ranges=[], versions=["2.1.0"]), True),
        (affected({"introduced": "0"}, {"fixed": "2.1.0"}), False),
        (affected({"introduced": "2.2"}), False),
        (affected({"introduced": "0"}, {"fixed": "1.0"}, {"introduced": "2.0"}, {"fixed": "2.10"}), True),
        (affected({"introduced": "0"}, package={"ecosystem": "npm", "name": "one-library"}), False),
        (affected({"introduced": "0"}) | {"withdrawn": "2026-01-01T00:00:00Z"}, False),
    ],
)
def test_a_pinned_version_is_compared_with_a_copy_of_the_advisories(
    tmp_path: Path, advisory: dict[str, Any], *, is_weak: bool
) -> None:
    code, told = audit(tmp_path, advisory)
    assert (code, "one-library 2.1.0 TEST-0" in told) == ((1, True) if is_weak else (0, False))


def test_all_weaknesses_are_listed(tmp_path: Path) -> None:
    code, told = audit(tmp_path, affected({"introduced": "0"}), affected({"introduced": "1"}))
    assert code == 1
    assert "TEST-0" in told
    assert "TEST-1" in told
