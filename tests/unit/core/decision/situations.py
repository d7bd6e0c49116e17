"""What tests of the decision see: versions, answers to test logins, apps and what they hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rotator.core.credentials import Fingerprint
from rotator.core.decision.decide import decide
from rotator.core.decision.observations import Observation, Probe
from rotator.core.decision.options import RotationOptions
from rotator.core.decision.policies import RATE_TIMEOUT, Goal, Policy, Verification, Wanted
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import KnownVersion, ObservedApp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.core.decision.actions import Action


NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)

POLICY = Policy(
    rotate_before=30 * DAY,
    grace=7 * DAY,
    verification=Verification(
        confirmations=3, hold=30 * SECOND, timeout=15 * MINUTE, interval=2 * SECOND, max_interval=30 * SECOND
    ),
)

NAMES = {name: Fingerprint(name) for name in ("older", "old", "new", "stranger", "throwaway")}


def version(name: str, app: str = "A", key: str = "", lasts: timedelta = 365 * DAY) -> KnownVersion:
    return KnownVersion(NAMES[name], app, key or f"key of {name}", NOW + lasts)


OLDER, OLD, NEW = version("older"), version("old"), version("new")
NEW_ON_B, OLDER_ON_B = version("new", "B"), version("older", "B")
RENEWED = version("new", key=OLD.public_fingerprint)
REPLACE = Wanted(Goal.REPLACE, NAMES["old"])
KEEPING_THE_KEY = replace(REPLACE, options=RotationOptions(keep_key=True))
REPLACING_UNKNOWN = replace(REPLACE, options=RotationOptions(replace_unknown=True))
FINISH = Wanted(Goal.FINISH)
RESTORE = Wanted(Goal.RESTORE)
BRING_OLDER = Wanted(Goal.BRING, NAMES["older"])


def row(outcome: LoginOutcome, times: int, over: timedelta, ago: timedelta = SECOND) -> Probe:
    """A row of test logins, alike and without a break."""
    last = NOW - ago
    return Probe(LoginAnswer(outcome, "it says so", "Do this."), last - over, last - over, last, times)


JUST_IN = row(LoginOutcome.ACCEPTED, 1, timedelta(0))
REFUSED_YET = row(LoginOutcome.MISMATCH, 1, timedelta(0))
HOLDS = row(LoginOutcome.ACCEPTED, 3, 30 * SECOND, ago=2 * SECOND)
REFUSED = row(LoginOutcome.MISMATCH, 4, 5 * MINUTE, ago=MINUTE)
REFUSED_FOR_GOOD = row(LoginOutcome.MISMATCH, 40, 15 * MINUTE)
NO_ANSWER = row(LoginOutcome.TRANSIENT, 4, 5 * MINUTE, ago=MINUTE)
NO_ANSWER_FOR_LONG = row(LoginOutcome.TRANSIENT, 40, 15 * MINUTE)
NOT_SET_UP = row(LoginOutcome.CONFIGURATION, 1, timedelta(0), ago=MINUTE)
NOT_SET_UP_FOR_LONG = row(LoginOutcome.CONFIGURATION, 40, 15 * MINUTE)
TOO_MANY_FOR_AN_HOUR = row(LoginOutcome.RATE, 12, 60 * MINUTE, ago=6 * MINUTE)
TOO_MANY_FOR_LONG = row(LoginOutcome.RATE, 15, RATE_TIMEOUT)


def seen(
    *live: str | None,
    pending: KnownVersion | None = None,
    current: KnownVersion | None = None,
    previous: KnownVersion | None = None,
    promoted: timedelta | None = DAY,
    probes: Mapping[str, Probe] | None = None,
    given_up: str | None = None,
    untried: bool = False,
) -> Observation:
    """What the apps A and B hold, or A alone, and what is stored; current was promoted so long ago.

    A pending version whose certificate is on no app was tried and refused, unless it is `untried`.
    """
    tried = {pending.fingerprint: REFUSED_YET} if pending and pending.fingerprint not in live and not untried else {}
    return Observation(
        {name: _app(name, held) for name, held in zip("AB", live, strict=False)},
        pending=pending,
        current=current,
        previous=previous,
        promoted_at=None if promoted is None else NOW - promoted,
        probes=tried | {NAMES[name]: probe for name, probe in (probes or {}).items()},
        given_up=frozenset([NAMES[given_up]] if given_up else []),
    )


def _app(name: str, held: str | None) -> ObservedApp:
    return ObservedApp(name, live=NAMES[held] if held else None, throwaway=held == "throwaway")


def decided(observation: Observation, wanted: Wanted = REPLACE, policy: Policy = POLICY) -> Action:
    return decide(observation, wanted, policy, NOW)


def told(action: Action) -> str:
    """An action in a few words: `upload new to A`."""
    words = [action.kind.value, action.version or "", f"to {action.app}" if action.app else "", action.halt or ""]
    return " ".join(word for word in words if word)
