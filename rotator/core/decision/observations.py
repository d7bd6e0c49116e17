"""What a run knows of one credential: what it observed, and the answers to its test logins."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from rotator.core.decision.policies import FRESHNESS, RATE_INTERVAL, Strategy, Verification
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import ObservedCredential
from rotator.core.retry import BackOff

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.core.credentials import Fingerprint
    from rotator.core.observed import KnownVersion


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
        """When to try again: refused, ever later; accepted, so that as many as are wanted take the time that is wanted.

        No two of a row lie further apart than one counts for.
        """
        if self.outcome is LoginOutcome.RATE:
            return self.last_at + RATE_INTERVAL
        if self.outcome is LoginOutcome.ACCEPTED:
            pauses = max(1, rules.confirmations - 1)
            spread = self.since + rules.hold * min(self.streak, pauses) / pauses
            return max(self.last_at + rules.interval, min(spread, self.last_at + FRESHNESS))
        return self.last_at + BackOff(rules.interval, rules.max_interval).pause(self.streak)


@dataclass(frozen=True)
class Observation(ObservedCredential):
    """What store and org showed just now. Everything that `decide` knows of them is here."""

    probes: Mapping[Fingerprint, Probe] = field(default_factory=dict)
    given_up: frozenset[Fingerprint] = frozenset()
    """Versions whose test login never held in this run."""
    gap_is_open: bool = False
    """Consumers of `current` may have been refused since an upload, and no key was proven since."""

    @property
    def strategy(self) -> Strategy:
        """A client secret: staged. Of key pairs one app: in place, two: alternating."""
        if any(app.by_secret for app in self.apps.values()):
            return Strategy.STAGED
        return Strategy.IN_PLACE if len(self.apps) == 1 else Strategy.ALTERNATING

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
