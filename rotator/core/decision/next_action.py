"""The next single action of a rotation, by the clauses of its strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.decision import staged
from rotator.core.decision.decide import CLAUSES, decide
from rotator.core.decision.policies import Strategy

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.decision.actions import Action
    from rotator.core.decision.observations import Observation
    from rotator.core.decision.policies import Policy, Wanted


def next_action(seen: Observation, wanted: Wanted, policy: Policy, now: datetime) -> Action:
    """What a run does next. Pure: it follows from what was observed, what is wanted, the policy and the time."""
    clauses = staged.CLAUSES if seen.strategy is Strategy.STAGED else CLAUSES
    return decide(seen, wanted, policy, now, clauses)
