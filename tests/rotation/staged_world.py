"""A model of store, org and one running process for client secrets, small enough to be walked whole.

Pairs are named by letters, and named anew in the order in which a world holds them, so that equal situations are equal
worlds. `x` is a pair that people made and the store does not hold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from rotator.core.credentials import Fingerprint
from rotator.core.decision.observations import Observation, Probe
from rotator.core.decision.options import RotationOptions
from rotator.core.decision.policies import Goal, Policy, Verification, Wanted
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import KnownVersion, ObservedApp

APP: Final = "Billing"
NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)
RULES: Final = Verification(
    confirmations=2,
    hold=timedelta(seconds=30),
    timeout=timedelta(minutes=15),
    interval=timedelta(0),
    max_interval=timedelta(0),
)
POLICY: Final = Policy(rotate_before=timedelta(days=30), grace=timedelta(days=7), verification=RULES)
LETTERS: Final = "abcdefgh"


class Tried(NamedTuple):
    """The test logins with one pair: how the last ended, and for how long so."""

    outcome: LoginOutcome
    is_for_long: bool


@dataclass(frozen=True)
class World:
    """What org, store, history and process hold."""

    in_use: str
    staged: str | None = None
    rotated: str | None = None
    pending: str | None = None
    current: str | None = None
    previous: str | None = None
    is_graced: bool = False
    """The previous version's grace is running."""
    is_staging: bool = False
    """The history says that the program began to stage, and not what came of it."""
    ended_by: str | None = None
    """It was revoked by this pair, which nobody has."""
    takes_staged: bool = False
    """The org takes logins with a pair that is staged only."""
    tells: bool = True
    """Every login of the run was answered as it is; else a server was away, or had not heard of a change yet."""
    probes: tuple[tuple[str, Tried], ...] = ()
    wants: str | None = None
    """The version that the request of the run is about."""
    is_touched: bool = False
    """People changed something by hand, or let time run out."""

    @property
    def stored(self) -> tuple[str, ...]:
        """Every pair in the store."""
        return tuple(each for each in (self.pending, self.current, self.previous) if each)

    def takes(self, pair: str) -> bool:
        """Whether the org takes logins with a pair."""
        return pair in {self.in_use, self.rotated} or (self.takes_staged and pair == self.staged)

    def probed(self, pair: str, tried: Tried) -> World:
        """After a test login."""
        kept = {name: each for name, each in self.probes if name != pair}
        return replace(self, probes=tuple(sorted({**kept, pair: tried}.items())))

    def crashed(self) -> World:
        """As the next process finds it."""
        return replace(self, probes=(), wants=None, tells=True)

    def new_name(self) -> str:
        """A name that no pair has."""
        taken = {self.in_use, self.staged, self.rotated, self.wants, self.ended_by, *self.stored}
        return next(letter for letter in LETTERS if letter not in taken)


def plain(world: World) -> World:
    """The same world with its pairs named in the order in which it holds them."""
    order = [world.current, world.pending, world.previous, world.in_use, world.staged, world.rotated, world.wants]
    names: dict[str, str] = {}
    for name in (*order, world.ended_by):
        if name is not None:
            names.setdefault(name, LETTERS[len(names)])
    held = {*world.stored, world.in_use, world.staged, world.rotated}

    def of(name: str | None) -> str | None:
        return names[name] if name is not None else None

    return replace(
        world,
        in_use=names[world.in_use],
        staged=of(world.staged),
        rotated=of(world.rotated),
        pending=of(world.pending),
        current=of(world.current),
        previous=of(world.previous),
        wants=of(world.wants),
        ended_by=of(world.ended_by),
        probes=tuple(sorted((names[name], tried) for name, tried in world.probes if name in held)),
    )


def observe(world: World) -> Observation:
    """What a process sees of it."""
    app = ObservedApp(
        APP,
        live=Fingerprint(world.in_use),
        by_secret=True,
        staged=Fingerprint(world.staged) if world.staged else None,
        rotated=Fingerprint(world.rotated) if world.rotated else None,
        staging=world.is_staging and world.staged is not None and world.staged not in world.stored,
        ended_by=world.ended_by,
    )
    is_known = world.previous and world.current
    return Observation(
        {APP: app},
        pending=_known(world.pending),
        current=_known(world.current),
        previous=_known(world.previous),
        promoted_at=(NOW if world.is_graced else NOW - timedelta(days=8)) if is_known else None,
        probes={Fingerprint(name): _probe(tried) for name, tried in world.probes if name in world.stored},
    )


def wanted(world: World, goal: Goal, **options: bool) -> Wanted:
    """What the run of a world wants."""
    compromised = options.pop("compromised", False)
    version = Fingerprint(world.wants) if world.wants else None
    return Wanted(goal, version=version, compromised=compromised, options=RotationOptions(**options))


def _known(name: str | None) -> KnownVersion | None:
    if name is None:
        return None
    return KnownVersion(Fingerprint(name), APP, name, NOW + timedelta(days=60))


def _probe(tried: Tried) -> Probe:
    answer = LoginAnswer(tried.outcome, "as the org says")
    begun = NOW - timedelta(seconds=30) if tried.outcome is LoginOutcome.ACCEPTED else NOW - RULES.timeout
    if not tried.is_for_long:
        # So long ago that the next one is due.
        return Probe.begin(answer, NOW - RULES.hold)
    return Probe(answer, first_at=begun, since=begun, last_at=NOW, streak=5)
