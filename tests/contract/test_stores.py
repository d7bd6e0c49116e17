"""Every store keeps the same promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.stores.files import FilesStore
from rotator.testing.stores import StoreContract

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.stores.base import Store


class TestFilesStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return FilesStore("keys", tmp_path / "store")
