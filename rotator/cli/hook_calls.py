"""Hooks are called at the end of a command, and change nothing of how it ends."""

# ruff: noqa: PLC0415 - who has no hooks pays for none

from __future__ import annotations

import random
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rotator.cli.error_output import tell
from rotator.cli.output.console import say
from rotator.core import words
from rotator.errors import RotatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rotator.application import Application
    from rotator.cli.invocation import Invocation
    from rotator.services.hooks.hook_service import HookService, Made


@contextmanager
def hooks_called(
    invocation: Invocation, app: Application, names: Sequence[str], *, unless: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Has the hooks called after what happens to these credentials meanwhile, `unless` that is left to the service."""
    service = _noted(app) if app.settings.hooks.after_rotation else None
    yield
    if service and not unless():
        try:
            made = [each for calls in service.due(names) for each in service.make(calls, app.hook)]
        except RotatorError as error:
            tell(error, as_json=False, about="hooks")
        else:
            _say(invocation, made)


def _noted(app: Application) -> HookService | None:
    from rotator.services.hooks.hook_service import HookService

    with suppress(RotatorError):  # The command itself says what is wrong with the history.
        service = HookService.of(app.settings, app.database, now=app.now, random=random.SystemRandom().random)
        service.note()
        return service
    return None


def _say(invocation: Invocation, made: Sequence[Made]) -> None:
    for each in made:
        if each.problem:
            when = each.again_at and f"`rotator run` tries it again, not before {words.moment(each.again_at)}."
            say(f"{each.problem.message} {each.problem.effect} {when or 'It is given up.'}", err=True)
        elif not invocation.json:
            say(f"Hook {each.hook} was called after {each.call.credential}: {each.call.event}.")
