"""What the history holds, as plain values: rotations, events, certificates and where they were seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from rotator.core import words
from rotator.core.actor import Actor
from rotator.core.decision.options import NO_OPTIONS, RotationOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

JSON: TypeAlias = "str | int | float | bool | Sequence[JSON] | Mapping[str, JSON] | None"
"""What an event's details may be made of."""

TRIGGERS: Final = frozenset({"schedule", "manual", "compromised", "left-behind"})
"""Why a rotation was begun."""

GOALS: Final = frozenset({"replace", "back", "restore", "adopt", "enroll"})
"""What a rotation is to reach."""

OUTCOMES: Final = frozenset({"rotated", "restored", "reverted", "halted", "interrupted", "abandoned", "nothing"})
"""How a rotation may end."""


class Stop(NamedTuple):
    """Why a rotation stopped where a person is needed."""

    reason: str
    """One of `rotator.core.decision.actions.HaltReason`."""
    hint: str
    """What to do about it."""


@dataclass(frozen=True, kw_only=True)
class NewRotation:
    """What is known of a rotation when it begins."""

    credential: str
    org: str
    strategy: str
    trigger: str
    """One of TRIGGERS."""
    actor: str
    """The user that began it, by its real uid, with the machine; of the service, its own name for itself."""
    uid: int | None = None
    login_uid: int | None = None
    login_name: str = ""
    claimed_name: str = ""
    reason: str = ""
    goal: str = "replace"
    """One of GOALS."""
    replaces: str | None = None
    """Fingerprint of the version that is to be replaced."""
    brings_back: str | None = None
    """Fingerprint of the version that is to be current again."""
    options: RotationOptions = NO_OPTIONS
    """What was asked for beside the goal."""

    @property
    def is_compromised(self) -> bool:
        """Whether it was begun as the key that it replaces is in wrong hands."""
        return self.trigger == "compromised"

    @property
    def is_urgent(self) -> bool:
        """Whether it ends the previous version at once."""
        return self.is_compromised or self.options.retire_now

    @property
    def by(self) -> Actor:
        """Who began it, with what the system knew of the user, and what was only claimed."""
        return Actor(self.actor, self.uid, self.login_uid, self.login_name, self.claimed_name)


@dataclass(frozen=True, kw_only=True)
class Rotation(NewRotation):
    """One rotation as the history knows it; without an outcome it is running, or was interrupted."""

    id: str
    started_at: datetime
    finished_at: datetime | None = None
    outcome: str | None = None
    """One of OUTCOMES, None while it has none."""
    why: str = ""
    old_fingerprint: str | None = None
    new_fingerprint: str | None = None
    gap_seconds: float | None = None
    """How long consumers may have been refused, in seconds; None where it was not measured."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One entry of the journal."""

    sequence: int
    """1 for the first event, and one more for each."""
    time: datetime
    kind: str
    credential: str | None
    rotation_id: str | None
    details: Mapping[str, JSON]
    previous_hash: str
    hash: str
    """SHA-256 in hex over everything above (rotator.history.journal.chain)."""
    signature: str | None = None
    """Of the installation that wrote it, over the hash; None of one of an earlier release."""
    signer: str | None = None
    """Id of the key that signed it."""


@dataclass(frozen=True, kw_only=True)
class ChainVerification:
    """What re-computing the chain of events found."""

    events: int
    """How many events were read up to the first bad one, or in all."""
    intact: bool
    first_bad: int | None
    """Sequence number of the first event that is not as it was written; None where no single event is."""
    why: str
    """What was found, in a sentence; empty where it is intact."""
    hint: str = ""
    """What to do about it."""
    signed_from: int | None = None
    """Sequence number of the first event that is signed; None where none is."""
    key: str = ""
    """The installation's public key; empty where it has none yet."""
    taken_over: int = 0
    """How many rows an upgrade took over as they stood: what they say is proven from then on, and not before."""
    head: str
    """Hash of the last good event: noted elsewhere, it shows later that everything up to it is still there."""

    @property
    def finding(self) -> str:
        """What was found, and what is as it was written all the same."""
        if self.first_bad is None:
            return f"{self.why} The chain of {words.count(self.events, 'event')} is as it was written."
        return f"{self.why} What was written before that, {words.count(self.events, 'event')}, is as it was."
