"""The code of releases before, from the git history: it is run by the same interpreter with the same libraries."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest

ALONE: Final = "8148a5f6589438941f2bc52ad6aaa4211802b472"
"""The last commit before several machines shared the work: of several services one works, and the others stand by."""
SHARING: Final = "5d1163aeb7f14d5579202185929b667669fe3094"
"""The first one that was built whole since they do."""

ROOT: Final = Path(__file__).parents[2]


def code_of(release: str, folder: Path) -> Path:
    """The folder, with its source tree in it. The test is skipped where there is no git history, or a part of it alone.

    It fails where there is all of it without that commit: else nobody would notice that it is never run.
    """
    if shutil.which("git") is None or _git("rev-parse", "--is-shallow-repository").stdout.strip() != b"false":
        pytest.skip("The code of a release before is not at hand: there is no git, or not the whole history.")
    archive = _git("archive", release)
    assert archive.returncode == 0, archive.stderr.decode()
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tree:
        tree.extractall(folder, filter="data")
    return folder


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
