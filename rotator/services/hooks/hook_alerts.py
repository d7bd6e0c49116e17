"""What people are told of a hook that fails."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.alert import NewAlert
from rotator.core.hook import Calls
from rotator.core.severity import Severity
from rotator.services.alerting.kinds import HOOK, key

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.hook import HookCall
    from rotator.errors import RotatorError


TOLD_FOR: Final = timedelta(days=7)
"""So long people are told of a call that was given up."""


def hook_trouble(calls: Calls) -> str:
    """Key of the one alert for a hook that fails after events of a credential."""
    return key(HOOK, calls.name)


def hook_failed(
    hook: str, call: HookCall, error: RotatorError, said: str = "", *, again_at: datetime | None
) -> NewAlert:
    """A hook failed; without `again_at` it is given up. `said` is what it said, as it may be shown."""
    given_up = f"It is not tried again; people are told of that for {words.length(TOLD_FOR)}."
    goes_on = "It is tried again by itself." if again_at else given_up
    by_hand = f"`rotator hooks test {hook} --credential {call.credential}` tries it at once"
    by_hand += "." if again_at else ", and ends this where it does its work."
    return NewAlert(
        key=hook_trouble(Calls(hook, call.credential)),
        kind=HOOK,
        severity=Severity.WARNING,
        title=f"The hook {hook} failed after {call.credential} was {_word(call)}",
        text=words.sentences(error.message, f"It said: {said.splitlines()[-1]}" if said else ""),
        meanwhile=f"The rotation itself is not touched by it. {goes_on}",
        to_do=f"{error.hint} {by_hand}".strip(),
        again_at=again_at,
        org=call.org or None,
        credential=call.credential,
        facts={
            "Hook": hook,
            "Credential": call.credential,
            **({"Org": call.org} if call.org else {}),
            "Event": str(call.event),
        },
    )


def _word(call: HookCall) -> str:
    return {"drift": "changed by hand", "failed": "half rotated"}.get(call.event, str(call.event))
