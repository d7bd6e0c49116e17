"""What tests of the decision see of client secrets: the pairs that a consumer has, and what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.decision.next_action import next_action
from rotator.core.decision.observations import Observation
from rotator.core.decision.policies import Goal, Wanted
from rotator.core.observed import ObservedApp
from tests.unit.core.decision.situations import DAY, JUST_IN, NAMES, NEW, NOW, OLD, POLICY, REPLACE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from rotator.core.decision.actions import Action
    from rotator.core.decision.observations import Probe
    from rotator.core.observed import KnownVersion

FIRST = Wanted(Goal.REPLACE)


def pairs(
    in_use: str,
    *,
    staged: str | None = None,
    rotated: str | None = None,
    staging: bool = False,
    pending: KnownVersion | None = None,
    current: KnownVersion | None = None,
    previous: KnownVersion | None = None,
    promoted: timedelta = DAY,
    probes: Mapping[str, Probe] | None = None,
) -> Observation:
    """What the consumer of app A has, and what is stored."""
    app = ObservedApp(
        "A",
        live=NAMES[in_use],
        by_secret=True,
        staged=NAMES[staged] if staged else None,
        rotated=NAMES[rotated] if rotated else None,
        staging=staging,
    )
    return Observation(
        {"A": app},
        pending=pending,
        current=current,
        previous=previous,
        promoted_at=NOW - promoted,
        probes={NAMES[name]: probe for name, probe in (probes or {}).items()},
    )


def staged(**probes: Probe) -> Observation:
    """A pair is staged beside the one in use, which has just logged in."""
    return pairs("old", staged="new", pending=NEW, current=OLD, probes={"old": JUST_IN, **probes})


def rotated(new: Probe) -> Observation:
    """The new pair is in force, and not current yet."""
    return pairs("new", rotated="old", pending=NEW, current=OLD, probes={"new": new})


def decided(look: Observation, wanted: Wanted = REPLACE) -> Action:
    return next_action(look, wanted, POLICY, NOW)


STAGED = pairs("old", staged="new", pending=NEW, current=OLD)
ROTATED = pairs("new", rotated="old", pending=NEW, current=OLD)
KEPT = pairs("new", rotated="old", current=NEW, previous=OLD)
