"""What people keep in a credential's folder is left alone, and what stands in a link's place is called what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.errors import StoreError
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import make_version

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "keys" / "billing"
    folder.mkdir(mode=0o700, parents=True)
    folder.parent.chmod(0o700)
    return folder


def test_other_files_in_the_folder_are_left_as_they_are(folder: Path) -> None:
    store, version = FilesStore("keys", folder.parent), make_version()
    (folder / "server.key").write_text("whatever")
    store.put_pending(version)
    store.promote("billing", version.fingerprint, replaces=None)
    store.sweep("billing")
    assert (folder / "server.key").read_text() == "whatever"
    assert store.stages("billing").current == version.fingerprint


@pytest.mark.parametrize("is_file", [True, False])
def test_what_is_no_link_is_said_to_be_none_and_left_as_it_is(folder: Path, is_file: bool) -> None:
    place = folder / "current"
    if is_file:
        place.write_text("a key of somebody else")
    else:
        place.mkdir()
    (folder / "versions").mkdir(mode=0o700)
    store = FilesStore("keys", folder.parent)
    for act in (lambda: store.stages("billing"), lambda: store.put_pending(make_version())):
        with pytest.raises(StoreError, match="current is no link, and this program did not write it") as refused:
            act()
        assert "rotator adopt NAME --key FILE" in refused.value.hint
    assert place.exists()
    assert not place.is_symlink()
