"""What a rotation would do, from one look at store and org."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.core.forecast import Forecast, foresee
from rotator.services.managed import Observer
from rotator.services.requests import wanted_of
from rotator.services.rotate import policy_of

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.credentials import Fingerprint
    from rotator.core.policies import Strategy
    from rotator.services.managed import Managed
    from rotator.services.requests import Request


@dataclass(frozen=True)
class Plan:
    """When a credential is due, and what a run would do now."""

    credential: str
    strategy: Strategy
    current: Fingerprint | None
    not_after: datetime | None
    due_at: datetime | None
    due: bool
    forecast: Forecast


def plan_of(managed: Managed, request: Request, now: datetime) -> Plan:
    """Looks once, and plays the run through. Raises what the look raises."""
    seen = Observer(managed).look()
    policy = policy_of(managed)
    current = seen.current
    due_at = current.not_after - policy.rotate_before if current else None
    subject = current.fingerprint if current else None
    return Plan(
        credential=managed.name,
        strategy=seen.strategy,
        current=subject,
        not_after=current.not_after if current else None,
        due_at=due_at,
        due=due_at is not None and due_at <= now,
        forecast=foresee(seen, wanted_of(request, subject), policy, now),
    )
