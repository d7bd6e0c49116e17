"""Which worlds are the same for every decision and every rule."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from rotator.core.logins import LoginOutcome
from tests.rotation.world import BAD_KEY, GONE, NAMED, THROWAWAY, UNKNOWN, Cert, Stored, Tried, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class _Plain(NamedTuple):
    """Apps and stages with plain names."""

    live: tuple[Cert | None, ...]
    pending: Stored | None
    current: Stored | None
    previous: Stored | None
    names: Mapping[str, str]


def plain(world: World, *, keeps_name: bool) -> World:
    """The one world that stands for all that are the same. `keeps_name`: a request is about `v0`."""
    live, pending, current, previous, names = _plain(
        world.live, world.pending, world.current, world.previous, keeps_name
    )
    staged = {version.cert for version in (pending, current, previous) if version}
    after = World(
        live=live,
        lags=tuple(lag and cert in staged for lag, cert in zip(world.lags, live, strict=True)),
        pending=pending,
        current=current,
        previous=previous,
        in_grace=world.in_grace and previous is not None,
    )
    if world.by_hand and current and not after.is_live(current):
        after = after._replace(by_hand=True)
    if world.tried or world.given_up:
        given_up = frozenset(names.get(name, GONE) for name in world.given_up)
        after = after._replace(tried=tuple(sorted(_plain_rows(world, names, given_up))), given_up=given_up)
    return after


@cache
def _plain(
    live: tuple[Cert | None, ...],
    pending: Stored | None,
    current: Stored | None,
    previous: Stored | None,
    keeps_name: bool,
) -> _Plain:
    names: dict[str, str] = {}
    keys: dict[str, str] = {BAD_KEY: BAD_KEY}
    for version in (current, pending, previous):
        if version:
            keeps = keeps_name and version.name == NAMED
            names.setdefault(version.name, NAMED if keeps else f"v{len(names) + 1}")
            keys.setdefault(version.key, f"k{len(keys)}")

    def stored(version: Stored | None) -> Stored | None:
        return version and Stored(names[version.name], keys[version.key], version.app)

    def cert(held: Cert | None) -> Cert | None:
        if held is None or held == THROWAWAY:
            return held
        return Cert(names[held.name], keys[held.key]) if held.name in names else UNKNOWN

    return _Plain(tuple(map(cert, live)), stored(pending), stored(current), stored(previous), names)


def _plain_rows(world: World, names: Mapping[str, str], given_up: frozenset[str]) -> Iterator[Tried]:
    for version in dict.fromkeys((world.pending, world.current)):
        row = world.row(version) if version else None
        if version and row and names[version.name] not in given_up:
            yield _plain_row(row, names[version.name], version == world.current)


@cache
def _plain_row(row: Tried, name: str, is_current: bool) -> Tried:
    # When a login succeeded is asked for, not when it failed; how often it was refused, of current only.
    counts = row.outcome is LoginOutcome.ACCEPTED or (row.outcome is LoginOutcome.MISMATCH and is_current)
    age = row.age if row.outcome is LoginOutcome.ACCEPTED else 0
    return row._replace(name=name, streak=row.streak if counts else 1, age=age)
