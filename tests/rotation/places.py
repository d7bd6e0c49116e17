"""Where a ground's keys are, and its history: each by itself, so that every store goes with every database."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rotator.stores.files.store import FilesStore

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.application import Application
    from rotator.history.engine.database import Database
    from rotator.stores.base import Store


class Keys(Protocol):
    """A store for one scenario after the other."""

    @property
    def store(self) -> Store:
        """The store, as nobody who crashes or fails uses it."""
        ...

    @property
    def settings(self) -> str:
        """The store, as config.yaml has it."""
        ...

    def equip(self, app: Application) -> None:
        """Gives a program that starts now whatever takes longer to make than a scenario."""
        ...

    def kept(self, credential: str) -> set[str]:
        """Every version that somebody could still read, in a stage or not."""
        ...

    def keep(self, files: Path) -> None:
        """Keeps what is stored, for the moment that has these files."""
        ...

    def go_back(self, files: Path | None) -> None:
        """Makes the store what it was at that moment; empty for None. The ground's own files are back already."""
        ...


class History(Protocol):
    """A history for one scenario after the other. Opening it costs more than a scenario, so that it is shared."""

    database: Database

    def pause(self) -> None:
        """Has nothing open while the ground's own files are replaced."""
        ...

    def keep(self, files: Path) -> None:
        """Keeps what is written, for the moment that has these files."""
        ...

    def go_back(self, files: Path | None) -> None:
        """Makes it what it was at that moment; empty for None. The ground's own files are back already."""
        ...


@dataclass
class FilesKeys:
    """Keys in files, which are among the ground's own."""

    folder: Path

    @property
    def store(self) -> Store:
        """See Keys."""
        return FilesStore("keys", self.folder)

    @property
    def settings(self) -> str:
        """See Keys."""
        return f"{{type: files, path: {self.folder}}}"

    def equip(self, app: Application) -> None:
        """See Keys."""

    def kept(self, credential: str) -> set[str]:
        """See Keys."""
        return {path.name for path in (self.folder / credential / "versions").glob("*")}

    def keep(self, files: Path) -> None:
        """See Keys."""

    def go_back(self, files: Path | None) -> None:
        """See Keys."""


@dataclass
class SqliteHistory:
    """A history in a file, which is among the ground's own."""

    database: Database
    file: Path
    migrated: Path
    """One that has all its tables and nothing in them."""

    def pause(self) -> None:
        """See History."""
        self.database.close()

    def keep(self, files: Path) -> None:
        """See History."""

    def go_back(self, files: Path | None) -> None:
        """See History."""
        if files is None:
            self.file.with_name(f"{self.file.name}.locks").mkdir()
            shutil.copy(self.migrated, self.file)
