"""Text that is more than its letters: how a terminal shows it. A file or a pipe gets the letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.plain_text import flat

if TYPE_CHECKING:
    from typing import Self


INDENT: Final = "  "


class Styled(str):
    """One line in a colour, or otherwise in a style of Rich's."""

    __slots__ = ("style",)
    style: str

    def __new__(cls, text: str, style: str) -> Self:
        """Of the text only what may be shown (`rotator.plain_text.flat`)."""
        self = super().__new__(cls, flat(text))
        self.style = style
        return self


class Indented(str):
    """A paragraph below another line, and set in."""

    __slots__ = ()
