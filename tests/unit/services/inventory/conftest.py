"""What the tests of the inventory share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.services.inventory.scan_bench import World

if TYPE_CHECKING:
    from rotator.config.settings import Settings
    from rotator.stores.files.store import FilesStore


@pytest.fixture
def world(settings: Settings, store: FilesStore) -> World:
    return World(settings, store)
