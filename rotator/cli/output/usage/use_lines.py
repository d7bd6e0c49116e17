"""Who uses a credential before it is rotated, in `rotate plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rotator.cli.output.console import away
from rotator.core import words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rotator.services.usage.users_before import AppUse

MOST_NAMED: Final = 10
"""So many are named on a terminal; JSON has all of them."""

_OF_A_SOURCE: Final = ("address", "client", "accepted", "refused", "last_at")


def use_as_json(use: AppUse) -> dict[str, Any]:
    """Member `usage` of `rotate plan --json`."""
    return {
        "username": use.username,
        "why_not": use.why_not or None,
        "hint": use.hint or None,
        "cut": use.is_cut,
        "sources": [{name: getattr(each, name) for name in _OF_A_SOURCE} for each in use.sources],
        "tokens": [{"app": each.app, "last_used_at": each.at} for each in use.tokens],
    }


def use_in_words(use: AppUse, now: datetime) -> Iterator[str]:
    """A sentence for each source, for what is not visible, and for each token."""
    if use.why_not:
        yield f"Who logs in with it is not visible: {use.why_not} {use.hint}".rstrip()
    else:
        yield from _logins_in_words(use, now)
    for token in use.tokens:
        yield f"{use.username} has a token of {token.app}, last used {away(token.at, now)}."


def _logins_in_words(use: AppUse, now: datetime) -> Iterator[str]:
    least = "at least " if use.is_cut else ""
    for each in use.sources[:MOST_NAMED]:
        refused = f", and {words.count(each.refused, 'refused one')}" if each.refused else ""
        logins = f"{least}{words.count(each.accepted, 'login')} in 30 days{refused}"
        yield f"{use.username} logs in from {each.name}: {logins}, the last {away(each.last_at, now)}."
    left = len(use.sources) - MOST_NAMED
    if left > 0:
        yield f"And from {words.count(left, 'more place')}; --json names all."
    if not use.sources:
        yield f"Nobody logs in as {use.username} through it, but rotator itself."
