"""Which steps a revocation of a credential has, by its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.lifecycle.revocation import RevocationStep
from rotator.errors import NOTHING_CHANGED, RotationHalted

if TYPE_CHECKING:
    from rotator.services.rotation.observer import CredentialContext


def steps_of_kind(credential: CredentialContext, steps: tuple[RevocationStep, ...]) -> tuple[RevocationStep, ...]:
    """Those of `steps` that the credential has; raises RotationHalted where it has none of them.

    By client credentials an app logs in as the one user whom its policies name, whatever sets and profiles let in.
    """
    if credential.secrets is None:
        return steps
    found = tuple(step for step in steps if step is not RevocationStep.ACCESS)
    if not found:
        raise RotationHalted(
            f"{credential.name} is a client secret: its app logs in as the user whom its policies name, and no"
            " permission set or profile lets it in.",
            effect=NOTHING_CHANGED,
            hint="`--only certificate` ends its consumer key and secret. Setup, External Client App Manager, Policies,"
            " turns the client credentials flow off for all of them.",
        )
    return found
