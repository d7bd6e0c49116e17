"""Tables for people, at the width of their terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich import box
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

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """See Rich's console protocol."""
        left_out = self._left_out(options.max_width)
        yield self._table(left_out, options.max_width)
        if left_out:
            names = ", ".join(name for name in self._columns if name in left_out)
            yield Text(f"{options.max_width} columns have no room for: {names}. --json shows all.", style="dim")

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
