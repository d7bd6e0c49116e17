"""The code of the release before, from the git history: it is run by the same interpreter with the same libraries."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest

RELEASE_BEFORE: Final = "f1a19d3667bd7acb749d0a7a5ceeb2cba6bef398"
"""The last commit before several machines shared the work."""

ROOT: Final = Path(__file__).parents[2]


def code_of_release_before(folder: Path) -> Path:
    """The folder, with its source tree in it; the test is skipped where there is none, and says why."""
    if shutil.which("git") is None:
        pytest.skip("The code of the release before is not at hand: there is no git.")
    archive = subprocess.run(["git", "archive", RELEASE_BEFORE], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"The code of the release before is not at hand: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tree:
        tree.extractall(folder, filter="data")
    return folder
