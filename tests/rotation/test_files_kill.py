"""The files store while processes that promote are killed without warning and others read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.credentials import Stage
from rotator.core.crypto.certificates import Certificate
from rotator.stores.base import read_stage
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import make_version

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = "billing"
KILLS: Final = 12
PROJECT: Final = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    store, version = FilesStore("keys", tmp_path / "store"), make_version(NAME)
    store.put_pending(version)
    store.promote(NAME, version.fingerprint, replaces=None)
    return tmp_path / "store"


@pytest.fixture
def promoter(root: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.rotation.promoter", str(root)]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def answer(promoter: subprocess.Popen[str]) -> str:
    assert promoter.stdout
    return promoter.stdout.readline().strip()


def start_promoting(promoter: subprocess.Popen[str]) -> int:
    assert promoter.stdin
    promoter.stdin.write("start\n")
    promoter.stdin.flush()
    return int(answer(promoter))


def read_as_a_consumer(root: Path) -> str:
    """Reads as a consumer does that knows nothing of this program. Returns the fingerprint."""
    current = root / NAME / "current"
    assert (current / "private_key.pem").read_text().startswith("-----BEGIN PRIVATE KEY-----")
    return Certificate.parse((current / "certificate.pem").read_text()).fingerprint


def test_no_read_ever_fails_while_promoting_processes_are_killed(root: Path, promoter: subprocess.Popen[str]) -> None:
    store = FilesStore("keys", root)
    seen: set[str] = set()
    for kill in range(KILLS):
        promoting = start_promoting(promoter)
        reads, wanted = 0, len(seen) + 2
        while len(seen) < wanted or reads < 10 * kill:
            seen.add(read_as_a_consumer(root))
            assert store.stages(NAME).current is not None
            reads += 1
        assert read_stage(store, NAME, Stage.CURRENT) is not None
        os.kill(promoting, signal.SIGKILL)
        assert answer(promoter) == "ended"
    stages = store.stages(NAME)
    store.sweep(NAME)
    assert store.stages(NAME) == stages
    assert {place.name for place in (root / NAME / "versions").iterdir()} == set(stages.fingerprints)
    assert all(store.read(NAME, fingerprint).is_whole for fingerprint in stages.fingerprints)
