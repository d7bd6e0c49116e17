"""Rich's console, through which nothing passes that may not be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.segment import Segment
from rich.text import Text

from rotator.cli.output.streams.layout import text_of
from rotator.cli.output.streams.marked import INDENT, Indented
from rotator.plain_text import flat, lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from rich.console import ConsoleOptions, RenderableType


class Terminal(Console):
    """A sentence that is wrapped is set in from its second line on, so that no word of an org begins a line there."""

    def __init__(self, *, file: TextIO | None, width: int | None, quiet: bool) -> None:
        super().__init__(file=file, width=width, quiet=quiet, highlight=False, markup=False, emoji=False)

    def print(self, *objects: Any, **options: Any) -> None:
        """As Rich does. Texts are printed as one paragraph."""
        if any(isinstance(each, Indented) for each in objects):
            objects = tuple(Padding.indent(Text(flat(each)), len(INDENT)) for each in objects)
        elif objects and all(isinstance(each, str) for each in objects):
            told = Text(options.pop("sep", " ")).join(map(text_of, objects))
            objects = (told if options.get("soft_wrap") else self._hanging(told),)
        super().print(*objects, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """As Rich does; what moves the cursor is Rich's own alone."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(lines(segment.text), segment.style)

    def _hanging(self, told: Text) -> Text:
        """The text over as many lines as it takes."""
        if told.cell_len <= self.width:
            return told
        parts = told.wrap(self, self.width - len(INDENT), tab_size=1)
        return Text("\n" + INDENT).join(parts)
