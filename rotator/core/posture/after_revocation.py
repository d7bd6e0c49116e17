"""What is still asked of a credential that was revoked: what lets others in all the same.

Nobody is to log in by it. So no check asks for it to be rotated, used or given a better user, and no remedy brings it
back or ends what was ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core.lifecycle.revocation import RevocationStep
from rotator.core.posture import checks
from rotator.core.posture.facts import Hidden
from rotator.core.posture.judgements import Outcome

if TYPE_CHECKING:
    from rotator.core.lifecycle.revocation import Revocation
    from rotator.core.posture.judgements import Judgement

_ALWAYS: Final = frozenset({checks.KEY_SHARED.name})
"""The key that was ended is good wherever else it is."""

_WHILE_THE_KEY_IS_LIVE: Final = frozenset(
    check.name for check in (checks.APP_OPEN, checks.APP_REFRESH_TOKENS, checks.APP_ADDRESSES, checks.APP_SCOPES)
)
"""Where its user's access alone was ended: whoever has the key may log in as another user of the app."""


def is_asked(check: str, revoked: Revocation | None) -> bool:
    """Whether a check of that name is asked of a credential; `revoked` is that a person has ended logins with it."""
    if revoked is None or check in _ALWAYS:
        return True
    return check in _WHILE_THE_KEY_IS_LIVE and RevocationStep.CERTIFICATE not in revoked.done


def as_far_as_asked(check: str, revoked: Revocation | Hidden | None, said: Judgement) -> Judgement:
    """What a check said of a credential, or nothing where it is not asked.

    Where it cannot be known whether it was revoked, what is wrong with one in use is not known to be wrong.
    """
    if not isinstance(revoked, Hidden):
        return said if is_asked(check, revoked) else None
    is_in_doubt = isinstance(said, Outcome) and not said.is_sound and check not in _ALWAYS
    return revoked if is_in_doubt else said
