"""A model of store, org and one running process, small enough to be walked whole.

Time counts in ticks of a minute and is kept relative to now, so that equal situations are equal states. A certificate
is a pair (name, key); `X` was uploaded by a person, `T` is the throwaway one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from rotator.core.credentials import Fingerprint
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observations import KnownVersion, Memory, Observation, Probe, SeenApp
from rotator.core.policies import Policy, Verification, Wanted

TICK = timedelta(minutes=1)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICY = Policy(
    rotate_before=timedelta(days=30),
    grace=TICK,
    verification=Verification(confirmations=2, hold=TICK, timeout=TICK, interval=TICK, max_interval=TICK),
)
OLDEST = {"promoted": 1, "first": 4, "since": 3, "last": 2}
"""Ticks after which older makes no difference: grace, twice the time-out, the time-out, freshness."""

APPS = ("A", "B")


class Cert(NamedTuple):
    """What an app holds: a certificate's name and the key it is over."""

    name: str
    key: str


UNKNOWN = Cert("X", "kx")
THROWAWAY = Cert("T", "kt")
NOTHING = Cert("-", "-")
"""A server that has not heard of any certificate yet."""


class Stored(NamedTuple):
    """A version in the store."""

    name: str
    key: str
    app: str

    @property
    def cert(self) -> Cert:
        return Cert(self.name, self.key)


class Tried(NamedTuple):
    """A row of test logins, in ticks before now."""

    name: str
    outcome: LoginOutcome
    first: int
    since: int
    last: int
    streak: int


@dataclass(frozen=True)
class World:
    """Everything that is so at one moment."""

    live: tuple[Cert | None, ...]
    stale: tuple[Cert | None, ...] = (None, None)
    """What some servers of the app still answer with; None once the change has arrived everywhere."""
    pending: Stored | None = None
    current: Stored | None = None
    previous: Stored | None = None
    promoted: int = OLDEST["promoted"]
    tried: tuple[Tried, ...] = ()
    given_up: frozenset[str] = frozenset()
    seen_live: tuple[str | None, ...] | None = None
    """What the running process saw at its last look; None for a fresh one."""
    proven: frozenset[str] = frozenset()
    """Versions whose last login succeeded, with the app unchanged since."""
    key_never_works: bool = False
    """The org refuses every new key, for a reason of its own."""
    hand: bool = False
    """A person, or the org by losing a certificate, changed the app of `current`."""

    def app(self, name: str) -> Cert | None:
        return self.live[APPS.index(name)]

    @property
    def stages(self) -> dict[str, Stored]:
        staged = (self.current, self.pending, self.previous)
        return {version.name: version for version in staged if version}

    # --- what a process sees -------------------------------------------------------------------

    def observe(self, *, hidden: str | None = None) -> tuple[World, Observation]:
        """One look, through the memory that the program itself uses."""
        apps = {
            name: SeenApp(
                name,
                readable=name != hidden,
                live=Fingerprint(cert.name) if cert and name != hidden else None,
                throwaway=cert == THROWAWAY and name != hidden,
            )
            for name, cert in zip(APPS, self.live, strict=False)
        }
        look = Observation(
            apps,
            pending=_known(self.pending),
            current=_known(self.current),
            previous=_known(self.previous),
            promoted_at=NOW - self.promoted * TICK,
        )
        memory, seen = self._memory().look(look)
        return self._remember(memory), seen

    def _memory(self) -> Memory:
        lives = dict(zip(APPS, self.seen_live, strict=False)) if self.seen_live is not None else {}
        return Memory(
            live={app: Fingerprint(name) if name else None for app, name in lives.items()},
            probes={Fingerprint(t.name): _probe(t) for t in self.tried},
            given_up=frozenset(Fingerprint(name) for name in self.given_up),
        )

    def _remember(self, memory: Memory) -> World:
        tried = sorted(_tried(name, probe) for name, probe in memory.probes.items())
        lives = tuple(memory.live[app] for app in APPS if app in memory.live)
        return replace(
            self, tried=tuple(tried), given_up=frozenset(memory.given_up), seen_live=lives if memory.live else None
        )

    # --- what happens --------------------------------------------------------------------------

    def put(self, app: str, cert: Cert | None) -> World:
        """An app gets a certificate; its servers may go on with the old one for a while."""
        i = APPS.index(app)
        if self.live[i] == cert:
            return self
        live = (*self.live[:i], cert, *self.live[i + 1 :])
        stale = (*self.stale[:i], self.live[i] or NOTHING, *self.stale[i + 1 :])
        kept = frozenset(n for n in self.proven if n in self.stages and self.stages[n].app != app)
        return replace(self, live=live, stale=stale, proven=kept)

    def settle(self) -> World:
        """All servers have heard of every change."""
        return replace(self, stale=(None, None))

    def answers(self, version: Stored) -> set[LoginOutcome]:
        """What a login with the version's key may be answered with now."""
        i = APPS.index(version.app)
        views = {self.live[i]} | ({self.stale[i]} if self.stale[i] else set())
        works = not (self.key_never_works and version.key != "k0")
        return {
            LoginOutcome.ACCEPTED if works and view is not None and view.key == version.key else LoginOutcome.MISMATCH
            for view in views
        }

    def tried_login(self, version: Stored, outcome: LoginOutcome) -> World:
        """The process got an answer to a test login."""
        memory = self._memory().probed(Fingerprint(version.name), LoginAnswer(outcome, "said so"), NOW)
        proven = self.proven - {version.name}
        if outcome is LoginOutcome.ACCEPTED and self.app(version.app) == version.cert:
            proven |= {version.name}
        return replace(self._remember(memory), proven=proven)

    def giving_up(self, name: str) -> World:
        return self._remember(self._memory().giving_up(Fingerprint(name)))

    def crash(self) -> World:
        """The process is gone, and what it remembered with it."""
        return replace(self, tried=(), given_up=frozenset(), seen_live=None)

    def later(self, ticks: int) -> World:
        """Time passes."""

        def older(what: str, age: int) -> int:
            return min(age + ticks, OLDEST[what])

        tried = tuple(
            t._replace(first=older("first", t.first), since=older("since", t.since), last=older("last", t.last))
            for t in self.tried
        )
        return replace(self, tried=tried, promoted=older("promoted", self.promoted))

    def new_name(self, wanted: Wanted) -> str:
        """A name that nothing in this world bears."""
        used = {cert.name for cert in (*self.live, *self.stale) if cert} | self.stages.keys() | self.given_up
        return next(name for name in ("v1", "v2", "v3", "v4", "v5", "v6") if name not in used | {wanted.version})


def _known(version: Stored | None) -> KnownVersion | None:
    if version is None:
        return None
    return KnownVersion(
        Fingerprint(version.name), version.app, public_fingerprint=version.key, not_after=NOW + timedelta(days=300)
    )


def _probe(t: Tried) -> Probe:
    return Probe(
        LoginAnswer(t.outcome, "said so"),
        first_at=NOW - t.first * TICK,
        since=NOW - t.since * TICK,
        last_at=NOW - t.last * TICK,
        streak=t.streak,
    )


def _tried(name: str, probe: Probe) -> Tried:
    def age(what: str, moment: datetime) -> int:
        return min((NOW - moment) // TICK, OLDEST[what])

    # Beyond the confirmations a longer row makes no difference.
    streak = min(probe.streak, POLICY.verification.confirmations)
    return Tried(
        name,
        probe.outcome,
        age("first", probe.first_at),
        age("since", probe.since),
        age("last", probe.last_at),
        streak,
    )
