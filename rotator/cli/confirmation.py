"""What is asked about before it is done.

That is what ends a key at once, overwrites what nobody knows, or is for all; and what a person has paused, or the
configuration freezes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.cli.output.console import say
from rotator.cli.parameters import ask, somebody_is_there, wrong_input
from rotator.core import words
from rotator.core.schedule import Why
from rotator.services.inventory.schedules import schedules

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from rotator.application import Application
    from rotator.core.schedule import Standstill
    from rotator.services.rotation.requests import Request

_BEGINS: Final = frozenset({"replace", "back", "enroll"})
"""The goals that begin something; the others put right what is half done, or was changed by hand."""


def standing_still(app: Application, request: Request, credentials: Sequence[str]) -> dict[str, Standstill]:
    """Those of the credentials that are paused or frozen, and by what, if the request begins anything.

    What is half done is not among them: it goes on. Raises HistoryError.
    """
    if request.goal not in _BEGINS:
        return {}
    when, now = schedules(app.settings, app.database), app.now()
    found = {}
    for name in credentials:
        held = [each for each in when.of(name).in_force(now) if each.why is not Why.FIRST_START]
        if held and app.journal.open_rotation(name) is None:
            found[name] = held[0]
    return found


def of_all(app: Application, request: Request, credentials: Sequence[str]) -> tuple[str, ...]:
    """Those of all credentials that a request is for which names none, and says which are not.

    Who does not name what was revoked does not mean to bring it back; what is half done goes on. Raises HistoryError,
    and ConfigurationError when none is left for a request that begins something.
    """
    out = {name: f"is {standstill}" for name, standstill in standing_still(app, request, credentials).items()}
    for name, revoked in app.journal.revocations().items():
        if name in credentials and revoked.ends_logins and app.journal.open_rotation(name) is None:
            out[name] = f"was revoked on {words.moment(revoked.since)}"
    for name, why in out.items():
        say(f"Left out: {name} {why}.", err=True)
    rest = tuple(name for name in credentials if name not in out)
    if not rest and request.goal:
        raise wrong_input(
            "Every credential is paused, frozen or revoked.", "Name those that are to be rotated all the same."
        )
    return rest


def is_to_be_confirmed(request: Request, *, is_for_many: bool) -> bool:
    """Whether a person is asked about a request first."""
    options = request.options
    return is_for_many or request.compromised or options.retire_now or options.replace_unknown


def confirm(
    show_plan: Callable[[], None],
    request: Request,
    credentials: Collection[str],
    held: Mapping[str, Standstill],
    *,
    is_for_all: bool = False,
) -> None:
    """Shows the plan and asks, on a terminal.

    `is_for_all`: the command line names none, and means every credential. Raises ConfigurationError when the answer is
    no; and where nobody can be asked, when all keys would be ended or something is paused or frozen.
    """
    if not somebody_is_there():
        _refuse_unasked(request, credentials, held, is_for_all=is_for_all)
        return
    show_plan()
    for name, standstill in held.items():
        say(f"{name} is {standstill}.", err=True)
    ask(f"Do this for {words.listed(credentials)}{' all the same' if held else ''}?")


def _refuse_unasked(
    request: Request, credentials: Collection[str], held: Mapping[str, Standstill], *, is_for_all: bool
) -> None:
    if held:
        raise wrong_input(
            " ".join(f"{name} is {standstill}." for name, standstill in held.items()),
            "Give --yes as well, to do it all the same where nobody can be asked.",
        )
    if request.compromised and (is_for_all or len(credentials) > 1):
        raise wrong_input(
            f"This would end the keys of {words.count(len(credentials), 'credential')} at once.",
            "Give --yes as well, where nobody can be asked.",
        )
