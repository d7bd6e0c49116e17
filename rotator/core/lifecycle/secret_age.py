"""When a client secret is to be replaced: Salesforce ends none by itself, so it follows from its age.

A version of a secret begins (`not_before`) when this program stored it, and ends at the age that the policy of its
credential allows, as that is now. What was rotated away ends with the time for which the org takes it still: 30 days
from then (External Client Apps, staged credentials), counted from when its successor was stored, a little before.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from rotator.core.thresholds import later

if TYPE_CHECKING:
    from rotator.core.observed import KnownVersion, ObservedCredential

OVERLAP: Final = timedelta(days=30)
"""How long the org takes a pair that was rotated away."""

_S = TypeVar("_S", bound="ObservedCredential")


def aged(seen: _S, max_age: timedelta) -> _S:
    """The credential with the end of each of its versions as it follows from their age."""
    return replace(
        seen,
        pending=_aged(seen, seen.pending, max_age),
        current=_aged(seen, seen.current, max_age),
        previous=_aged(seen, seen.previous, max_age),
    )


def _aged(seen: ObservedCredential, version: KnownVersion | None, max_age: timedelta) -> KnownVersion | None:
    if version is None or version.not_before is None:
        return version
    end = later(version.not_before, max_age)
    app = seen.apps.get(version.app)
    if app is not None and app.rotated == version.fingerprint:
        successor = seen.version(app.live)
        if successor is not None and successor.not_before is not None:
            end = min(end, later(successor.not_before, OVERLAP))
    return replace(version, not_after=end)
