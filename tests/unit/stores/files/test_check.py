"""`rotator check` proves that a store can be written, and leaves nothing there."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from rotator.errors import RotatorError, StoreError
from rotator.stores.files import disk
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import make_version

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "var" / "store"


@pytest.fixture
def store(root: Path) -> FilesStore:
    return FilesStore("keys", root)


def test_a_folder_that_was_not_there_is_not_there_afterwards(store: FilesStore, root: Path, tmp_path: Path) -> None:
    store.check()
    assert [*tmp_path.iterdir()] == []
    root.parent.mkdir()
    store.check()
    assert [*root.parent.iterdir()] == []


def test_what_is_there_stays(store: FilesStore, root: Path) -> None:
    root.parent.mkdir()
    root.mkdir(mode=0o700)
    store.check()
    assert [*root.iterdir()] == []
    version = make_version("billing")
    store.put_pending(version)
    store.check()
    assert store.stages("billing").pending == version.fingerprint


def test_a_version_that_is_stored_meanwhile_stays(
    store: FilesStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = make_version("billing")
    read = disk.Directory.read

    def meanwhile(directory: disk.Directory, name: str) -> str:
        monkeypatch.setattr(disk.Directory, "read", read)
        store.put_pending(version)
        return read(directory, name)

    monkeypatch.setattr(disk.Directory, "read", meanwhile)
    store.check()
    assert store.read("billing", version.fingerprint) == version
    assert root.is_dir()


def test_the_check_says_so_when_something_else_is_read_back(store: FilesStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk.Directory, "read", lambda _directory, _name: "something else")
    with pytest.raises(StoreError, match="not what is read back"):
        store.check()


def test_the_check_leaves_nothing_when_it_fails(store: FilesStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links_here(*_arguments: Any, **_keywords: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", no_links_here)
    with pytest.raises(RotatorError, match="may not be used"):
        store.check()
    assert not root.exists()
