"""The worlds and requests that walks begin with."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import Fingerprint
from rotator.core.policies import Goal, Strategy, Wanted
from tests.rotation.happenings import adopted
from tests.rotation.sameness import plain
from tests.rotation.world import APPS, BAD_KEY, NAMED, THROWAWAY, UNKNOWN, Cert, Stored, World

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMED = Fingerprint(NAMED)

REQUESTS: Final = (
    Wanted(Goal.REPLACE, _NAMED),
    Wanted(Goal.REPLACE, _NAMED, keep_key=True),
    Wanted(Goal.REPLACE, _NAMED, compromised=True),
    Wanted(Goal.REPLACE, _NAMED, replace_unknown=True),
    Wanted(Goal.BRING, _NAMED),
    Wanted(Goal.RESTORE),
    Wanted(Goal.FINISH),
    Wanted(Goal.FINISH, retire_now=True),
)
"""What is asked for, in every kind that makes a difference."""

RARE_REQUESTS: Final = (
    Wanted(Goal.REPLACE, None),
    Wanted(Goal.REPLACE, _NAMED, retire_now=True),
    Wanted(Goal.REPLACE, _NAMED, keep_key=True, replace_unknown=True),
    Wanted(Goal.REPLACE, _NAMED, compromised=True, replace_unknown=True),
    Wanted(Goal.BRING, _NAMED, replace_unknown=True),
    Wanted(Goal.BRING, _NAMED, retire_now=True),
)
"""Requests in which two kinds meet."""

_V0 = Stored("v0", "k0", "A")


def sane(strategy: Strategy) -> Iterator[World]:
    """Where credentials begin: a version in use, no certificate at all, or one that people made, adopted or not."""
    for standby in [()] if strategy is Strategy.IN_PLACE else [(None,), (UNKNOWN,), (THROWAWAY,), (_V0.cert,)]:
        lags = (False,) * (1 + len(standby))
        yield World((_V0.cert, *standby), lags, current=_V0)
        for person_made in (
            World((UNKNOWN, *standby), lags, current=_V0, by_hand=True),
            World((UNKNOWN, *standby), lags)
        ):
            yield person_made
            yield adopted(person_made, "A")
        yield World((None, *standby), lags)


def conceivable(apps: int) -> Iterator[World]:
    """Every combination of stages and live certificates, whether or not anything could lead there."""
    names = APPS[:apps]
    for current, previous in _bases(names):
        for pending in _pendings(names, current, previous):
            staged = {version.cert: None for version in (current, pending, previous) if version}
            for live in product([None, UNKNOWN, THROWAWAY, *staged], repeat=apps):
                for in_grace in (False, True)[: 1 + bool(previous)]:
                    yield plain(_world(live, pending, current, previous, in_grace), keeps_name=False)


def _bases(names: tuple[str, ...]) -> Iterator[tuple[Stored | None, Stored | None]]:
    """Current and previous."""
    yield None, None
    for app in names:
        current = Stored("v1", "k1", app)
        yield current, None
        yield from ((current, Stored("v2", key, where)) for key in ("k1", "k2") for where in names)


def _pendings(names: tuple[str, ...], current: Stored | None, previous: Stored | None) -> Iterator[Stored | None]:
    yield from (None, previous) if previous else (None,)
    keys = dict.fromkeys(("k3", BAD_KEY, *(version.key for version in (current, previous) if version)))
    yield from (Stored("v3", key, app) for key in keys for app in names)


def _world(
    live: tuple[Cert | None, ...],
    pending: Stored | None,
    current: Stored | None,
    previous: Stored | None,
    in_grace: bool,
) -> World:
    world = World(live, (False,) * len(live), pending, current, previous, in_grace)
    return world._replace(by_hand=current is not None and not world.is_live(current))
