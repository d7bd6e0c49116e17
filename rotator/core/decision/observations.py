"""What was seen of one credential: its apps' live certificates, the store's stages, the answers to test logins."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from rotator.core.decision.policies import FRESHNESS, RATE_INTERVAL, Strategy, Verification
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.retry import BackOff

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.core.credentials import Fingerprint


@dataclass(frozen=True)
class KnownVersion:
    """What a decision needs of a stored version, whose key was read back and matches its certificate."""

    fingerprint: Fingerprint
    app: str
    public_fingerprint: str
    """Equal for two certificates over the same key."""
    not_after: datetime


@dataclass(frozen=True)
class SeenApp:
    """One app as the org showed it."""

    name: str
    readable: bool = True
    """False: the org answers as if there were no such app, or none that this login may read."""
    live: Fingerprint | None = None
    """Fingerprint of the live certificate; None when the app holds none."""
    throwaway: bool = False
    """The live certificate is ours, made to end a key."""


@dataclass(frozen=True)
class Probe:
    """The test logins with one version's key since its app's live certificate last changed."""

    answer: LoginAnswer
    first_at: datetime
    since: datetime
    """First of the unbroken row of answers with the last one's outcome."""
    last_at: datetime
    streak: int = 1
    """Length of that row."""

    @classmethod
    def begin(cls, answer: LoginAnswer, at: datetime) -> Self:
        """The first test login."""
        return cls(answer, first_at=at, since=at, last_at=at)

    def then(self, answer: LoginAnswer, at: datetime) -> Self:
        """The row with one more answer."""
        if answer.outcome is self.answer.outcome:
            return replace(self, answer=answer, last_at=at, streak=self.streak + 1)
        return replace(self, answer=answer, since=at, last_at=at, streak=1)

    @property
    def outcome(self) -> LoginOutcome:
        """What the last one proved."""
        return self.answer.outcome

    def just_accepted(self, now: datetime) -> bool:
        """Whether a login has just succeeded."""
        return self.outcome is LoginOutcome.ACCEPTED and now - self.last_at <= FRESHNESS

    def holds(self, rules: Verification, now: datetime) -> bool:
        """Whether logins have succeeded often and long enough, and just now."""
        return (
            self.just_accepted(now) and self.streak >= rules.confirmations and self.last_at - self.since >= rules.hold
        )

    def next_at(self, rules: Verification) -> datetime:
        """When to try again: steadily while logins succeed, with doubling pauses while they do not."""
        if self.outcome is LoginOutcome.RATE:
            return self.last_at + RATE_INTERVAL
        failures = 1 if self.outcome is LoginOutcome.ACCEPTED else self.streak
        return self.last_at + BackOff(rules.interval, rules.max_interval).pause(failures)


@dataclass(frozen=True)
class Observation:
    """What store and org showed just now. Everything that `decide` knows of them is here."""

    apps: Mapping[str, SeenApp]
    """The credential's apps by name, in the order of the configuration: one or two."""
    pending: KnownVersion | None = None
    current: KnownVersion | None = None
    previous: KnownVersion | None = None
    promoted_at: datetime | None = None
    """When `current` became current; the previous version's grace counts from it."""
    probes: Mapping[Fingerprint, Probe] = field(default_factory=dict)
    given_up: frozenset[Fingerprint] = frozenset()
    """Versions whose test login never held in this run."""
    gap_is_open: bool = False
    """Consumers of `current` may have been refused since an upload, and no key was proven since."""

    @property
    def strategy(self) -> Strategy:
        """One app: in place. Two: alternating."""
        return Strategy.IN_PLACE if len(self.apps) == 1 else Strategy.ALTERNATING

    @property
    def stored(self) -> frozenset[Fingerprint]:
        """Fingerprints of all versions that stand in a stage."""
        return frozenset(v.fingerprint for v in (self.pending, self.current, self.previous) if v)

    @property
    def is_settled(self) -> bool:
        """Whether consumers of `current` log in as things are, so that nothing is half done if a run stops here."""
        return self.current is None or self.is_live(self.current)

    def live(self, app: str) -> Fingerprint | None:
        """The live certificate of an app; None for an app that the configuration no longer names, too."""
        seen = self.apps.get(app)
        return seen.live if seen else None

    def is_live(self, version: KnownVersion) -> bool:
        """Whether the version's certificate is live on its own app."""
        return self.live(version.app) == version.fingerprint

    def live_on(self, version: KnownVersion) -> list[str]:
        """Every app that holds the version's certificate; people upload one certificate to both apps of a pair."""
        return [app.name for app in self.apps.values() if app.live == version.fingerprint]

    def probe(self, version: KnownVersion) -> Probe | None:
        """The test logins with the version's key, if there were any."""
        return self.probes.get(version.fingerprint)


@dataclass(frozen=True)
class Memory:
    """What one run remembers between two observations: answers to test logins, and what it has given up.

    It is lost in a crash, and nothing but time is lost with it; `wrong_key_words` are in the journal as well.
    """

    live: Mapping[str, Fingerprint | None] = field(default_factory=dict)
    probes: Mapping[Fingerprint, Probe] = field(default_factory=dict)
    given_up: frozenset[Fingerprint] = frozenset()
    wrong_key_words: Mapping[Fingerprint, str] = field(default_factory=dict)
    """What an app said of a pending version's key just before its certificate was there."""

    def observe(self, seen: Observation) -> tuple[Memory, Observation]:
        """The memory after an observation, and the observation completed from it.

        Test logins count for versions that are stored and whose app's certificate has not changed since.
        """
        changed = {name for name, app in seen.apps.items() if self.live.get(name, app.live) != app.live}
        versions = (seen.pending, seen.current, seen.previous)
        valid = {version.fingerprint for version in versions if version and version.app not in changed}
        pending = seen.pending.fingerprint if seen.pending else None
        memory = replace(
            self,
            live={name: app.live for name, app in seen.apps.items()},
            probes={name: probe for name, probe in self.probes.items() if name in valid},
            wrong_key_words={name: words for name, words in self.wrong_key_words.items() if name == pending},
        )
        return memory, replace(seen, probes=memory.probes, given_up=memory.given_up)

    def probed(self, fingerprint: Fingerprint, answer: LoginAnswer, at: datetime, *, learns: bool = False) -> Memory:
        """The memory after one more test login. `learns` is the action's.

        A refusal in the words that the app has for this key while it is wrong means that it is wrong still.
        """
        words = self.wrong_key_words
        if learns and answer.may_speak_of_the_key:
            words = {**words, fingerprint: answer.reason}
        if answer.outcome is LoginOutcome.CONFIGURATION and words.get(fingerprint) == answer.reason:
            answer = replace(answer, outcome=LoginOutcome.MISMATCH)
        earlier = self.probes.get(fingerprint)
        probe = earlier.then(answer, at) if earlier else Probe.begin(answer, at)
        return replace(self, probes={**self.probes, fingerprint: probe}, wrong_key_words=words)

    def giving_up(self, fingerprint: Fingerprint) -> Memory:
        """The memory after a version was found never to log in."""
        return replace(self, given_up=self.given_up | {fingerprint})
