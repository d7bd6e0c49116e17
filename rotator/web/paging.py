"""Long lists, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

_T = TypeVar("_T")

LINES: Final = 100
"""On one page."""


@dataclass(frozen=True)
class Page(Generic[_T]):
    """Some lines of a list."""

    lines: Sequence[_T]
    number: int
    """From 1 on."""
    pages: int
    """At least 1."""
    total: int
    """Lines on all pages."""

    @property
    def first(self) -> int:
        """Which of all lines is the first one here, from 1 on; 0 where there is none."""
        return (self.number - 1) * LINES + 1 if self.lines else 0

    @property
    def last(self) -> int:
        """Which of all lines is the last one here."""
        return (self.number - 1) * LINES + len(self.lines)


def page_of(lines: Sequence[_T], number: int) -> Page[_T]:
    """The page of that number; the last one where there are not so many."""
    pages = max(1, -(-len(lines) // LINES))
    number = min(number, pages)
    return Page(lines[(number - 1) * LINES : number * LINES], number, pages, len(lines))


def number_of(text: str) -> int:
    """The number of a page in an address; 1 for what is none."""
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1
