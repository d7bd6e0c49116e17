"""Tables for people: what is in them, and how it looks where there is room for all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.cli.output.streams.marked import Styled
from rotator.plain_text import flat

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

GAP: Final = 3
"""Columns of the terminal between two columns of a table."""

LINE: Final = "─"
"""Below the headings, as of Rich's SIMPLE_HEAD."""

_SIGNS: Final = frozenset("✓✗")
_FIRST_COMBINING: Final = "\u0300"
"""Every letter before it that may be shown is one column wide."""


class Rows:
    """A table that never breaks a name in two while there is another way.

    Where it is wider than the terminal, its sentences are wrapped first; then columns that can be spared are left out,
    and a last line says which (`rotator.cli.output.streams.layout`).
    """

    def __init__(self, columns: Sequence[str], *, prose: Collection[str] = (), spare: Sequence[str] = ()) -> None:
        """`prose` are the columns that hold sentences; `spare` those that can be left out, the first one first."""
        self.columns: Final = tuple(columns)
        self.prose: Final = frozenset(prose)
        self.spare: Final = tuple(spare)
        self.rows: Final[list[tuple[str, ...]]] = []

    def add_row(self, *cells: str) -> None:
        """One more row, a cell for each column."""
        self.rows.append(tuple(cell if isinstance(cell, Styled) else flat(cell) for cell in cells))

    def width(self) -> int:
        """How wide it is with every column at its widest."""
        return sum(map(self.widest, self.columns)) + GAP * (len(self.columns) - 1)

    def widest(self, name: str) -> int:
        """How wide a column is for its widest cell."""
        index = self.columns.index(name)
        return max(len(name), *(width_of(row[index]) for row in self.rows), 0)

    def lines(self) -> Iterator[list[str]]:
        """Each line with every column at its widest, in pieces, of which some are Styled."""
        widths = [self.widest(name) for name in self.columns]
        yield _padded([Styled(name, "bold") for name in self.columns], widths)
        yield [LINE * self.width()]
        for row in self.rows:
            yield _padded(row, widths)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType | Segment]:
        """See Rich's console protocol."""
        # What goes to a file or a pipe needs no Rich.
        from rotator.cli.output.streams.layout import laid_out  # noqa: PLC0415

        return laid_out(self, console, options)


def width_of(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if all(letter < _FIRST_COMBINING or letter in _SIGNS for letter in text):
        return len(text)
    # Only Rich knows how wide the others are.
    from rich.cells import cell_len  # noqa: PLC0415

    return cell_len(text)


def _padded(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """A line of a table."""
    pieces = []
    for number, (cell, width) in enumerate(zip(cells, widths, strict=True), 1):
        pieces += [cell, " " * (width - width_of(cell) + (GAP if number < len(cells) else 0))]
    return pieces
