"""What tests of the decision see of apps that do not show their certificates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotator.core.credentials import Fingerprint
from rotator.core.decision.situation import Situation
from rotator.core.observed import ObservedApp
from tests.unit.core.decision.situations import NAMES, NOW, POLICY, REPLACE, seen, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rotator.core.decision.actions import Action
    from rotator.core.decision.observations import Observation, Probe
    from rotator.core.decision.policies import Wanted
    from rotator.core.observed import KnownVersion

UNKNOWN = "?"
"""What a hidden app holds of which no login has proven anything."""
NOTHING = "nothing"
"""That a clause demands no action."""
REFUSES = "refuses"
"""A hidden app that refuses the key of every stored version."""


def hidden(
    *proven: str,
    pending: KnownVersion | None = None,
    current: KnownVersion | None = None,
    previous: KnownVersion | None = None,
    probes: Mapping[str, Probe] | None = None,
    given_up: str | None = None,
    ours: str = "",
    begun: str = "",
    unsent: Iterable[str] = (),
) -> Observation:
    """What is proven of the hidden apps A and B, or of A alone, and what is stored.

    `ours` and `begun`: the names of apps, as `ObservedApp.ours` and `Observation.begun` have them; `unsent`: versions.
    """
    look = seen(pending=pending, current=current, previous=previous, probes=probes, given_up=given_up, untried=True)
    return replace(
        look,
        apps={name: _hidden(name, what, name in ours) for name, what in zip("AB", proven, strict=False)},
        begun=frozenset(begun),
        unsent=frozenset(map(Fingerprint, unsent)),
    )


def _hidden(name: str, what: str, ours: bool) -> ObservedApp:
    return ObservedApp(
        name,
        live=NAMES[what] if what in NAMES and what != "throwaway" else None,
        throwaway=what == "throwaway",
        hidden=True,
        refuses_stored=what == REFUSES,
        ours=ours,
    )


def situation(look: Observation, wanted: Wanted = REPLACE) -> Situation:
    """What a clause is asked about."""
    return Situation(look, wanted, POLICY, NOW)


def said(action: Action | None) -> str:
    """What a clause demands in a few words: `verify old to A`."""
    return told(action) if action else NOTHING
