"""The worlds and requests that walks begin with."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import Fingerprint
from rotator.core.decision.options import RotationOptions
from rotator.core.decision.policies import Goal, Strategy, Wanted
from rotator.core.logins import LoginOutcome
from tests.rotation.happenings import adopted
from tests.rotation.world import APPS, BAD_KEY, NAMED, THROWAWAY, UNKNOWN, UNSENT, Cert, Stored, Tried, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NAMED = Fingerprint(NAMED)

REQUESTS: Final = (
    Wanted(Goal.REPLACE, _NAMED),
    Wanted(Goal.REPLACE, _NAMED, options=RotationOptions(keep_key=True)),
    Wanted(Goal.REPLACE, _NAMED, compromised=True),
    Wanted(Goal.REPLACE, _NAMED, options=RotationOptions(replace_unknown=True)),
    Wanted(Goal.BRING, _NAMED),
    Wanted(Goal.RESTORE),
    Wanted(Goal.FINISH),
)
"""What is asked for, in every kind that makes a difference."""

OFTEN: Final = (REQUESTS[0], REQUESTS[4])
"""What is asked for most: another version, and the one from before."""

RARE_REQUESTS: Final = (
    Wanted(Goal.REPLACE, None),
    Wanted(Goal.REPLACE, _NAMED, options=RotationOptions(retire_now=True)),
    Wanted(Goal.REPLACE, _NAMED, options=RotationOptions(keep_key=True, replace_unknown=True)),
    Wanted(Goal.REPLACE, _NAMED, compromised=True, options=RotationOptions(replace_unknown=True)),
    Wanted(Goal.BRING, _NAMED, options=RotationOptions(replace_unknown=True)),
    Wanted(Goal.BRING, _NAMED, options=RotationOptions(retire_now=True)),
    Wanted(Goal.FINISH, options=RotationOptions(retire_now=True)),
)
"""Requests in which two kinds meet."""

_V0 = Stored("v0", "k0", "A")


def sane(strategy: Strategy) -> Iterator[World]:
    """Where credentials begin: a version in use, none, or a certificate that people made, with its key or without."""
    if strategy is Strategy.IN_PLACE:
        made_by_hand = World((UNKNOWN,), (False,), current=_V0, by_hand=True)
        yield from (made_by_hand, adopted(made_by_hand, "A"))
        without_current = made_by_hand._replace(current=None)
        yield from (without_current, adopted(without_current, "A"))
    for standby in [()] if strategy is Strategy.IN_PLACE else [(None,), (UNKNOWN,), (THROWAWAY,), (_V0.cert,)]:
        for live, current in ((_V0.cert, _V0), (None, None)):
            yield World((live, *standby), (False,) * (1 + len(standby)), current=current)


def in_other_words(worlds: Iterable[World]) -> Iterator[World]:
    """The same in orgs that have other words for a wrong key."""
    return (world._replace(other_words=True) for world in worlds)


def with_other_consumer_keys(worlds: Iterable[World], old: str) -> Iterator[World]:
    """The same where people give apps other consumer keys, and the org has the one before REFUSED or TAKEN."""
    return (world._replace(old_client_ids=old) for world in worlds)


def hiding(worlds: Iterable[World], *hidden: bool) -> Iterator[World]:
    """The same with apps that do not show what they hold."""
    return (world._replace(hidden=hidden) for world in worlds)


def in_turn(worlds: Iterable[World]) -> Iterator[World]:
    """The same where it makes a difference which of several keys was tried longest ago."""
    return (world._replace(in_turn=True) for world in worlds)


def conceivable(strategy: Strategy) -> Iterator[World]:
    """Every combination of stages and live certificates, whether or not anything could lead there."""
    names = APPS[: 1 if strategy is Strategy.IN_PLACE else 2]
    for current, previous in _bases(names):
        for pending in _pendings(names, current, previous):
            staged = {version.cert: None for version in (current, pending, previous) if version}
            for live in product([None, UNKNOWN, THROWAWAY, *staged], repeat=len(names)):
                for in_grace in (False, True)[: 1 + bool(previous)]:
                    yield _world(live, pending, current, previous, in_grace)


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


def begun(world: World, wanted: Wanted) -> Iterator[World]:
    """A world as runs for a request begin with it: the request names a stored version, or one that is none."""
    yield world
    if wanted.version is None:
        return
    nameable = {Goal.REPLACE: [world.current], Goal.BRING: world.stages}.get(wanted.goal, [])
    for version in dict.fromkeys(nameable):
        if version:
            yield _renamed(world, version.name)


def _renamed(world: World, name: str) -> World:
    """The world with the version of that name called as requests call it."""

    def cert(held: Cert | None) -> Cert | None:
        return held._replace(name=NAMED) if held and held.name == name else held

    def stored(version: Stored | None) -> Stored | None:
        return version._replace(name=NAMED) if version and version.name == name else version

    return world._replace(
        live=tuple(map(cert, world.live)),
        pending=stored(world.pending),
        current=stored(world.current),
        previous=stored(world.previous),
        tried=tuple(row._replace(name=NAMED) if row.name == name else row for row in world.tried),
        sent=tuple(NAMED if what == name else what for what in world.sent),
    )


_ROWS: Final = (
    None,
    (LoginOutcome.ACCEPTED, 2, 1, 1, 0),
    (LoginOutcome.MISMATCH, 2, 1, 1, 0),
    (LoginOutcome.TRANSIENT, 1, 1, 1, 0),
)
"""What the test logins with one version's key may have come to: none, accepted, refused for good, unanswered."""


def in_the_middle(worlds: Iterable[World]) -> Iterator[World]:
    """The same with everything that a run may have found out of hidden apps, and have sent to them with a yes."""
    for world in worlds:
        versions = [*dict.fromkeys(version for version in world.stages if world.hides(version.app))]
        for sent in product(*(_sent(world, app) for app in world.apps)):
            for rows in product(_ROWS, repeat=len(versions)):
                known = [(version, row) for version, row in zip(versions, rows, strict=True) if row]
                if all(_may_be_told(world, version, row[0]) for version, row in known):
                    tried = sorted(Tried(version.name, *row) for version, row in known)
                    yield world._replace(tried=tuple(tried), sent=sent if any(sent) else ())


def _sent(world: World, app: str) -> tuple[str, ...]:
    held = world.app(app)
    is_sent = world.hides(app) and world.pending is not None and held not in {None, UNKNOWN}
    return (UNSENT, held.name) if is_sent and held else (UNSENT,)


def _may_be_told(world: World, version: Stored, outcome: LoginOutcome) -> bool:
    """Whether that is so when all servers have heard of every change."""
    return outcome is LoginOutcome.TRANSIENT or (outcome is LoginOutcome.ACCEPTED) == world.logs_in(version)
