"""What is printed: tables, state words and times for people, JSON for programs."""

# ruff: noqa: PLC0415 - Rich takes 55 ms and 3 MB, which only what shows something to a person needs

from __future__ import annotations

import os
import sys
from datetime import datetime
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

import click

from rotator.cli.output.streams.marked import Styled
from rotator.core import words
from rotator.plain_text import json_text, lines, set_in

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import TextIO

    from rotator.cli.output.streams.plain import Plain
    from rotator.cli.output.streams.rows import Rows
    from rotator.cli.output.streams.terminal import Terminal
    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.services.inventory.status import CredentialStatus

NO_CREDENTIAL: Final = "No credential is configured: add one under `credentials` in config.yaml."
"""What a table of credentials says where there is none."""

NOTHING: Final = "-"
"""What a table shows where there is nothing to show."""

_UNFOLDED: Final = 10_000
"""Columns of what goes to a file or a pipe: nothing is folded or left out there."""

_LOOKS: Final = {
    "good": ("✓", "+", "green"),
    "warning": ("!", "!", "yellow"),
    "bad": ("✗", "x", "bold red"),
    "quiet": ("-", "-", "dim"),
}
_WORDS: Final = {
    "good": {"ok", "rotated", "restored", "accepted", "alive"},
    "warning": {
        *("due", "deferred", "waiting", "reverted", "interrupted", "unfinished", "running", "skipped", "vanished"),
        *("unproven", "unusable", "not yet valid", "transient", "rate", "warning", "medium"),
    },
    "bad": {
        *("expired", "refused", "drift", "unreadable", "unknown", "failed", "high", "halted", "mismatch"),
        *("configuration", "clock", "critical", "silent"),
    },
    "quiet": {"none", "resting", "not stored", "revoked", "nothing", "abandoned", "info", "low"},
}

_URGENT: Final[dict[str, str]] = {"warning": "warning", "critical": "bad"}
"""By `rotator.core.severity.Severity`."""


_SAYS_WHAT_IT_IS: Final = ("FORCE_COLOR", "TTY_COMPATIBLE")
"""Variables by which people tell Rich what a stream can show."""


def console(*, err: bool = False) -> Terminal | Plain:
    """Standard output, or standard error: in colour and at its width on a terminal; what is piped on is not folded."""
    from rotator.cli.output.streams.plain import Plain

    stream = sys.stderr if err else sys.stdout
    is_utf = (stream.encoding or "").lower().startswith("utf")
    if stream.isatty() or not is_utf or any(name in os.environ for name in _SAYS_WHAT_IT_IS):
        return terminal(stream if err else None)
    return Plain(err=err)


def terminal(file: TextIO | None = None, *, quiet: bool = False) -> Terminal:
    """The same by Rich, whatever the stream is: for what moves, and for what Rich alone lays out."""
    from rotator.cli.output.streams.terminal import Terminal

    stream = file or sys.stdout
    return Terminal(file=file, width=None if stream.isatty() else _UNFOLDED, quiet=quiet)


def say(text: str, *, err: bool = False, label: str = "", colour: str | None = None) -> None:
    """A sentence or a paragraph, on standard output or standard error. `label` is its first word, in that colour.

    A terminal gets it wrapped between words, so that names can be copied. All lines but the first are set in: what an
    org has to say begins no line, where it could pass for an error of ours.
    """
    told = set_in(f"{label} {text}" if label else text)
    stream = sys.stderr if err else sys.stdout
    if stream.isatty():
        width = get_terminal_size().columns
        told = "\n".join(part for line in told.split("\n") for part in _wrapped(line, width))
    if label:
        told = click.style(label, fg=colour, bold=colour == "red") + told.removeprefix(label)
    click.echo(told, err=err, color=False if "NO_COLOR" in os.environ else None)


def say_whole(document: str) -> None:
    """A text of many lines that is the program's own, such as a page or a policy, as it is on standard output."""
    click.echo(lines(document), nl=False)


def _wrapped(line: str, width: int) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())] + "  "
    return wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]


def table(*columns: str, prose: Collection[str] = (), spare: Sequence[str] = ()) -> Rows:
    """A table with these headings (`rotator.cli.output.streams.rows.Rows`)."""
    from rotator.cli.output.streams.rows import Rows

    return Rows(columns, prose=prose, spare=spare)


def state_of(this: CertificateLife | CredentialStatus) -> Styled:
    """The state of a certificate or a credential, with how urgent that is."""
    from rotator.core.lifecycle.states import in_words

    look = _URGENT.get(this.urgency) if this.urgency else None
    return _signed(in_words(this.state, this.urgency), look or _look_of(this.state))


def state(word: str) -> Styled:
    """A state in its colour and with a sign, so that the colour is never all there is."""
    return _signed(word, _look_of(word))


def _look_of(word: str) -> str:
    return next((look for look, words in _WORDS.items() if word in words), "quiet")


def _signed(word: str, look: str) -> Styled:
    sign, plain_sign, style = _LOOKS[look]
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return Styled(f"{sign if utf8 else plain_sign} {word}", style)


def short(fingerprint: str | None) -> str:
    """The beginning of a fingerprint, as tables show it."""
    return words.short(fingerprint) if fingerprint else NOTHING


def moment(time: datetime | None, now: datetime) -> str:
    """`2026-12-05 10:00 UTC (in 12 days)`."""
    if time is None:
        return NOTHING
    return f"{words.moment(time)} ({words.distance(time, now)})"


def day(time: datetime | None) -> str:
    """`2026-12-05`, for a column of a table; `never` for an expiry that stands for none."""
    return words.expiry_day(time) if time else NOTHING


def away(time: datetime | None, now: datetime) -> str:
    """`in 12 days`, for a column of a table; `never` for an expiry that stands for none."""
    return words.expiry(time, now) if time else NOTHING


def print_json(value: Any) -> None:
    """JSON on standard output; times as `rotator.core.words.timestamp` has them."""
    click.echo(json_text(value, indent=2, default=_plain))


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return words.timestamp(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
