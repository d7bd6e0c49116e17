"""A second look at what nobody here knows, before a person is called for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rotator.core.decision.actions import HaltReason

if TYPE_CHECKING:
    from rotator.core.decision.actions import Action
    from rotator.core.decision.observations import Observation

LOOKS: Final = 5
"""How often a run looks again at the most, should what it sees go on changing."""

_UNKNOWN: Final = frozenset({HaltReason.DRIFT, HaltReason.STANDBY_UNKNOWN})


class Doubt:
    """A look is not of one instant: store and org are seen one after the other.

    Where another installation works on the same credential, by mistake, a certificate that it put there between the two
    is of a version that the store shows only now, and no person changed anything by hand.
    """

    def __init__(self) -> None:
        self._seen: list[Observation] = []

    def remains(self, action: Action, seen: Observation) -> bool:
        """Whether to look once more instead of calling a person: until two looks in a row show the same."""
        if action.halt not in _UNKNOWN or len(self._seen) >= LOOKS:
            return False
        shown = replace(seen, probes={}, promoted_at=None)
        is_the_same = self._seen[-1:] == [shown]
        self._seen.append(shown)
        return not is_the_same
