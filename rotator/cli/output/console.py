"""What is printed: tables, state words and times for people, JSON for programs."""

# ruff: noqa: PLC0415 - Rich takes 55 ms and 3 MB, which only what shows something to a person needs

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from rotator.core import words

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    from rotator.cli.output.rows import Rows
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
    "good": {"ok", "rotated", "restored", "accepted"},
    "warning": {
        *("due", "deferred", "waiting", "reverted", "interrupted", "unfinished", "running", "skipped", "vanished"),
        *("unproven", "unusable", "not yet valid", "transient", "rate", "warning"),
    },
    "bad": {
        *(
            "expired",
            "refused",
            "drift",
            "unreadable",
            "unknown",
            "failed",
            "halted",
            "mismatch",
            "configuration",
            "clock",
        ),
        *("clock", "critical"),
    },
    "quiet": {"none", "resting", "not stored", "nothing", "abandoned", "info"},
}

_URGENT: Final[dict[str, str]] = {"warning": "warning", "critical": "bad"}
"""By `rotator.core.severity.Severity`."""


def console() -> Console:
    """Standard output, in colour and at its width on a terminal; what is piped on is not folded."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _UNFOLDED
    return Console(width=width, highlight=False, markup=False, emoji=False)


def table(*columns: str, prose: Collection[str] = (), spare: Sequence[str] = ()) -> Rows:
    """A table with these headings (`rotator.cli.output.rows.Rows`)."""
    from rotator.cli.output.rows import Rows

    return Rows(columns, prose=prose, spare=spare)


def indented(text: str) -> Padding:
    """A paragraph below another line; what a terminal wraps of it is as far in."""
    from rich.padding import Padding
    from rich.text import Text

    return Padding.indent(Text(clean(text)), 2)


def state_of(this: CertificateLife | CredentialStatus) -> Text:
    """The state of a certificate or a credential, with how urgent that is."""
    from rotator.core.lifecycle.states import in_words

    look = _URGENT.get(this.urgency) if this.urgency else None
    return _signed(in_words(this.state, this.urgency), look or _look_of(this.state))


def state(word: str) -> Text:
    """A state in its colour and with a sign, so that the colour is never all there is."""
    return _signed(word, _look_of(word))


def _look_of(word: str) -> str:
    return next((look for look, words in _WORDS.items() if word in words), "quiet")


def _signed(word: str, look: str) -> Text:
    from rich.text import Text

    sign, plain_sign, style = _LOOKS[look]
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return Text(f"{sign if utf8 else plain_sign} {word}", style=style)


def clean(text: str | None) -> str:
    """Text from an org or a file without the control characters that would move a terminal's cursor."""
    return "".join(character if character.isprintable() else "?" for character in text or "")


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
    click.echo(json.dumps(value, indent=2, default=_plain))


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return words.timestamp(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
