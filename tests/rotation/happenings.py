"""What can happen to a world: actions with every way in which they end, people, time."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from rotator.core.decision.actions import ActionKind
from rotator.core.decision.policies import FRESHNESS
from rotator.core.logins import LoginOutcome
from tests.rotation.looks import answered, giving_up, remembered
from tests.rotation.world import APPS, BAD_KEY, NOW, THROWAWAY, UNKNOWN, Cert, Stored, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.core.decision.actions import Action
    from rotator.core.decision.policies import Wanted

WRITES = frozenset({ActionKind.UPLOAD, ActionKind.RESTORE, ActionKind.DISABLE})
"""The actions that change an app."""


def effect(world: World, action: Action, wanted: Wanted, *, key: str = "new") -> World:
    """The world after an action that succeeds. `key` is what `generate` makes."""
    after = giving_up(world, action.gives_up) if action.gives_up else world
    match action.kind:
        case ActionKind.GENERATE:
            shared = world.current.key if wanted.options.keep_key and world.current else key
            after = after._replace(pending=Stored("new", shared, action.its_app))
        case ActionKind.RECALL:
            after = after._replace(pending=world.previous)
        case ActionKind.UPLOAD | ActionKind.RESTORE:
            after = put(_opening_gap(after, action), action.its_app, _its_version(world, action).cert)
        case ActionKind.DISABLE:
            after = put(after, action.its_app, THROWAWAY)
        case ActionKind.PROMOTE:
            after = after._replace(
                pending=None, current=world.pending, previous=world.current, in_grace=True, gap=False
            )
        case ActionKind.DISCARD:
            after = after._replace(pending=None)
        case ActionKind.RETIRE:
            after = after._replace(previous=None)
        case ActionKind.WAIT:
            # For the next of a row of test logins, or for the end of a grace.
            after = after.later() if _is_short(action) else after._replace(in_grace=False)
    return remembered(world, after)


def _is_short(action: Action) -> bool:
    return action.until is not None and action.until - NOW <= FRESHNESS


def _opening_gap(world: World, action: Action) -> World:
    """An upload over another key takes current's key from its consumers."""
    current, version = world.current, world.named(action.version)
    if action.kind is not ActionKind.UPLOAD or current is None or version is None:
        return world
    takes = action.app == current.app and world.is_live(current) and version.key != current.key
    return world._replace(gap=True) if takes else world


def verified(world: World, action: Action) -> World:
    """The world after a test login that is answered with the truth, a tick later."""
    version = _its_version(world, action)
    truth = world.settled().answers(version)[0]
    return answered(world.later(), version, truth, learns=action.learns)


def outcomes(world: World, action: Action, wanted: Wanted) -> Iterator[World]:
    """Every way in which an action can end that leaves anything behind: with its effect, half of it, or an answer."""
    if action.kind is ActionKind.VERIFY:
        yield from _answers(world, _its_version(world, action), action.learns)
        return
    yield effect(world, action, wanted)
    if action.kind is ActionKind.GENERATE and not wanted.options.keep_key:
        yield effect(world, action, wanted, key=BAD_KEY)
    if action.kind in WRITES:
        # The org says yes, and has lost the certificate on the way.
        yield remembered(world, put_by_hand(_opening_gap(world, action), action.its_app, None))
    if action.kind is ActionKind.UPLOAD and action.version:
        # The app does not take the certificate, however often it is sent.
        yield giving_up(world, action.version)


@cache
def _answers(world: World, version: Stored, learns: bool) -> tuple[World, ...]:
    # Other answers that prove nothing only end a run sooner.
    return tuple(
        answered(when, version, answer, learns=learns)
        for when in dict.fromkeys((world, world.later()))
        for answer in (*world.answers(version), LoginOutcome.TRANSIENT)
    )


def spreads(world: World) -> Iterator[World]:
    """All servers of one app have heard of its last change."""
    for name, lag in zip(APPS, world.lags, strict=False):
        if lag:
            yield world.settled([name])


def time_passes(world: World) -> Iterator[World]:
    """A period ends, or a tick goes by where one makes a difference."""
    if world.in_grace:
        yield world._replace(in_grace=False)
    if any(row.outcome is LoginOutcome.ACCEPTED for row in world.tried):
        yield world.later()


def people(world: World) -> Iterator[World]:
    """What people may put on an app, or take off it."""
    for name in world.apps:
        for cert in (None, UNKNOWN, *(version.cert for version in world.stages)):
            if world.app(name) != cert:
                yield remembered(world, put_by_hand(world, name, cert))


def adopted(world: World, app: str) -> World:
    """The key pair of a certificate that a person made is taken into the store."""
    version = Stored("new", "new", app)
    live = tuple(version.cert if name == app else cert for name, cert in zip(APPS, world.live, strict=False))
    return world._replace(live=live, pending=version)


def put(world: World, app: str, cert: Cert | None) -> World:
    """An app gets a certificate; its servers may go on as before for a while."""
    if world.app(app) == cert:
        return world
    i = APPS.index(app)
    live = (*world.live[:i], cert, *world.live[i + 1 :])
    return world._replace(live=live, lags=(*world.lags[:i], True, *world.lags[i + 1 :]))


def put_by_hand(world: World, app: str, cert: Cert | None) -> World:
    """A person changes an app, or the org loses what it was given."""
    return put(world, app, cert)._replace(by_hand=world.by_hand or world.is_slot_of_current(app))


def _its_version(world: World, action: Action) -> Stored:
    version = world.named(action.version)
    assert version is not None, f"{action} is about a version that is not stored"
    return version
