"""`type: files` in config.yaml."""

from typing import Literal

from pydantic import Field, NonNegativeInt

from rotator.config.paths import ConfiguredPath
from rotator.config.section import StoreSettings, Words


class FilesStoreSettings(StoreSettings):
    """A store of files in a folder."""

    type: Literal["files"]
    path: ConfiguredPath
    groups: dict[str, Words | NonNegativeInt] = Field(default_factory=dict)
    """Of a credential: the group, by its name or number, whose members may read it."""
    reports: ConfiguredPath | None = None
    """A folder apart from it, in which consumers leave which version they last logged in with."""
