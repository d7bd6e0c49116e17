"""The single things that a rotation does, and why a person may be needed instead."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from rotator.core import words

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.credentials import Fingerprint


class ActionKind(StrEnum):
    """The single things that a rotation does."""

    GENERATE = "generate"
    """A new key pair goes into the store as `pending`."""
    TAKE = "take"
    """The pair of consumer key and secret that is in use goes into the store as `pending`."""
    STAGE = "stage"
    """The org makes a further pair, which goes into the store as `pending`; nobody uses it yet."""
    RECALL = "recall"
    """The previous version becomes `pending` as well, to be current again."""
    UPLOAD = "upload"
    """A stored version's certificate goes to its app."""
    VERIFY = "verify"
    """One test login with a stored version's key."""
    PROMOTE = "promote"
    """`pending` becomes `current`, `current` becomes `previous`."""
    RESTORE = "restore"
    """The certificate that the app held before goes back to it."""
    ROTATE = "rotate"
    """The staged pair of a consumer is put in force; the org takes the one before it for a while still."""
    UNSTAGE = "unstage"
    """The second pair of a consumer, staged or rotated away, is deleted: no login with it any more."""
    DISABLE = "disable"
    """An app gets a throwaway certificate, so that no key logs in through it any more."""
    DISCARD = "discard"
    """`pending` leaves the store."""
    RETIRE = "retire"
    """`previous` leaves the store."""
    WAIT = "wait"
    """Nothing until `until`."""
    HALT = "halt"
    """A person is needed."""
    DONE = "done"
    """What is wanted is so."""

    @property
    def makes_version(self) -> bool:
        """Whether it is what puts a new version into the store."""
        return self in {ActionKind.GENERATE, ActionKind.STAGE, ActionKind.TAKE}

    @property
    def changes_pairs(self) -> bool:
        """Whether it changes what a consumer of an external client app has: the org may have done it unanswered."""
        return self in {ActionKind.STAGE, ActionKind.ROTATE, ActionKind.UNSTAGE}


WRITES: Final = frozenset({ActionKind.UPLOAD, ActionKind.RESTORE, ActionKind.DISABLE})
"""Those that send an app a certificate."""


def begins(kind: ActionKind) -> str:
    """Kind of the event that says that such an action begins, recorded before it: an org may do it unanswered."""
    return f"{kind}_begins"


class HaltReason(StrEnum):
    """Why a person is needed."""

    APP_UNREADABLE = "app_unreadable"
    APP_NOT_CONFIGURED = "app_not_configured"
    DRIFT = "drift"
    STANDBY_UNKNOWN = "standby_unknown"
    SECOND_PAIR_UNKNOWN = "second_pair_unknown"
    NOTHING_STORED = "nothing_stored"
    LOST = "lost"
    """The store held the version that all this is about, and holds it no more."""
    NOT_KEPT = "not_kept"
    LOGIN_NOT_SET_UP = "login_not_set_up"
    ACCEPTED_EARLY = "accepted_early"
    UNPROVEN = "unproven"
    REVERTED = "reverted"
    REVERT_UNPROVEN = "revert_unproven"
    NOT_ENDED = "not_ended"

    @property
    def is_seen_anew(self) -> bool:
        """Whether each observation shows it, so that it is over as soon as it is mended, whoever does that."""
        return self in _SEEN_ANEW

    @property
    def is_looked_at_twice(self) -> bool:
        """Whether a person is called for it only when two observations in a row show it."""
        return self in _LOOKED_AT_TWICE


_SEEN_ANEW: Final = frozenset(
    {
        HaltReason.APP_UNREADABLE,
        HaltReason.APP_NOT_CONFIGURED,
        HaltReason.DRIFT,
        HaltReason.STANDBY_UNKNOWN,
        HaltReason.SECOND_PAIR_UNKNOWN,
        HaltReason.NOTHING_STORED,
        HaltReason.LOST,
        HaltReason.NOT_KEPT,
    }
)

_LOOKED_AT_TWICE: Final = frozenset(
    {HaltReason.DRIFT, HaltReason.STANDBY_UNKNOWN, HaltReason.SECOND_PAIR_UNKNOWN, HaltReason.LOST}
)

BRING_STORE_BACK: Final = (
    "See whether the store is there (a file system that is not mounted looks like an empty one), and bring it back:"
    " consumers need what is in it."
)
"""What a person does first about a store that holds nothing of a credential any more."""


@dataclass(frozen=True)
class Action:
    """The next single thing to do, and why."""

    kind: ActionKind
    why: str
    version: Fingerprint | None = None
    """The stored version it is about."""
    app: str | None = None
    """The app it is about."""
    until: datetime | None = None
    """`wait`: when to observe again. `done`: when the previous version's grace ends, if there is one."""
    halt: HaltReason | None = None
    hint: str = ""
    """What a person does about it."""
    rerun: str = ""
    """What who typed a command does then."""
    before_upload: bool = False
    """`verify`: the certificate is not on the app yet, so the key must be refused."""
    learns: bool = False
    """`verify`: that refusal is what this app says of a wrong key, as nothing else can be wrong."""
    gives_up: Fingerprint | None = None
    """The version that this action ends the attempt with, for the rest of the run."""

    @property
    def advice(self) -> str:
        """What to do, for who typed a command."""
        return words.sentences(self.hint, self.rerun)

    @property
    def its_version(self) -> Fingerprint:
        """The version, of an action that has one. Raises ValueError for one that has none."""
        if self.version is None:
            raise ValueError(f"{self.kind} is about no version")
        return self.version

    @property
    def its_app(self) -> str:
        """The app, of an action that has one. Raises ValueError for one that has none."""
        if self.app is None:
            raise ValueError(f"{self.kind} is about no app")
        return self.app


RERUN_GOES_ON: Final = "Then run the same command again: it goes on from here."
"""What who typed a command does when the cause of a halt is mended."""


def halt(reason: HaltReason, why: str, hint: str, rerun: str = "") -> Action:
    """The action of a run that a person is needed for."""
    return Action(ActionKind.HALT, why, halt=reason, hint=hint, rerun=rerun)


def how_to_bring_back(name: str, *, has_secret: bool) -> str:
    """What a person does where a credential is in its store no more."""
    key = "" if has_secret else " --key FILE"
    return f"{BRING_STORE_BACK} If it is lost for good, `rotator adopt {name}{key}`."
