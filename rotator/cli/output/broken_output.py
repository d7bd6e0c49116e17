"""Standard output and standard error that cannot be written: the reader is gone, the disk is full, it was closed.

Work is not left half done, and does not end with another exit code, for what could not be told of it.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager
from io import TextIOBase
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_STANDARD: Final = (0, 1, 2)


class BrokenOutput(TextIOBase):
    """Writes for as long as it can be written, and then to nowhere."""

    def __init__(self, file: TextIO) -> None:
        self._file: Final = file
        self.failure: OSError | None = None
        """Why it could not be written, if it could not."""

    @property
    def was_lost(self) -> bool:
        """Whether what somebody may still wait for was not written: a reader that is gone waits for nothing."""
        return self.failure is not None and self.failure.errno != errno.EPIPE

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in the base class
        """The reader's encoding."""
        return self._file.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]  # a plain attribute in the base class
        """What becomes of a character that the encoding lacks."""
        return self._file.errors

    def isatty(self) -> bool:
        """Whether the reader is a terminal."""
        return self._file.isatty()

    def fileno(self) -> int:
        """The file's own."""
        return self._file.fileno()

    def write(self, text: str) -> int:
        """As a file does, and never raises OSError."""
        try:
            return self._file.write(text)
        except OSError as error:
            self._forget(error)
        return len(text)

    def flush(self) -> None:
        """As a file does, and never raises OSError."""
        try:
            self._file.flush()
        except OSError as error:
            self._forget(error)

    def close(self) -> None:
        """Nothing: the file is its owner's, who may have closed it when Python ends this object."""

    def _forget(self, failure: OSError) -> None:
        """What is still to be flushed, now or when the process ends, goes to nowhere."""
        self.failure = self.failure or failure
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._file.fileno())
        os.close(nowhere)


@contextmanager
def standard_streams_may_break() -> Iterator[BrokenOutput]:
    """Within it nothing that is printed raises OSError; yields standard output.

    Streams that were closed when the program was started lead to nowhere: a file that is opened next, the database
    say, would have their number, and take what a library prints.
    """
    _open_closed_ones()
    streams = sys.stdout, sys.stderr
    out = BrokenOutput(sys.stdout)
    sys.stdout, sys.stderr = cast("TextIO", out), cast("TextIO", BrokenOutput(sys.stderr))
    try:
        yield out
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = streams


def _open_closed_ones() -> None:
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    # Typeshed has them as never None; Python's documentation of sys.__stdout__ says when they are.
    if cast("TextIO | None", sys.stdout) is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - lives as long as the process
    if cast("TextIO | None", sys.stderr) is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - lives as long as the process
