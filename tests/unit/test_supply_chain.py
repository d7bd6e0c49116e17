"""What the lock files pin is listed with its licence, and is compared with the weaknesses that are known."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = longer

ROOT: Final = Path(__file__).parents[2]
PIN: Final = re.compile(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", re.MULTILINE)
PINS: Final = dict(PIN.findall((ROOT / "requirements.lock").read_text()))
ASKED_FOR: Final[dict[str, Requirement]] = {
    canonicalize_name(each.name): each
    for each in map(Requirement, tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
}

ADVISORIES: Final = {
    "CVE-2024-12797": ("cryptography", "44.0.1"),
    "CVE-2025-27516": ("jinja2", "3.1.6"),
    "CVE-2022-2309": ("lxml", "4.9.1"),
    "CVE-2024-3772": ("pydantic", "2.4.0"),
    "CVE-2024-53861": ("pyjwt", "2.10.1"),
    "CVE-2020-14343": ("pyyaml", "5.4"),
    "CVE-2024-47081": ("requests", "2.32.4"),
    "CVE-2025-62727": ("starlette", "0.49.1"),
    "CVE-2025-43859": ("h11", "0.16.0"),
    "CVE-2026-21441": ("urllib3", "2.6.3"),
}
"""Weaknesses that concern a program like this one: the library, and the version that has it no more."""


def test_the_bill_of_materials_has_what_the_lock_pins_and_every_licence() -> None:
    components = json.loads((ROOT / "sbom.cdx.json").read_text())["components"]
    assert {each["name"]: each["version"] for each in components} == PINS
    licences = [each["licenses"][0]["license"]["name"] for each in components]
    assert not [each for each in licences if each == "not declared" or "GPL" in each.replace("LGPL", "")]


@pytest.mark.parametrize("advisory", ADVISORIES)
def test_no_version_is_allowed_that_has_a_known_weakness(advisory: str) -> None:
    library, mended = ADVISORIES[advisory]
    assert Version(PINS[library]) >= Version(mended)
    # What a library of ours asks for is as new as the lock has it.
    if library in ASKED_FOR:
        floors = [Version(each.version) for each in ASKED_FOR[library].specifier if each.operator == ">="]
        assert max(floors) >= Version(mended)


def test_people_are_told_to_install_what_the_lock_holds() -> None:
    typed = re.findall(r"pip install (.*)", (ROOT / "README.md").read_text())
    assert typed
    for arguments in typed:
        for each in arguments.replace("pip install", "").split("&&"):
            assert each.split() in (["--require-hashes", "-r", "requirements.lock"], ["--no-deps", "."]), each


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
