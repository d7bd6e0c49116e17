"""What can happen to a world: actions with every way in which they end, people, time."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from rotator.core.decision.actions import WRITES, ActionKind
from rotator.core.decision.observations import Memory
from rotator.core.decision.policies import FRESHNESS
from rotator.core.logins import LoginOutcome
from tests.rotation.looks import answered, giving_up, remembered, sent
from tests.rotation.world import APPS, BAD_KEY, NOW, REFUSED, THROWAWAY, UNKNOWN, Cert, Stored, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.core.decision.actions import Action
    from rotator.core.decision.policies import Wanted
    from tests.rotation.looks import Remembering


def effect(
    world: World,
    action: Action,
    wanted: Wanted,
    memory: Remembering = Memory,
    *,
    key: str = "new",
    is_told: bool = True,
) -> World:
    """The world after an action that takes effect. `key` is what `generate` makes; `is_told`: the org has said so."""
    after = giving_up(world, action.gives_up) if action.gives_up else world
    if world.hidden and action.kind in WRITES:
        after = sent(after, action, memory, is_told=is_told)
    match action.kind:
        case ActionKind.GENERATE:
            shared = world.current.key if wanted.options.keep_key and world.current else key
            after = after._replace(pending=Stored("new", shared, action.its_app), unsent=bool(world.hidden))
        case ActionKind.RECALL:
            after = after._replace(pending=world.previous)
        case ActionKind.UPLOAD | ActionKind.RESTORE:
            after = put(_opening_gap(after, action), action.its_app, _its_version(world, action).cert)
        case ActionKind.DISABLE:
            after = put(after, action.its_app, THROWAWAY)
        case ActionKind.PROMOTE:
            after = after._replace(
                pending=None, current=world.pending, previous=world.current, in_grace=True, gap=False
            )._replace(unsent=False)
        case ActionKind.DISCARD:
            after = after._replace(pending=None, unsent=False)
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
    """The world after a test login that is answered with the truth, a tick later where a row has to last."""
    version = _its_version(world, action)
    truth, row = world.settled().answers(version)[0], world.row(version)
    when = world if row is None or (row.row >= 1 and row.age) else world.later()
    return answered(when, version, truth, learns=action.learns)


class After(NamedTuple):
    """How an action may end."""

    world: World
    is_fault: bool
    """Whether something has gone wrong. An outage is one fault, however many test logins in a row it answers, and so
    are servers that have not heard of a change yet."""


def outcomes(world: World, action: Action, wanted: Wanted, memory: Remembering = Memory) -> Iterator[After]:
    """Every way in which an action can end that leaves anything behind: with its effect, half of it, or an answer."""
    if action.kind is ActionKind.VERIFY:
        yield from _answers(world, _its_version(world, action), action.learns)
        return
    yield After(effect(world, action, wanted, memory), is_fault=False)
    for after in _faults(world, action, wanted, memory):
        yield After(after, is_fault=True)


def _faults(world: World, action: Action, wanted: Wanted, memory: Remembering) -> Iterator[World]:
    if action.kind is ActionKind.GENERATE and not wanted.options.keep_key:
        yield effect(world, action, wanted, key=BAD_KEY)
    if action.kind in WRITES:
        # The org says yes, and has lost the certificate on the way.
        yield _lost(world, action, memory)
        if world.hides(action.its_app):
            yield effect(world, action, wanted, memory, is_told=False)
            yield sent(_opening_gap(world, action), action, memory, is_told=False)
    if action.kind is ActionKind.UPLOAD and action.version:
        # The app does not take the certificate, however often it is sent.
        yield giving_up(world, action.version)


def _lost(world: World, action: Action, memory: Remembering) -> World:
    app, before = action.its_app, _opening_gap(world, action)
    if not world.hides(app):
        return remembered(world, put_by_hand(before, app, None))
    # No server takes a key whose certificate was lost before it got there.
    return put_by_hand(sent(before, action, memory, is_told=True), app, None).settled([app])


@lru_cache(2**14)
def _answers(world: World, version: Stored, learns: bool) -> tuple[After, ...]:
    # Other answers that prove nothing only end a run sooner.
    answers = tuple(
        After(answered(when, version, answer, learns=learns), _is_fault(world, version, answer))
        for when in dict.fromkeys((world, world.later()))
        for answer in (*world.answers(version), LoginOutcome.TRANSIENT)
    )
    return tuple(a for a in answers if _is_in_time(a.world, version)) if world.hides(version.app) else answers


def _is_fault(world: World, version: Stored, answer: LoginOutcome) -> bool:
    before = world.row(version)
    goes_on = before is not None and before.outcome is answer
    return not goes_on and answer is not world.settled().answers(version)[0]


def _is_in_time(world: World, version: Stored) -> bool:
    """Whether a change has arrived within `timeout`: no key that fits is refused for as long."""
    row = world.row(version)
    if row is None or not world.logs_in(version):
        return True
    return row.outcome in {LoginOutcome.ACCEPTED, LoginOutcome.TRANSIENT} or (row.row < 1 and row.since_first < 2)


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


def other_consumer_keys(world: World) -> Iterator[World]:
    """A person gives an app another consumer key; some servers may go on as before for a while."""
    for name, lag in zip(APPS, world.lags, strict=False) if world.old_client_ids else ():
        if any(version.app == name and not version.is_old for version in world.stages):

            def old(version: Stored | None, app: str = name) -> Stored | None:
                return version._replace(is_old=True) if version and version.app == app else version

            i = APPS.index(name)
            yield world._replace(
                lags=(*world.lags[:i], lag or world.old_client_ids == REFUSED, *world.lags[i + 1 :]),
                pending=old(world.pending),
                current=old(world.current),
                previous=old(world.previous),
            )


def people(world: World) -> Iterator[World]:
    """What people may put on an app, or take off it, and what they may call it."""
    yield from other_consumer_keys(world)
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
