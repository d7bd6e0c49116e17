"""Whether a previous version is to be made current again by itself, as consumers were left behind.

Once a rotation: only one that replaced a version is gone back from, never a going back, whoever asked for that. And
only where it helps: the previous version logs in through the same app, and is in grace still. And not while the
credential is paused or frozen. Where people begin its rotations (`mode: manual`) it is done, too: it takes back what
one of them began.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.config.rotation.rotation_settings import OnLeftBehind
from rotator.core.lifecycle.dates import grace_left
from rotator.core.usage.usage import plainly_left_behind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rotator.config.settings import CredentialSettings
    from rotator.core.observed import ObservedCredential
    from rotator.core.schedule import Schedule, Standstill
    from rotator.core.usage.sources import Source
    from rotator.core.usage.usage import Usage
    from rotator.history.records import Rotation


@dataclass(frozen=True)
class GoingBack:
    """Whether it is made current again."""

    sources: Sequence[Source]
    """The consumers for whose sake that is done; empty where it stays as it is."""
    held_by: Sequence[Standstill]
    """What holds it up now."""

    @property
    def begins(self) -> bool:
        """Whether it is done now."""
        return bool(self.sources) and not self.held_by


def going_back(
    settings: CredentialSettings,
    seen: ObservedCredential | None,
    usage: Usage | None,
    last: Rotation | None,
    schedule: Schedule,
    now: datetime,
) -> GoingBack:
    """Whether the previous version of a credential is made current again, as things stand.

    `last` is the newest rotation of the credential, `seen` how the credential was just observed.
    """
    sources = _left_behind_for_good(settings, seen, usage, last, now)
    return GoingBack(sources, schedule.in_force(now) if sources else ())


def _left_behind_for_good(
    settings: CredentialSettings,
    seen: ObservedCredential | None,
    usage: Usage | None,
    last: Rotation | None,
    now: datetime,
) -> Sequence[Source]:
    if settings.on_left_behind is not OnLeftBehind.BACK or settings.has_secret:
        return ()
    if seen is None or seen.current is None or seen.previous is None or usage is None:
        return ()
    is_in_place = seen.current.app.casefold() == seen.previous.app.casefold()
    replaced = last is not None and (last.goal, last.outcome) == ("replace", "rotated") and _is_of(last, seen)
    if not (is_in_place and replaced) or grace_left(seen, settings, now) is None:
        return ()
    # What was seen of an earlier promotion, or cannot be seen any more, moves nothing.
    if usage.promoted_at != seen.promoted_at or usage.problem:
        return ()
    return plainly_left_behind(usage, now, settings.left_behind_after)


def _is_of(last: Rotation, seen: ObservedCredential) -> bool:
    """Whether it is the rotation that made what is current; not one that a key in wrong hands was the reason for."""
    current = seen.current
    return current is not None and last.new_fingerprint == current.fingerprint and not last.is_compromised
