"""Tables for people, at the width of their terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich import box
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from rotator.plain_text import flat

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType

GAP: Final = 3
"""Columns of the terminal between two columns of a table."""

_PROSE: Final = 16
"""How narrow a column of sentences may become."""


class Rows:
    """A table that never breaks a name in two while there is another way.

    Where it is wider than the terminal, its sentences are wrapped first; then columns that can be spared are left out,
    and a last line says which.
    """

    def __init__(self, columns: Sequence[str], *, prose: Collection[str] = (), spare: Sequence[str] = ()) -> None:
        """`prose` are the columns that hold sentences; `spare` those that can be left out, the first one first."""
        self._columns: Final = tuple(columns)
        self._prose: Final = frozenset(prose)
        self._spare: Final = tuple(spare)
        self._rows: Final[list[tuple[Text, ...]]] = []

    def add_row(self, *cells: str | Text) -> None:
        """One more row, a cell for each column."""
        self._rows.append(tuple(cell if isinstance(cell, Text) else Text(flat(cell)) for cell in cells))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType | Segment]:
        """See Rich's console protocol."""
        if self._needs_no_layout(options):
            yield from self._as_they_are(console)
            return
        left_out = self._left_out(options.max_width)
        yield self._table(left_out, options.max_width)
        if left_out:
            names = ", ".join(name for name in self._columns if name in left_out)
            yield Text(f"{options.max_width} columns have no room for: {names}. --json shows all.", style="dim")

    def _needs_no_layout(self, options: ConsoleOptions) -> bool:
        """Whether there is room for every column at its widest, as in a file or a pipe."""
        widths = [self._widest(name) for name in self._columns]
        has_room = sum(widths) + GAP * (len(widths) - 1) <= options.max_width
        return has_room and not options.ascii_only and all("\n" not in cell.plain for row in self._rows for cell in row)

    def _as_they_are(self, console: Console) -> Iterator[Segment]:
        """The same lines as Rich's own table has then, which lays out each cell for itself: 1 ms and more a row."""
        widths = [self._widest(name) for name in self._columns]
        line = Segment(box.SIMPLE_HEAD.head_row_horizontal * (sum(widths) + GAP * (len(widths) - 1)) + "\n")
        yield from _padded([Text(name, style="bold") for name in self._columns], widths).render(console, "\n")
        yield line
        for row in self._rows:
            yield from _padded(row, widths).render(console, "\n")

    def _left_out(self, width: int) -> frozenset[str]:
        """As few of the columns that can be spared as will do."""
        for count in range(len(self._spare)):
            left_out = frozenset(self._spare[:count])
            if self._least_width(left_out) <= width:
                return left_out
        return frozenset(self._spare)

    def _least_width(self, left_out: Collection[str]) -> int:
        kept = [self._least_column(name) for name in self._columns if name not in left_out]
        return sum(kept) + GAP * (len(kept) - 1)

    def _least_column(self, name: str) -> int:
        return min(self._widest(name), _PROSE) if name in self._prose else self._widest(name)

    def _widest(self, name: str) -> int:
        index = self._columns.index(name)
        return max(len(name), *(row[index].cell_len for row in self._rows), 0)

    def _table(self, left_out: Collection[str], width: int) -> Table:
        fits = self._least_width(left_out) <= width
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
        shown = [name not in left_out for name in self._columns]
        for name in self._columns:
            if name not in left_out:
                table.add_column(name, overflow="fold", no_wrap=fits and name not in self._prose)
        for row in self._rows:
            table.add_row(*(cell for cell, is_shown in zip(row, shown, strict=True) if is_shown))
        return table


def _padded(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    """A line of a table."""
    line = Text()
    for number, (cell, width) in enumerate(zip(cells, widths, strict=True), 1):
        line.append_text(cell)
        line.append(" " * (width - cell.cell_len + (GAP if number < len(cells) else 0)))
    return line
