"""What a process sees of a world and remembers of it, by the program's own memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from rotator.core.credentials import Fingerprint
from rotator.core.decision.observations import Memory, Observation, Probe
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import KnownVersion, ObservedApp
from tests.rotation.world import APPS, NOW, POLICY, THROWAWAY, TICK, UNSENT, UNTOLD, Cert, Stored, Tried, World

if TYPE_CHECKING:
    from rotator.core.decision.actions import Action

Remembering = Callable[..., Memory]
"""The program's memory, or a wrong one."""

_SAID = "said so"
_BETWEEN_TWO = timedelta(milliseconds=1)
"""Between the last logins with two keys, where their order makes a difference."""
_LONGEST_ROW = 1
"""Ticks: `hold` and `timeout`."""
_LONGEST = 2
"""Ticks: twice the `timeout`."""


@lru_cache(2**14)
def observe(world: World, gone: str | None = None, memory: Remembering = Memory) -> Observation:
    """One look, completed from what the process remembers; the org does not show the app `gone`."""
    return _memory(world, memory).observe(_look(world, gone), POLICY.verification, NOW)[1]


def remembered(before: World, after: World) -> World:
    """The world `after` as a process sees it that last looked `before`."""
    if not before.tried:
        return after
    memory, _ = _memory(before).observe(_look(after), POLICY.verification, NOW)
    return after._replace(tried=tuple(tried for tried in after.tried if tried.name in memory.probes))


def answered(world: World, version: Stored, outcome: LoginOutcome, *, learns: bool = False) -> World:
    """The process got an answer to a test login; `learns` is the action's."""
    others = tuple(tried for tried in world.tried if tried.name != version.name)
    tried, heard = _one_more(world.row(version), version.name, outcome, learns, world.heard == version.name)
    after = world._replace(tried=(*others, tried), heard=version.name if heard else world.heard)
    return after._replace(gap=False) if world.gap and _proves(after, version, tried) else after


def _proves(world: World, version: Stored, tried: Tried) -> bool:
    """Whether current's certificate is back, and its key holds."""
    if version != world.current or not world.is_live(version):
        return False
    return _probe(tried).holds(POLICY.verification, NOW)


def giving_up(world: World, name: str) -> World:
    """The process gives a version up."""
    return world._replace(given_up=frozenset(_memory(world).giving_up(Fingerprint(name)).given_up))


def sent(world: World, action: Action, memory: Remembering, *, is_told: bool) -> World:
    """The process has sent a certificate to an app that hides it, and was told that it is there, or nothing."""
    app = action.its_app
    if not world.hides(app):
        return world._replace(unsent=False) if action.version == _name(world.pending) and world.unsent else world
    after = _memory(world, memory).sending(action, _look(world))
    if is_told:
        after = after.told_yes(action)
    return world._replace(
        tried=tuple(tried for tried in world.tried if tried.name in after.probes),
        sent=tuple(_sent(after, name) for name in world.apps),
        unsent=bool(after.unsent),
    )


def _sent(memory: Memory, app: str) -> str:
    if app in memory.sent:
        return memory.sent[app] or THROWAWAY.name
    return UNTOLD if app in memory.begun else UNSENT


def _name(version: Stored | None) -> str | None:
    return version.name if version else None


def _look(world: World, gone: str | None = None) -> Observation:
    return Observation(
        {
            name: _with_old(world, _hide(name, _is_ours(world, cert, name)))
            if world.hides(name) and name != gone
            else _with_old(world, _see(name, cert, name == gone))
            for name, cert in zip(APPS, world.live, strict=False)
        },
        pending=_known(world.pending),
        current=_known(world.current),
        previous=_known(world.previous),
        promoted_at=NOW if world.in_grace else NOW - 2 * POLICY.grace,
        gap_is_open=world.gap,
    )


def _with_old(world: World, app: ObservedApp) -> ObservedApp:
    old = tuple(Fingerprint(each.name) for each in world.stages if each.is_old and each.app == app.name)
    return replace(app, with_old_client_id=old) if old else app


@cache
def _hide(name: str, ours: bool) -> ObservedApp:
    return ObservedApp(name, hidden=True, ours=ours)


def _is_ours(world: World, cert: Cert | None, app: str) -> bool:
    """Whether the history says that we sent the app its certificate, and nothing else is known of that."""
    pending = world.pending
    if cert == THROWAWAY or pending is None or pending.app != app or world.unsent:
        return cert == THROWAWAY
    return cert in {pending.cert, None}


@cache
def _see(name: str, cert: Cert | None, gone: bool) -> ObservedApp:
    if gone or cert is None:
        return ObservedApp(name, readable=not gone)
    return ObservedApp(name, live=Fingerprint(cert.name), throwaway=cert == THROWAWAY)


@cache
def _known(version: Stored | None) -> KnownVersion | None:
    if version is None:
        return None
    return KnownVersion(Fingerprint(version.name), version.app, version.key, not_after=NOW + timedelta(days=300))


def _memory(world: World, kind: Remembering = Memory) -> Memory:
    memory = kind(
        live={
            name: Fingerprint(cert.name) if cert and not world.hides(name) else None
            for name, cert in zip(APPS, world.live, strict=False)
        },
        probes={
            Fingerprint(tried.name): _probe(tried, _BETWEEN_TWO * before_last * world.in_turn)
            for before_last, tried in enumerate(reversed(world.tried))
        },
        given_up=frozenset(Fingerprint(name) for name in world.given_up),
    )
    if not (world.sent or world.unsent):
        return memory
    begun = {name: what for name, what in zip(world.apps, world.sent, strict=False) if what != UNSENT}
    return replace(
        memory,
        sent={
            name: None if what == THROWAWAY.name else Fingerprint(what)
            for name, what in begun.items()
            if what != UNTOLD
        },
        begun=frozenset(begun),
        unsent=frozenset([Fingerprint(world.pending.name)] if world.unsent and world.pending else []),
    )


@cache
def _probe(tried: Tried, ago: timedelta = timedelta(0)) -> Probe:
    last_at = NOW - tried.age * TICK - ago
    return Probe(
        LoginAnswer(tried.outcome, _SAID),
        first_at=last_at - tried.since_first * TICK,
        since=last_at - tried.row * TICK,
        last_at=last_at,
        streak=tried.streak,
    )


@cache
def _one_more(tried: Tried | None, name: str, outcome: LoginOutcome, learns: bool, heard: bool) -> tuple[Tried, bool]:
    """The test logins with one more, and whether it is known by now what the org says of this key while it is wrong."""
    version = Fingerprint(name)
    memory = Memory(
        probes={version: _probe(tried)} if tried else {}, wrong_key_words={version: _SAID} if heard else {}
    ).probed(version, LoginAnswer(outcome, _SAID), NOW, learns=learns)
    probe = memory.probes[version]
    row = Tried(
        name,
        probe.outcome,
        streak=min(probe.streak, POLICY.verification.confirmations),
        row=min((probe.last_at - probe.since) // TICK, _LONGEST_ROW),
        since_first=min((probe.last_at - probe.first_at) // TICK, _LONGEST),
        age=0,
    )
    return row, version in memory.wrong_key_words
