"""What is asked about before it is done: what ends a key at once, overwrites what nobody knows, or is for all."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rotator.core import words
from rotator.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.services.rotation.requests import Request


def is_to_be_confirmed(request: Request, *, is_for_many: bool) -> bool:
    """Whether a person is asked about a request first."""
    options = request.options
    return is_for_many or request.compromised or options.retire_now or options.replace_unknown


def confirm(show_plan: Callable[[], None], request: Request, credentials: Sequence[str]) -> None:
    """Shows the plan and asks, on a terminal.

    Raises ConfigurationError when the answer is no; and where nobody can be asked, when all keys would be ended.
    """
    if not _somebody_is_there():
        if request.compromised and len(credentials) > 1:
            raise ConfigurationError(
                f"This would end the keys of {words.count(len(credentials), 'credential')} at once.",
                effect="Nothing was touched.",
                hint="Give --yes as well, where nobody can be asked.",
            )
        return
    show_plan()
    if not click.confirm(f"Do this for {words.listed(credentials)}?", err=True):
        raise ConfigurationError(
            "It was not confirmed.", effect="Nothing was touched.", hint="`--dry-run` shows what would be done."
        )


def _somebody_is_there() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
