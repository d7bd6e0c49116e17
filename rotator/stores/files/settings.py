"""`type: files` in config.yaml."""

from typing import Literal

from rotator.config.paths import ConfiguredPath
from rotator.config.section import StoreSettings


class FilesStoreSettings(StoreSettings):
    """A store of files in a folder."""

    type: Literal["files"]
    path: ConfiguredPath
