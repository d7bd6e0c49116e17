"""The kinds of alerts, and what the rules have to know of each beside its words.

A new kind is one line in KINDS and one function that gives its NewAlert, in `catalog` beside its like: with what is so,
what `rotator` does about it meanwhile, and what a person does first. Channels, pages, runbooks and the tests that hold
for every message find it there.

The key of an alert names the trouble, and its kind how far that has gone: one trouble is one alert, which changes its
kind when it becomes another (a rotation that failed, then needs a person, while consumers are refused), and says so in
its thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rotator.core.alert import NewAlert


@dataclass(frozen=True)
class AlertKind:
    """What the rules have to know of a kind."""

    ending: str = "It is settled"
    """How an alert of it ends where nothing more is known."""
    may_pass: bool = False
    """It may mend itself in a moment: people hear of it only when it lasts."""
    is_mended_by_rotation: bool = False
    """A rotation of its credential may be about to solve it."""
    ends_with_access: bool = False
    """It is about logins with a credential: what began before that was revoked is over by it."""
    is_urgent: bool = False
    """Whoever has taken the trouble on hears of it all the same when it comes to this."""


EXPIRY: Final = "expiry"
"""A certificate expires."""
WEAK: Final = "weak"
"""A certificate is weak, or valid for too long."""
ORG: Final = "org"
"""An org cannot be read."""
STORE: Final = "store"
"""A store cannot be read."""
HIDDEN: Final = "hidden"
"""An org can be read, but not all of it."""
UNREADABLE: Final = "unreadable"
"""One thing in an org, or what a store holds of one credential, cannot be read."""
ROTATION: Final = "rotation"
"""A rotation failed; the next success solves it, as all that may become of it."""
DELAYED: Final = "delayed"
"""A rotation has to wait for something that is away."""
REVERTED: Final = "reverted"
"""A new key never logged in, and the old certificate is back."""
HALTED: Final = "halted"
"""A rotation stopped where only a person can go on."""
REFUSED: Final = "refused"
"""A rotation stopped, and consumers are refused meanwhile."""
ACCEPTED: Final = "accepted"
"""Consumers that were refused log in again, and the rotation has not ended yet."""
ATTENTION: Final = "attention"
"""What cannot succeed before a person does something is left alone."""
DRIFT: Final = "drift"
REVOKED: Final = "revoked"
"""A person has ended all access by a credential."""
UNSTORED: Final = "unstored"
LEFT_BEHIND: Final = "left-behind"
"""Consumers are refused, as they do not log in with the current version."""
WENT_BACK: Final = "went-back"
"""A previous version was made current again by itself, as consumers were left behind."""
UNMOVED: Final = "unmoved"
"""The grace of a previous version ends soon, and not all consumers are known to have moved."""
POSTURE: Final = "posture"
"""The audit finds something that is not as it should be."""
WINDOW: Final = "window"
"""A maintenance window was overridden."""
HELD: Final = "held"
"""A certificate would expire, as its rotation is paused or frozen."""
FIRST_START: Final = "first-start"
"""The service is new on a database that has rotated nothing yet."""
DELIVERY: Final = "delivery"
"""A channel does not accept what it is sent."""
HOOK: Final = "hook"
"""A hook that is called after a rotation failed."""
CONFIGURATION: Final = "configuration"
"""config.yaml was changed, and is wrong; of several machines, that of one."""
MACHINE: Final = "machine"
"""A machine that shares the work is gone."""
QUEUE: Final = "queue"
"""No machine takes what was asked for, or none of a kind."""
HISTORY: Final = "history"
"""The chain of events is broken."""
HEAD: Final = "head"
"""The head of that chain, once a day, for channels that want it."""
ROTATED: Final = "rotated"
VANISHED: Final = "vanished"

_ROTATED: Final = "The credential was rotated, or needs no rotation any more"

KINDS: Final = {
    EXPIRY: AlertKind(is_mended_by_rotation=True),
    WEAK: AlertKind(is_mended_by_rotation=True),
    ORG: AlertKind("The org can be read again", may_pass=True),
    STORE: AlertKind("The store can be read again", may_pass=True),
    HIDDEN: AlertKind("The org shows it again"),
    UNREADABLE: AlertKind("It can be read again, or is gone"),
    ROTATION: AlertKind(_ROTATED, is_mended_by_rotation=True, ends_with_access=True),
    DELAYED: AlertKind(_ROTATED, may_pass=True, is_mended_by_rotation=True),
    REVERTED: AlertKind(_ROTATED, is_mended_by_rotation=True),
    HALTED: AlertKind(_ROTATED, is_mended_by_rotation=True),
    REFUSED: AlertKind(_ROTATED, is_urgent=True),
    ACCEPTED: AlertKind(_ROTATED),
    ATTENTION: AlertKind("It succeeded again", is_mended_by_rotation=True),
    DRIFT: AlertKind("What the app holds is known again", is_mended_by_rotation=True, ends_with_access=True),
    REVOKED: AlertKind("The credential was brought back"),
    UNSTORED: AlertKind("The credential is in its store", ends_with_access=True),
    LEFT_BEHIND: AlertKind("No consumer is refused any more", ends_with_access=True),
    WENT_BACK: AlertKind(),
    UNMOVED: AlertKind("All consumers have moved", ends_with_access=True),
    POSTURE: AlertKind("It is as it should be", ends_with_access=True),
    WINDOW: AlertKind(),
    HELD: AlertKind("No pause or freeze lets it expire any more", is_mended_by_rotation=True, ends_with_access=True),
    FIRST_START: AlertKind(),
    DELIVERY: AlertKind("The channel accepts messages again"),
    HOOK: AlertKind("The hook did its work"),
    CONFIGURATION: AlertKind("A right one is in force, or the machine is gone"),
    MACHINE: AlertKind("The machine is back, or forgotten"),
    QUEUE: AlertKind("Jobs are carried out again"),
    HISTORY: AlertKind(),
    HEAD: AlertKind(),
    ROTATED: AlertKind(),
    VANISHED: AlertKind(),
}


def kind_of(name: str) -> AlertKind:
    """What the rules know of a kind; of one that another release knew, only the usual."""
    return KINDS.get(name, AlertKind())


def key(kind: str, name: str) -> str:
    """Key of the trouble that begins with an alert of that kind about an org, a store, a credential or a channel."""
    return f"{kind}:{name}"


def rotation_trouble(credential: str) -> str:
    """Key of the one alert for everything that goes wrong with rotating a credential."""
    return key(ROTATION, credential)


def trouble_of(alert: NewAlert) -> str:
    """The kind with which the trouble of an alert begins, whatever it has come to."""
    return alert.key.partition(":")[0]
