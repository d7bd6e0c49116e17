"""Text as it may be shown: the one door for what an org, a store, a channel, a proxy, a file or a person wrote.

Such text can hold what moves a terminal's cursor or sets its title (C0 and C1 controls, ECMA-48), what turns the order
of letters around so that one name looks like another (Unicode Standard Annex 9), letters that nobody sees, and halves
of surrogate pairs, which cannot be written down at all. Where it is printed, mailed or put on a page, each of these is
a question mark; in a log it is escaped.
"""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_JOINERS: Final = frozenset("\u200c\u200d")
"""Without them words of Persian and of Indic languages, and many emoji, fall apart; they change no order of letters."""

_BREAKS: Final = frozenset("\n\r\t")


def flat(text: str) -> str:
    """The text without line breaks, letter by letter, so that columns and margins stay as they are."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def one_line(text: str, longest: int | None = None) -> str:
    """The text on one line, of at most `longest` characters, with one space between words and none around them."""
    return " ".join(flat(text if longest is None else text[:longest]).split())


def lines(text: str) -> str:
    """The text with its line breaks, of which there is one kind.

    For texts of ours with parts from outside; `set_in` keeps a line from passing for the beginning of another text.
    """
    return "\n".join(map(flat, text.replace("\r\n", "\n").split("\n")))


def set_in(text: str) -> str:
    """The text with its line breaks, all lines but the first set in by two spaces at least."""
    first, *others = lines(text).split("\n")
    return "\n".join([first, *(line if line.startswith("  ") or not line else f"  {line}" for line in others)])


def substituted(value: object) -> object:
    """What a template puts in the place of a value (Jinja's `finalize`): the text of it that may be shown."""
    is_text = isinstance(value, str) and not hasattr(value, "__html__")
    return lines(str(value)) if is_text else value


def escaped(text: str) -> str:
    """The text on one line, for logs: what cannot be shown is `\\x1b` and the like, as it may matter what it was."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def json_text(value: Any, *, indent: int | None = None, default: Callable[[object], Any] | None = None) -> str:
    """The value as JSON in ASCII: everything else is escaped, so that a reader has all of it, and a terminal none."""
    # json escapes all of that but one (RFC 8259 section 7 leaves DEL to the writer).
    return json.dumps(value, indent=indent, default=default).replace("\x7f", "\\u007f")


def _shown(letter: str) -> str:
    if letter.isprintable() or letter in _JOINERS:
        return letter
    return " " if letter in _BREAKS or unicodedata.category(letter) == "Zs" else "?"
