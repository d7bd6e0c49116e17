"""Standard error that nobody may read any more: the terminal was closed, or the pipe's other end is gone."""

from __future__ import annotations

import os
from io import TextIOBase
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import TextIO


class BrokenOutput(TextIOBase):
    """Writes for as long as somebody reads, and then to nowhere: a rotation is not left half done for that."""

    def __init__(self, file: TextIO) -> None:
        self._file: Final = file

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in the base class
        """The reader's encoding."""
        return self._file.encoding

    def isatty(self) -> bool:
        """Whether the reader is a terminal."""
        return self._file.isatty()

    def write(self, text: str) -> int:
        """As a file does, and never raises OSError."""
        try:
            return self._file.write(text)
        except OSError:
            self._forget()
        return len(text)

    def flush(self) -> None:
        """As a file does, and never raises OSError."""
        try:
            self._file.flush()
        except OSError:
            self._forget()

    def close(self) -> None:
        """Nothing: the file is its owner's, who may have closed it when Python ends this object."""

    def _forget(self) -> None:
        """What is still to be flushed, now or when the process ends, goes to nowhere."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._file.fileno())
        os.close(nowhere)
