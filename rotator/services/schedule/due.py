"""What is due for a credential now, and when it will be next: both follow from one observation of it.

`decide` is played through in memory (`rotator.core.decision.forecast`). The steps that a run would take tell whether
something is half done, may be retired, or is to be replaced. What is half done is due at once, whatever the maintenance
window; the rest waits for one.

When it is next due (`NextDue`) is kept in memory only. A process that starts observes once what it does not know.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING, Final

from rotator.core.decision.actions import Action, ActionKind
from rotator.core.decision.forecast import foresee
from rotator.core.decision.policies import Goal, Wanted
from rotator.core.windows import is_open, may_begin, rest_ends
from rotator.services.inventory.status import CredentialState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from rotator.config.settings import CredentialSettings
    from rotator.core.decision.observations import KnownVersion, Observation
    from rotator.core.decision.policies import Policy
    from rotator.core.windows import Window
    from rotator.services.inventory.status import CredentialStatus


class DueAction(StrEnum):
    """What is to be done with a credential now."""

    NOTHING = "nothing"
    FINISH = "finish"
    """Something is half done, or was begun: it goes on at once, whatever the window."""
    RETIRE = "retire"
    """The previous version's grace has ended: it is retired in a window."""
    REPLACE = "replace"
    """The current version is due: a rotation begins in a window."""
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


_ENDINGS: Final = frozenset({ActionKind.DISABLE, ActionKind.RETIRE})
"""What a retirement consists of."""


def due_now(seen: Observation, begun: Wanted | None, policy: Policy, now: datetime) -> DueNow:
    """What is due, as the credential was observed. `begun` is what the rotation wants that is open in the history."""
    forecast = foresee(seen, begun or Wanted(Goal.FINISH), policy, now)
    steps, end = {step.kind for step in forecast.steps}, forecast.end
    if end.kind is ActionKind.HALT and not steps:
        return DueNow(DueAction.PERSON, end)
    if begun or steps - _ENDINGS:
        return DueNow(DueAction.FINISH, end)
    if steps:
        return DueNow(DueAction.RETIRE, end)
    if seen.current is None or seen.current.not_after - now > policy.rotate_before:
        return DueNow(DueAction.NOTHING, end)
    rests_until = _rests_until(seen.current, seen, policy)
    if rests_until and rests_until > now:
        return DueNow(DueAction.NOTHING, end, wait_until=rests_until)
    return _replacement(seen, policy, now)


def _rests_until(current: KnownVersion, seen: Observation, policy: Policy) -> datetime | None:
    """Where `current` expires before `previous`, a person has brought it back, and had a reason."""
    if seen.previous is None or seen.promoted_at is None or seen.previous.not_after <= current.not_after:
        return None
    return rest_ends(seen.promoted_at, policy.grace, expires_at=current.not_after)


def _replacement(seen: Observation, policy: Policy, now: datetime) -> DueNow:
    current = seen.current.fingerprint if seen.current else None
    forecast = foresee(seen, Wanted(Goal.REPLACE, version=current), policy, now)
    if forecast.steps:
        return DueNow(DueAction.REPLACE, forecast.end)
    if forecast.end.kind is ActionKind.HALT:
        return DueNow(DueAction.PERSON, forecast.end)
    return DueNow(DueAction.NOTHING, forecast.end, wait_until=forecast.end.until)


def circumstances_of(seen: Observation, settings: CredentialSettings) -> str:
    """Equal for two observations between which nothing changed that an attempt depends on: store, apps, settings."""
    stored = [version and version.fingerprint for version in (seen.current, seen.pending, seen.previous)]
    # Each failed attempt may leave another throwaway certificate behind: that is no change.
    live = sorted((app.name, not app.throwaway and app.live, app.readable) for app in seen.apps.values())
    text = repr((stored, live, settings.model_dump_json()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def windows_of(settings: CredentialSettings) -> list[Window]:
    """When rotations of a credential may begin."""
    return [window.rules() for window in settings.windows]


def longest_rotation(settings: CredentialSettings) -> timedelta:
    """How long a rotation may take. A new key that never logs in is tried for twice the time-out, and taken back."""
    return 3 * settings.verification.timeout


def begins_at(status: CredentialStatus, now: datetime) -> datetime | None:
    """When the rotation that is due may begin by schedule: now, or in a window. None where none is due."""
    if status.standing not in {CredentialState.DUE, CredentialState.EXPIRED} or status.expires_at is None:
        return None
    settings = status.settings
    return may_begin(windows_of(settings), now, expires_at=status.expires_at, lasts=longest_rotation(settings)).at


@dataclass(frozen=True)
class NextDue:
    """When something is due for a credential, as far as the last observation of it tells."""

    is_half_done: bool = False
    expires_at: datetime | None = None
    due_at: datetime | None = None
    """When the current version is to be replaced."""
    retires_at: datetime | None = None
    """When the previous version's grace ends."""

    def is_due(self, windows: Sequence[Window], now: datetime, *, lasts: timedelta) -> bool:
        """Whether something is due now and may begin; `lasts` is how long a rotation may take."""
        if self.is_half_done:
            return True
        if self.due_at and self.expires_at and self.due_at <= now:
            return may_begin(windows, now, expires_at=self.expires_at, lasts=lasts).at <= now
        return self.retires_at is not None and self.retires_at <= now and is_open(windows, now)

    def is_quiet(self, now: datetime) -> bool:
        """Whether nothing is due yet, windows or not."""
        times = [time for time in (self.due_at, self.retires_at) if time]
        return not self.is_half_done and all(time > now for time in times)


def next_due_of(status: CredentialStatus) -> NextDue:
    """What is next due by a status. A status that could not be read says nothing."""
    stages, current, last = status.stages, status.current, status.last_rotation
    if stages is None or current is None or status.standing is CredentialState.UNKNOWN:
        return NextDue()
    return NextDue(
        is_half_done=stages.pending is not None or (last is not None and last.outcome is None),
        expires_at=status.expires_at,
        due_at=status.due_at,
        retires_at=max(current.created_at, status.last_promotion or current.created_at) + status.settings.grace
        if stages.previous
        else None,
    )


def next_due_after(seen: Observation, found: DueNow, settings: CredentialSettings, now: datetime) -> NextDue:
    """What is next due after an observation that found nothing to do now, or nothing that may begin before a window."""
    current = seen.current
    if current is None:
        return NextDue()
    grace_ends = seen.promoted_at + settings.grace if seen.previous and seen.promoted_at else None
    # A version whose grace is over and that is not to be retired is still in use.
    is_kept = grace_ends is not None and grace_ends <= now and found.action is not DueAction.RETIRE
    return NextDue(
        expires_at=current.not_after,
        due_at=found.wait_until or current.not_after - settings.rotate_before,
        retires_at=None if is_kept else grace_ends,
    )


class NextDues:
    """What is next due, by credential. Threads may share it."""

    def __init__(self) -> None:
        self._known: Final[dict[str, NextDue]] = {}
        self._lock: Final = Lock()

    def get(self, credential: str) -> NextDue | None:
        """What is next due; None when the credential has to be observed for it."""
        with self._lock:
            return self._known.get(credential)

    def note(self, credential: str, next_due: NextDue | None) -> None:
        """Keeps what an observation has shown; None when another is needed."""
        with self._lock:
            if next_due is None:
                self._known.pop(credential, None)
            else:
                self._known[credential] = next_due
