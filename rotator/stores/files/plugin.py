"""The store type `files`: `type: files` in config.yaml, `files:FOLDER#CREDENTIAL` in a consumer."""

# ruff: noqa: PLC0415 - see StorePlugin

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rotator.stores.plugins import StorePlugin

if TYPE_CHECKING:
    from rotator.entry_points import Surroundings
    from rotator.stores.addresses import CredentialAddress
    from rotator.stores.base import Reader, Store
    from rotator.stores.files.settings import FilesStoreSettings


def _settings() -> type[FilesStoreSettings]:
    from rotator.stores.files.settings import FilesStoreSettings

    return FilesStoreSettings


def _open(name: str, settings: FilesStoreSettings, _around: Surroundings) -> Store:
    from rotator.stores.files.store import FilesStore

    return FilesStore(name, settings.path, groups=settings.groups, reports=settings.reports)


def _reader(address: CredentialAddress, _around: Surroundings) -> Reader:
    from rotator.stores.base import StoredVersions
    from rotator.stores.files.store import FilesStore

    # The last one: a folder's name may have a `#`, a credential's may not.
    root, _, credential = address.rest.rpartition("#")
    if not root or not credential:
        raise address.mistaken("must be a directory, `#` and a credential")
    path = Path(root).expanduser()
    return StoredVersions(FilesStore(str(path), path, only_reads=True), credential)


PLUGIN = StorePlugin(_settings, _open, _reader)
