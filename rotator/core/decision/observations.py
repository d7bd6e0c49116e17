"""What a run knows of one credential: what it observed, and the answers to its test logins."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from rotator.core.decision.actions import ActionKind
from rotator.core.decision.hidden_apps import proven
from rotator.core.decision.policies import FRESHNESS, RATE_INTERVAL, Strategy, Verification
from rotator.core.logins import LoginAnswer, LoginOutcome, of_another_consumer_key
from rotator.core.observed import ObservedCredential
from rotator.core.retry import BackOff

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.core.credentials import Fingerprint
    from rotator.core.decision.actions import Action
    from rotator.core.observed import KnownVersion


@dataclass(frozen=True)
class Probe:
    """The test logins with one version's key since its app's live certificate last changed, or was last sent."""

    answer: LoginAnswer
    first_at: datetime
    since: datetime
    """First of the unbroken row of answers with the last one's outcome."""
    last_at: datetime
    streak: int
    """Length of that row."""

    @classmethod
    def begin(cls, answer: LoginAnswer, at: datetime) -> Self:
        """The first test login."""
        return cls(answer, first_at=at, since=at, last_at=at, streak=1)

    def then(self, answer: LoginAnswer, at: datetime) -> Self:
        """The row with one more answer."""
        if answer.outcome is self.answer.outcome:
            return replace(self, answer=answer, last_at=at, streak=self.streak + 1)
        return replace(self, answer=answer, since=at, last_at=at, streak=1)

    def of_another_consumer_key(self) -> Self:
        """The same, once it is seen that the app has another consumer key than was sent: it may have had it then."""
        return replace(self, answer=of_another_consumer_key(self.answer))

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

    def refused_for_good(self, rules: Verification) -> bool:
        """Whether `invalid assertion` has come for too long: without a break, or for twice as long with breaks.

        Breaks are a good sign: some of the app's servers have heard of the change. Only answers count, not the time
        that has gone by since: a process may have been suspended.
        """
        if self.outcome is not LoginOutcome.MISMATCH:
            return False
        return self.last_at - self.since >= rules.timeout or self.last_at - self.first_at >= 2 * rules.timeout

    @property
    def may_be_of_the_key(self) -> bool:
        """Whether the last one was refused as a key may be that is not the app's."""
        return self.outcome is LoginOutcome.MISMATCH or self.answer.may_speak_of_the_key

    def refused_in_a_row(self, rules: Verification) -> bool:
        """Whether as many have been refused, and for as long, as must be accepted for a key to hold."""
        is_long = self.streak >= rules.confirmations and self.last_at - self.since >= rules.hold
        return self.may_be_of_the_key and is_long

    def accepted_for_too_long(self, rules: Verification) -> bool:
        """Whether a key that must be refused is not, though any change has had the time to arrive."""
        is_accepted = self.outcome is LoginOutcome.ACCEPTED
        return is_accepted and self.last_at - self.first_at >= 2 * rules.timeout

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
    begun: frozenset[str] = frozenset()
    """Hidden apps that this run has sent a certificate to, whether or not it was told how that went."""
    unsent: frozenset[Fingerprint] = frozenset()
    """Versions that this run has made and sent to no app yet."""
    credential: str = "NAME"
    """What it is called in the commands that a person is told."""

    @property
    def is_settled(self) -> bool:
        """Also while what this run has made is on no app yet; not while it was not told how its last write went."""
        current, pending = self.current, self.pending
        if current is None or self.is_live(current) or not self.may_be_live(current):
            return super().is_settled
        is_sent = pending is not None and pending.app == current.app and pending.fingerprint not in self.unsent
        return not is_sent and current.app not in self.begun

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
    """What an app said of a version's key just before its certificate was there: of a pending one, and of any that is
    for an app that does not show its certificate."""
    sent: Mapping[str, Fingerprint | None] = field(default_factory=dict)
    """The certificate that a hidden app was sent last, by a write that was answered with yes; None: a throwaway one."""
    begun: frozenset[str] = frozenset()
    """Hidden apps that a certificate was sent to, however that went."""
    unsent: frozenset[Fingerprint] = frozenset()
    """Versions that were made and sent to no app yet."""

    def observe(self, seen: Observation, rules: Verification, now: datetime) -> tuple[Memory, Observation]:
        """The memory after an observation, and the observation completed from it.

        Test logins count for versions that are stored and whose app's certificate has not changed since, as far as
        the org shows it (`rotator.core.decision.hidden_apps`).
        """
        changed = {name for name, app in seen.apps.items() if self.live.get(name, app.live) != app.live}
        versions = seen.versions.values()
        valid = {version.fingerprint for version in versions if version.app not in changed}
        hidden = {name for name, app in seen.apps.items() if app.hidden and name not in changed}
        old = {each.fingerprint for each in versions if seen.has_old_client_id(each)}
        spoken_of = {each.fingerprint for each in versions if each == seen.pending or each.app in hidden}
        memory = replace(
            self,
            live={name: app.live for name, app in seen.apps.items()},
            probes={
                name: probe.of_another_consumer_key() if name in old else probe
                for name, probe in self.probes.items()
                if name in valid
            },
            wrong_key_words={name: words for name, words in self.wrong_key_words.items() if name in spoken_of},
            sent={name: live for name, live in self.sent.items() if name in hidden},
            begun=self.begun & hidden,
        )
        apps = {name: proven(app, seen, memory, rules, now) for name, app in seen.apps.items() if app.hidden}
        return memory, replace(
            seen,
            apps={**seen.apps, **apps} if apps else seen.apps,
            probes=memory.probes,
            given_up=memory.given_up,
            begun=memory.begun,
            unsent=memory.unsent,
        )

    def made(self, fingerprint: Fingerprint) -> Memory:
        """The memory after a version was made."""
        return replace(self, unsent=self.unsent | {fingerprint})

    def sending(self, action: Action, seen: Observation) -> Memory:
        """The memory from when a certificate is sent: it may be live or not, and no login of before proves anything.

        Of an app that shows its certificate the next observation tells.
        """
        memory = replace(self, unsent=self.unsent - {action.version})
        if not seen.apps[action.its_app].hidden:
            return memory
        on_it = {version.fingerprint for version in seen.versions.values() if version.app == action.app}
        return replace(
            memory,
            probes={name: probe for name, probe in self.probes.items() if name not in on_it},
            sent={name: live for name, live in self.sent.items() if name != action.app},
            begun=self.begun | {action.its_app},
        )

    def told_yes(self, action: Action) -> Memory:
        """The memory after a certificate was sent, and the org has said that it is there."""
        if action.app not in self.begun:
            return self
        live = None if action.kind is ActionKind.DISABLE else action.its_version
        return replace(self, sent={**self.sent, action.its_app: live})

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
