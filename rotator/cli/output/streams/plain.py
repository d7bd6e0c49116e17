"""Standard output or standard error where it is no terminal: the same lines as Rich writes there, without Rich.

What Rich is for are colours and folding to a width, and to load it is a good part of a short command. A file and a pipe
have neither.
"""

from __future__ import annotations

from typing import Final

from rotator.cli.output.console import say
from rotator.cli.output.streams.marked import INDENT, Indented
from rotator.cli.output.streams.rows import Rows
from rotator.plain_text import flat


class Plain:
    """As much of Rich's console as commands use for what is not folded."""

    def __init__(self, *, err: bool) -> None:
        self._err: Final = err

    def print(self, *objects: str | Rows, sep: str = " ", soft_wrap: bool = False) -> None:  # noqa: ARG002 - as Rich has it
        """Texts, as one line, or a table."""
        for rows in (each for each in objects if isinstance(each, Rows)):
            for pieces in rows.lines():
                self._write("".join(pieces))
        texts = [each for each in objects if isinstance(each, str)]
        if texts:
            self._write(sep.join(f"{INDENT if isinstance(each, Indented) else ''}{flat(each)}" for each in texts))

    def line(self) -> None:
        """An empty line."""
        self._write("")

    def _write(self, text: str) -> None:
        say(text, err=self._err)
