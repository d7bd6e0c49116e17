"""Which worlds are the same for every decision and every rule."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from rotator.core.logins import LoginOutcome
from tests.rotation.world import (
    BAD_KEY,
    GONE,
    NAMED,
    THROWAWAY,
    UNKNOWN,
    UNSENT,
    UNTOLD,
    Cert,
    Stored,
    Tried,
    World,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Asked(NamedTuple):
    """What is asked for of the test logins with one version's key."""

    name: str
    plain_name: str
    is_current: bool
    certain: bool
    """No login with the key can be refused any more."""
    hidden: bool
    """Its app does not show what it holds."""
    waits: bool
    """Its certificate is not on its app: a refusal is what must come, and one is like another."""


def plain(world: World, *, keeps_name: bool) -> World:
    """The one world that stands for all that are the same. `keeps_name`: a request is about `v0`."""
    after, names, asked = _plain(world.crashed(), keeps_name)
    if world.sent or world.unsent:
        sent = tuple(
            names.get(what, GONE) if what not in {UNSENT, UNTOLD, THROWAWAY.name} else what for what in world.sent
        )
        after = after._replace(sent=sent if any(sent) else (), unsent=world.unsent and world.pending is not None)
    if not (world.tried or world.given_up):
        return after
    given_up = frozenset(names.get(name, GONE) for name in world.given_up) if world.given_up else world.given_up
    return after._replace(tried=_plain_rows(world.tried, asked, given_up, world.in_turn), given_up=given_up)


@cache
def _plain(world: World, keeps_name: bool) -> tuple[World, Mapping[str, str], tuple[_Asked, ...]]:
    """A world without memory under plain names, what each name became, and which test logins make a difference."""
    names: dict[str, str] = {}
    keys: dict[str, str] = {BAD_KEY: BAD_KEY}
    for version in world.stages:
        named = keeps_name and version.name == NAMED
        names.setdefault(version.name, NAMED if named else f"v{len(names) + 1}")
        keys.setdefault(version.key, f"k{len(keys)}")

    def stored(version: Stored | None) -> Stored | None:
        return version and Stored(names[version.name], keys[version.key], version.app, version.is_old)

    def cert(held: Cert | None) -> Cert | None:
        if held is None or held == THROWAWAY:
            return held
        return Cert(names[held.name], keys[held.key]) if held.name in names else UNKNOWN

    held_by_stored = [held is not None and held.name in names for held in world.live]
    current = world.current
    after = World(
        live=tuple(map(cert, world.live)),
        lags=tuple(lag and held for lag, held in zip(world.lags, held_by_stored, strict=True)),
        pending=stored(world.pending),
        current=stored(current),
        previous=stored(world.previous),
        in_grace=world.in_grace and world.previous is not None,
        by_hand=world.by_hand and current is not None and not world.is_live(current),
        gap=world.gap and current is not None,
        other_words=world.other_words,
        hidden=world.hidden,
        in_turn=world.in_turn,
        old_client_ids=world.old_client_ids,
        heard=names[world.heard] if world.other_words and world.pending and world.heard == world.pending.name else "",
    )
    asked = (
        _Asked(
            version.name,
            names[version.name],
            version == current,
            world.answers(version) == (LoginOutcome.ACCEPTED,),
            world.hides(version.app),
            version == world.pending != current and not world.is_live(version) and not world.hides(version.app),
        )
        for version in dict.fromkeys((world.pending, current, world.previous))
        if version and (version != world.previous or version == world.pending or world.hides(version.app))
    )
    return after, names, tuple(asked)


@cache
def _plain_rows(
    tried: tuple[Tried, ...], asked: tuple[_Asked, ...], given_up: frozenset[str], in_turn: bool
) -> tuple[Tried, ...]:
    by_name = {of.name: of for of in asked if of.hidden or of.plain_name not in given_up}
    rows = (_plain_row(row, by_name[row.name]) for row in tried if row.name in by_name)
    return tuple(rows) if in_turn else tuple(sorted(rows))


def _plain_row(row: Tried, of: _Asked) -> Tried:
    if of.waits and row.outcome in {LoginOutcome.MISMATCH, LoginOutcome.CONFIGURATION}:
        return Tried(of.plain_name, LoginOutcome.MISMATCH, streak=1, row=0, since_first=0, age=0)
    if of.waits:
        row = row._replace(since_first=0)
    accepted, refused = row.outcome is LoginOutcome.ACCEPTED, row.outcome is LoginOutcome.MISMATCH
    # How often a login was refused is asked for of current only, else for how long; when, of those that succeeded.
    streak = row.streak if refused and of.is_current else 1 + row.row
    age = row.age if accepted else 0
    # Where no refusal can come any more, it makes no difference for how long there were some.
    since_first = 0 if of.certain and not (refused and row.since_first >= 2) else row.since_first
    return Tried(of.plain_name, row.outcome, streak, row.row, since_first, age)


def turned(world: World) -> World:
    """The world with the app of `current` first.

    It makes no difference which app of a pair the configuration names first, save for which of two goes first.
    """
    if not world.is_slot_of_current("B"):
        return world

    def moved(version: Stored | None) -> Stored | None:
        return version and version._replace(app="A" if version.app == "B" else "B")

    return world._replace(
        live=world.live[::-1],
        hidden=world.hidden[::-1],
        sent=world.sent[::-1],
        lags=world.lags[::-1],
        pending=moved(world.pending),
        current=moved(world.current),
        previous=moved(world.previous),
    )
