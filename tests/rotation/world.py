"""A model of store, org and one running process, small enough to be walked whole.

What makes no difference to `decide` or to a rule is left out, so that equal situations are equal worlds:

- Names say nothing, so versions are named by the stage they stand in; only the version that a request names keeps its
  name, `v0`. A certificate whose key is not stored is `X`, whoever uploaded it; the throwaway one is `T`.
- A key that the org refuses for a reason of its own is called `bad`.
- An org either says `invalid assertion` of a wrong key, or has other words for it, always the same.
- Time is counted in ticks, twice as long as a login counts as fresh: enough to tell before from after for every period
  of `POLICY`. A grace period runs or is over, and may end at any moment.
- While an app lags, any of its servers may answer, whatever certificates they hold: a login that one of them could
  accept may be accepted or refused.
- An app may hide its certificate; what a run has sent it, and whether it was told that it is there, is remembered like
  test logins are. What the history knows of the last certificate that such an app was sent follows from what it holds:
  where somebody else's is there, the history is lost. Any change arrives within `timeout`.
- While nobody knows what a hidden app holds the program tries its keys in turn; a world tries the first until it is
  decided, then the next, unless it has its keys tried `in_turn`, too.
- What was heard of a wrong key is remembered while the version is pending, over a crash too: it is in the journal.
- Test logins are remembered for `pending` and `current` only, as no others are asked for where apps show what they
  hold: the length and duration of
  the last row, capped where more makes no difference.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from rotator.core.decision.policies import FRESHNESS, Policy, Verification
from rotator.core.logins import LoginOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable

TICK = 2 * FRESHNESS
NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICY = Policy(
    rotate_before=timedelta(days=30),
    grace=10 * TICK,
    verification=Verification(
        confirmations=2, hold=TICK, timeout=TICK, interval=timedelta(0), max_interval=timedelta(0)
    ),
)

APPS = ("A", "B")
NAMED = "v0"
"""The version that a request names."""
GONE = "gone"
"""A version that was given up and is not stored any more."""
BAD_KEY = "bad"
REFUSED, TAKEN = "refused", "taken"
"""What an org makes of a consumer key that was an app's before."""
UNSENT = ""
UNTOLD = "?"
"""A certificate was sent, and how that went is not known."""


class Cert(NamedTuple):
    """What an app holds: a certificate's name and the key it is over."""

    name: str
    key: str


UNKNOWN = Cert("X", "kx")
THROWAWAY = Cert("T", "kt")


class Stored(NamedTuple):
    """A version in the store."""

    name: str
    key: str
    app: str
    is_old: bool = False
    """Its app has another consumer key by now than it was stored with."""

    @property
    def cert(self) -> Cert:
        """Its certificate."""
        return Cert(self.name, self.key)


class Tried(NamedTuple):
    """The test logins with one version's key."""

    name: str
    outcome: LoginOutcome
    streak: int
    row: int
    """Ticks from the first to the last of the unbroken row."""
    since_first: int
    """Ticks from the first of all to the last."""
    age: int
    """Ticks since the last."""


class World(NamedTuple):
    """Everything that is so at one moment."""

    live: tuple[Cert | None, ...]
    lags: tuple[bool, ...]
    """Whether some servers of the app still answer as before its last change."""
    pending: Stored | None = None
    current: Stored | None = None
    previous: Stored | None = None
    in_grace: bool = False
    by_hand: bool = False
    """The app of `current` holds what a person put there, or nothing since the org lost a certificate."""
    gap: bool = False
    """Consumers of `current` may have been refused since an upload, and no key was proven since."""
    other_words: bool = False
    """The org does not say `invalid assertion` of a wrong key."""
    heard: str = ""
    """The pending version of which it is known what this org says of its key while it is wrong."""
    hidden: tuple[bool, ...] = ()
    """Whether each app keeps its certificate to itself; empty where none does."""
    in_turn: bool = False
    """It makes a difference which of several keys was tried longest ago."""
    old_client_ids: str = ""
    """People give apps other consumer keys, and the one before is REFUSED or TAKEN; empty where nobody does."""
    tried: tuple[Tried, ...] = ()
    """In the order in which they were tried last, where that makes a difference."""
    given_up: frozenset[str] = frozenset()
    sent: tuple[str, ...] = ()
    """Of each app, where one is hidden: the certificate that this run sent last and was told yes, or one of UNSENT and
    UNTOLD."""
    unsent: bool = False
    """This run has made the pending version, and has sent it to no app that hides it."""

    @property
    def apps(self) -> tuple[str, ...]:
        """The names of the apps: one or two."""
        return APPS[: len(self.live)]

    @property
    def stages(self) -> tuple[Stored, ...]:
        """Every version that stands in a stage, in the order in which a consumer tries them."""
        return tuple(filter(None, (self.current, self.pending, self.previous)))

    def app(self, name: str) -> Cert | None:
        """The certificate that an app holds."""
        return self.live[APPS.index(name)]

    def named(self, name: str | None) -> Stored | None:
        """The stored version of that name."""
        for version in (self.current, self.pending, self.previous):
            if version is not None and version.name == name:
                return version
        return None

    def hides(self, app: str) -> bool:
        """Whether an app keeps its certificate to itself."""
        return bool(self.hidden) and self.hidden[APPS.index(app)]

    def sent_to(self, app: str) -> str:
        """What this run has sent to a hidden app."""
        return self.sent[APPS.index(app)] if self.sent else UNSENT

    def row(self, version: Stored) -> Tried | None:
        """The test logins with a version's key."""
        return next((tried for tried in self.tried if tried.name == version.name), None)

    def is_live(self, version: Stored) -> bool:
        """Whether the app that a version is for holds its certificate."""
        return self.app(version.app) == version.cert

    def is_slot_of_current(self, app: str | None) -> bool:
        """Whether `current` logs in through the app."""
        return self.current is not None and self.current.app == app

    def fits(self, version: Stored) -> bool:
        """Whether the version's key is that of the certificate of its app."""
        live = self.app(version.app)
        return live is not None and live.key == version.key != BAD_KEY

    def is_shut_out(self, version: Stored) -> bool:
        """Whether the org does not know the consumer key any more that the version was stored with."""
        return version.is_old and self.old_client_ids == REFUSED

    def logs_in(self, version: Stored) -> bool:
        """Whether servers that know of every change accept a login with the version."""
        return self.fits(version) and not self.is_shut_out(version)

    def answers(self, version: Stored) -> tuple[LoginOutcome, ...]:
        """What a login with the version's key may be answered with now."""
        is_in_other_words = self.other_words and not self.is_shut_out(version)
        refusal = LoginOutcome.CONFIGURATION if is_in_other_words else LoginOutcome.MISMATCH
        if self.lags[APPS.index(version.app)] and version.key != BAD_KEY:
            return (LoginOutcome.ACCEPTED, refusal)
        return (LoginOutcome.ACCEPTED if self.logs_in(version) else refusal,)

    def settled(self, apps: Iterable[str] = APPS) -> World:
        """All servers of these apps have heard of every change."""
        if True not in self.lags:
            return self
        lags = tuple(lag and name not in apps for name, lag in zip(self.apps, self.lags, strict=True))
        return self if lags == self.lags else self._replace(lags=lags)

    def lagging(self) -> World:
        """Some servers of each app answer as before its last change."""
        return self if all(self.lags) else self._replace(lags=(True,) * len(self.lags))

    def crashed(self) -> World:
        """The process is gone, and what it remembered with it."""
        return World(*self[:-4]) if self.tried or self.given_up or self.sent or self.unsent else self

    def later(self) -> World:
        """A tick goes by."""
        return self._replace(tried=tuple(tried._replace(age=1) for tried in self.tried)) if self.tried else self
