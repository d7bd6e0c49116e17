"""The folder in which consumers of a files store say which version they last logged in with.

    REPORTS/CREDENTIAL/CONSUMER

It is apart from the store, as consumers may write there and nowhere else. What is there is written by others: it is
read without following links, in files that are files, and no more of each than a line has.
"""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from rotator.core.usage.told_reports import LONGEST, ToldReport, is_consumer_name, parsed
from rotator.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

LOG: Final = logging.getLogger(__name__)

_NOT_A_FILE_OF_ITS_OWN: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class ReportFolder:
    """Reads and writes the lines."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder

    def read(self, credential: str, consumers: Collection[str]) -> list[ToldReport]:
        """What these consumers of a credential have said; what is no line of theirs is in the log alone."""
        found = []
        for name in consumers:
            try:
                found.append(parsed(name, self._line(credential, name)))
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                LOG.warning(
                    "what a consumer says is not read: %s",
                    _why(error),
                    extra={"credential": credential, "consumer": name, "path": str(self._folder / credential / name)},
                )
        return found

    def write(self, credential: str, consumer: str, line: str) -> None:
        """Leaves a line in the place of the one before, at one instant. Raises StoreError."""
        if not is_consumer_name(consumer):
            raise StoreError(
                f"No consumer can be called {consumer!r}.",
                effect="No report was left.",
                hint="Use letters, digits, `.`, `_` and `-`, as the name under `consumers` in config.yaml has them.",
            )
        target = self._folder / credential / consumer
        beside = target.with_name(f".{consumer}.{os.getpid()}")
        try:
            self._make(target.parent)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                os.fchmod(descriptor, 0o644)
                file.write(f"{line}\n")
            beside.replace(target)
        except OSError as error:
            with suppress(OSError):
                beside.unlink()
            raise StoreError(
                f"The report of {consumer} cannot be left in {target.parent}: {(error.strerror or 'no').lower()}.",
                effect="The login is as good as it was.",
                hint="Let the user that the consumer runs as write there.",
            ) from None

    @staticmethod
    def _make(folder: Path) -> None:
        """The folder, which the service reads as another user, whatever the umask here."""
        with suppress(FileExistsError):
            folder.mkdir()
            folder.chmod(0o755)

    def _line(self, credential: str, consumer: str) -> str:
        descriptor = os.open(self._folder / credential / consumer, os.O_RDONLY | _NOT_A_FILE_OF_ITS_OWN)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ValueError("it is no file")
            return file.read(LONGEST + 1).decode("ascii")


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is no text"
    return (error.strerror or "no").lower() if isinstance(error, OSError) else str(error)
