"""Where a registry cannot be reached its programs are left out, and that is said; nothing fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9/"
"""Nothing listens there (RFC 863)."""


def run(*command: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)


def test_programs_are_left_out_and_their_tests_skipped(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTEST_"))}
    alone = {
        **kept,
        "XDG_CACHE_HOME": str(tmp_path),
        "npm_config_registry": NOBODY,
        "npm_config_fetch_retries": "0",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": NOBODY,
        "PIP_RETRIES": "1",
    }
    installed = run(str(ROOT / ".ci" / "clients"), environment=alone)
    assert installed.returncode == 0, installed.stderr
    assert "Left out: sf and jsforce, as the npm registry cannot be reached from here." in installed.stderr
    assert "Left out: CumulusCI, as the Python package index cannot be reached from here." in installed.stderr

    others = [f"tests/clients/{name}.py" for name in ("test_sf", "test_jsforce", "test_cumulusci")]
    pytest_again = (sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:xdist", "-p", "no:cacheprovider", *others)
    told = run(*pytest_again, environment={**kept, "ROTATOR_CLIENTS": installed.stdout.strip()})
    assert told.returncode == pytest.ExitCode.OK, told.stdout
    # CumulusCI takes its login from sf.
    assert "sf and jsforce: not installed, as the registry could not be reached" in told.stdout
    assert " passed" not in told.stdout.splitlines()[-1]
