"""Tables at the width of a terminal, laid out by Rich."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from rotator.cli.output.streams.marked import Styled
from rotator.cli.output.streams.rows import GAP
from rotator.plain_text import flat

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    from rotator.cli.output.streams.rows import Rows

_PROSE: Final = 16
"""How narrow a column of sentences may become."""


def text_of(piece: str) -> Text:
    """One line of text as Rich has it."""
    return Text(flat(piece), style=piece.style if isinstance(piece, Styled) else "")


def laid_out(rows: Rows, console: Console, options: ConsoleOptions) -> Iterator[RenderableType | Segment]:
    """See Rich's console protocol."""
    if rows.width() <= options.max_width and not options.ascii_only:
        # The same lines as Rich's own table has then, which lays out each cell for itself: 1 ms and more a row.
        for pieces in rows.lines():
            yield from Text().join(map(text_of, pieces)).render(console, "\n")
        return
    left_out = _left_out(rows, options.max_width)
    yield _table(rows, left_out, options.max_width)
    if left_out:
        names = ", ".join(name for name in rows.columns if name in left_out)
        yield Text(f"{options.max_width} columns have no room for: {names}. --json shows all.", style="dim")


def _left_out(rows: Rows, width: int) -> frozenset[str]:
    """As few of the columns that can be spared as will do."""
    for count in range(len(rows.spare)):
        left_out = frozenset(rows.spare[:count])
        if _least_width(rows, left_out) <= width:
            return left_out
    return frozenset(rows.spare)


def _least_width(rows: Rows, left_out: Collection[str]) -> int:
    kept = [_least_column(rows, name) for name in rows.columns if name not in left_out]
    return sum(kept) + GAP * (len(kept) - 1)


def _least_column(rows: Rows, name: str) -> int:
    return min(rows.widest(name), _PROSE) if name in rows.prose else rows.widest(name)


def _table(rows: Rows, left_out: Collection[str], width: int) -> Table:
    fits = _least_width(rows, left_out) <= width
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    shown = [name not in left_out for name in rows.columns]
    for name in rows.columns:
        if name not in left_out:
            table.add_column(name, overflow="fold", no_wrap=fits and name not in rows.prose)
    for row in rows.rows:
        table.add_row(*(text_of(cell) for cell, is_shown in zip(row, shown, strict=True) if is_shown))
    return table
