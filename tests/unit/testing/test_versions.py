"""What the package offers to tests, and keeps out of itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import rotator
from rotator.testing.versions import POOL, make_version, spare_key
from tests.tiers import longer


def test_versions_are_whole_and_differ() -> None:
    versions = [make_version() for _ in range(POOL)]
    assert all(version.is_whole for version in versions)
    assert len({version.fingerprint for version in versions}) == POOL
    assert len({version.private_key for version in versions}) == POOL


def test_a_spare_key_is_the_same_for_the_same_number() -> None:
    assert spare_key(1) is spare_key(1)
    assert spare_key(1) != spare_key(2)


def test_nothing_else_in_the_package_imports_it() -> None:
    package = Path(rotator.__file__).parent
    others = [file for file in package.rglob("*.py") if file.parent.name != "testing"]
    assert not [file for file in others if "rotator.testing" in file.read_text()]


@longer
def test_making_versions_does_not_need_pytest() -> None:
    program = "import sys, rotator.testing.versions; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
