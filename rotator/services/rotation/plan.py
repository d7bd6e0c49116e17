"""What a run would do, from one observation of store and org, and the history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.core.decision.actions import Action, ActionKind
from rotator.core.decision.forecast import Forecast, foresee
from rotator.core.lifecycle.dates import due_at
from rotator.core.thresholds import has_come
from rotator.errors import RotationHalted
from rotator.services.rotation.observer import Observer
from rotator.services.rotation.own_login import refuse_to_end_own_login
from rotator.services.rotation.requests import continues, resumed, subject_of, wanted_of

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.credentials import Fingerprint
    from rotator.core.decision.policies import Strategy, Wanted
    from rotator.core.observed import ObservedCredential
    from rotator.services.rotation.observer import CredentialContext
    from rotator.services.rotation.requests import Request


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
    seen: ObservedCredential
    """As it was observed for this."""


def plan_of(credential: CredentialContext, request: Request, now: datetime) -> Plan:
    """Observes once, and plays the run through in memory. Raises what observing raises."""
    observer = Observer(credential)
    seen = observer.observe()
    policy = credential.policy
    current = seen.current
    due = due_at(seen, policy)
    try:
        refuse_to_end_own_login(credential, observer.apps)
        forecast = foresee(seen, _wanted(credential, request, now), policy, now)
    except RotationHalted as halted:
        forecast = Forecast((), Action(ActionKind.HALT, halted.message, hint=halted.hint, rerun=halted.rerun))
    return Plan(
        credential=credential.name,
        strategy=seen.strategy,
        current=current.fingerprint if current else None,
        not_after=current.not_after if current else None,
        due_at=due,
        due=has_come(due, now),
        forecast=forecast,
        seen=seen,
    )


def _wanted(credential: CredentialContext, request: Request, now: datetime) -> Wanted:
    """What the request would want: of an interrupted rotation, if it means that one, what that wanted."""
    stages, rotation = credential.store.stages(credential.name), credential.open_rotation()
    if rotation and continues(request, rotation, stages, now=now):
        return resumed(rotation, request)
    return wanted_of(request, subject_of(credential.name, request, stages) if request.goal else None)
