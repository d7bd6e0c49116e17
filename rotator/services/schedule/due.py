"""What is due for a credential now, and when it will be next: both follow from one observation of it.

`decide` is played through in memory (`rotator.core.decision.forecast`). The steps that a run would take tell whether
something is half done, may be retired, or is to be replaced. What is half done is due at once, whatever the maintenance
window; the rest waits for one.

When it is next due (`NextDue`) is kept in memory, of the process or of all machines (`memory`): who asks and does not
know has it observed once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from rotator.core.decision.actions import Action, ActionKind
from rotator.core.decision.forecast import foresee
from rotator.core.decision.policies import Goal, Wanted
from rotator.core.lifecycle.dates import due_at, grace_end, told_end
from rotator.core.schedule import NextDue
from rotator.core.thresholds import has_come
from rotator.history.journal.rotations import newest
from rotator.services.rotation.report import Outcome

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.config.settings import CredentialSettings
    from rotator.core.attempts import AttemptRecord
    from rotator.core.decision.observations import Observation
    from rotator.core.decision.policies import Policy
    from rotator.core.lifecycle.dates import Lifetimes
    from rotator.history.engine.database import Database
    from rotator.history.records import Rotation


_TOLD: Final = frozenset({Outcome.ROTATED, Outcome.RESTORED, Outcome.REVERTED})
"""A halt is met again by the next attempt, and told of then."""


class DueAction(StrEnum):
    """What is to be done with a credential now."""

    NOTHING = "nothing"
    FINISH = "finish"
    """Something is half done, or was begun: it goes on at once, whatever the window."""
    RETIRE = "retire"
    """The previous version's grace has ended: it is retired in a window."""
    REPLACE = "replace"
    """The current version is due: a rotation begins in a window."""
    BACK = "back"
    """Consumers were left behind: the previous version is made current again, whatever the window."""
    PERSON = "person"
    """A person is needed before anything can be done."""


@dataclass(frozen=True)
class DueNow:
    """What is due, and what goes with it."""

    action: DueAction
    end: Action
    """How a run is foreseen to end: with the reason, where a person is needed."""
    wait_until: datetime | None = None
    """Until then a rotation that is due has to wait."""


_ENDINGS: Final = frozenset({ActionKind.DISABLE, ActionKind.UNSTAGE, ActionKind.RETIRE})
"""What a retirement consists of, beside looks."""
_LOOKS: Final = frozenset({ActionKind.VERIFY})


def due_now(seen: Observation, begun: Wanted | None, policy: Policy, now: datetime) -> DueNow:
    """What is due, as the credential was observed. `begun` is what the rotation wants that is open in the history."""
    forecast = foresee(seen, begun or Wanted(Goal.FINISH), policy, now)
    # To look by a login what an app holds that does not show it is no reason to begin.
    idle = frozenset[ActionKind]() if seen.gap_is_open else _LOOKS
    steps, end = {step.kind for step in forecast.steps} - idle, forecast.end
    if end.kind is ActionKind.HALT and not steps:
        return DueNow(DueAction.PERSON, end)
    if begun or steps - _ENDINGS:
        return DueNow(DueAction.FINISH, end)
    if steps:
        return DueNow(DueAction.RETIRE, end)
    begins_at = due_at(seen, policy)
    if not has_come(begins_at, now):
        return DueNow(DueAction.NOTHING, end, wait_until=begins_at)
    return _replacement(seen, policy, now)


def _replacement(seen: Observation, policy: Policy, now: datetime) -> DueNow:
    current = seen.current.fingerprint if seen.current else None
    forecast = foresee(seen, Wanted(Goal.REPLACE, version=current), policy, now)
    if any(step.kind not in _LOOKS for step in forecast.steps):
        return DueNow(DueAction.REPLACE, forecast.end)
    if forecast.end.kind is ActionKind.HALT:
        return DueNow(DueAction.PERSON, forecast.end)
    return DueNow(DueAction.NOTHING, forecast.end, wait_until=forecast.end.until)


def circumstances_of(seen: Observation, settings: CredentialSettings) -> str:
    """Equal for two observations between which nothing changed that an attempt depends on: store, apps, settings."""
    stored = [version and version.fingerprint for version in (seen.current, seen.pending, seen.previous)]
    # Each failed attempt may leave another throwaway certificate behind: that is no change.
    live = sorted((app.name, not app.throwaway and app.live, app.readable) for app in seen.apps.values())
    beside = [pair for app in seen.apps.values() for pair in (app.staged, app.rotated) if pair]
    text = repr((stored, live + beside, settings.model_dump_json(exclude={"owner", "notify"})))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def next_due_after(seen: Observation, found: DueNow, policy: Lifetimes, now: datetime) -> NextDue:
    """What is next due after an observation that found nothing to do now, or nothing that may begin before a window."""
    if seen.current is None:
        return NextDue()
    ends = grace_end(seen, policy)
    # A version whose grace is over and that is not to be retired is still in use.
    is_kept = has_come(ends, now) and found.action is not DueAction.RETIRE
    return NextDue(
        expires_at=seen.current.not_after,
        due_at=found.wait_until or due_at(seen, policy),
        retires_at=None if is_kept else told_end(ends),
    )


def untold_end(database: Database, attempt: AttemptRecord) -> Rotation | None:
    """The rotation that the attempt before ended, where it did not come to tell of it. Raises HistoryError.

    To tell that it ended well nobody is asked, so that an org that is away by then is no reason to be silent; one that
    was taken back is told of with the circumstances, which are observed.
    """
    last = newest(database, [attempt.name]).get(attempt.name) if attempt.is_begun else None
    if last is None or last.finished_at is None or last.outcome not in _TOLD:
        return None
    # What was told of before was written down with the attempt that told.
    return last if attempt.last_good_at is None or last.finished_at > attempt.last_good_at else None
