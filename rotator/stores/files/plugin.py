"""`type: files` in config.yaml."""

from typing import TYPE_CHECKING, Literal

from rotator.config.paths import ConfiguredPath
from rotator.config.section import StoreSettings
from rotator.stores.plugins import StoreKind, Surroundings

if TYPE_CHECKING:
    from rotator.stores.base import Store


class FilesStoreSettings(StoreSettings):
    """A store of files in a folder."""

    type: Literal["files"]
    path: ConfiguredPath


def _open(name: str, settings: FilesStoreSettings, _surroundings: Surroundings) -> "Store":
    # Reading settings needs no cryptography, which costs 70 ms.
    from rotator.stores.files.store import FilesStore  # noqa: PLC0415

    return FilesStore(name, settings.path)


KIND = StoreKind(FilesStoreSettings, _open)
