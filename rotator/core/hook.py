"""What hooks are told: that something has happened to a credential. Never with a key, a secret or a password in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from rotator.core import words
from rotator.core.lifecycle.revocation import ENDING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

FINISH: Final = "finish"
"""Kind of the event of the journal that a rotation ended, with its outcome."""

STOPPED: Final = "stopped"
"""Kind of the event that a rotation stopped half-way, and whether a person is needed."""

DRIFT: Final = "drift"
"""Kind of the event that an app was seen to have been changed by hand."""

REVOKED: Final = "revoke_begins"
"""Kind of the event that a credential's access is ended on purpose."""

KINDS: Final = (FINISH, STOPPED, DRIFT, REVOKED)
"""The kinds of events of the journal after which hooks may be called."""


class HookEvent(StrEnum):
    """What hooks may be called after; the first four are outcomes of a rotation as well."""

    ROTATED = "rotated"
    """Another version is current."""
    RESTORED = "restored"
    """Current's certificate is back on its app, and its key logs in."""
    REVERTED = "reverted"
    """A new key never logged in; the old certificate is back."""
    HALTED = "halted"
    """A rotation stopped where a person is needed."""
    FAILED = "failed"
    """A rotation stopped half-way, and is tried again."""
    REVOKED = "revoked"
    """Logins with the credential are ended on purpose."""
    DRIFT = "drift"
    """Somebody changed its app by hand."""


_OUTCOMES: Final = frozenset({HookEvent.ROTATED, HookEvent.RESTORED, HookEvent.REVERTED, HookEvent.HALTED})


def hook_event(kind: str, details: Mapping[str, object]) -> HookEvent | None:
    """What an event of the journal is to hooks; None where it is nothing that they are called after."""
    if kind == FINISH:
        word = details.get("outcome")
        return HookEvent(word) if isinstance(word, str) and word in _OUTCOMES else None
    if kind == STOPPED:
        return HookEvent.HALTED if details.get("needs_person") else HookEvent.FAILED
    if kind == REVOKED:
        # Its key logs in as before where its tokens alone are ended.
        return None if ENDING.isdisjoint(_steps(details)) else HookEvent.REVOKED
    return HookEvent.DRIFT if kind == DRIFT else None


def _steps(details: Mapping[str, object]) -> tuple[str, ...]:
    named = details.get("steps")
    return tuple(map(str, named)) if isinstance(named, list | tuple) else ()


class Calls(NamedTuple):
    """The calls of one hook after events of one credential."""

    hook: str
    credential: str

    @property
    def name(self) -> str:
        """Name of the attempts at them, and of their alert."""
        return f"{self.hook} {self.credential}"


@dataclass(frozen=True, kw_only=True)
class HookCall:
    """What a hook is told of one event, and by which name its receiver knows the call again."""

    id: str
    """Stays the same when it has to be made again, and is no other call's: a receiver may drop doubles."""
    event: HookEvent
    credential: str
    org: str
    at: datetime
    """When it happened."""
    rotation_id: str = ""
    why: str = ""
    old_fingerprint: str = ""
    """SHA-256 of the certificate that was current before; empty where it is not known."""
    new_fingerprint: str = ""
    """SHA-256 of the certificate that is current, or would be; empty where there is none."""
    is_test: bool = False
    """Nothing has happened: somebody tries the hook."""

    @property
    def facts(self) -> dict[str, str]:
        """What is known of it, by names that a variable and a member of JSON can have."""
        known = {
            "id": self.id,
            "event": str(self.event),
            "credential": self.credential,
            "org": self.org,
            "at": words.timestamp(self.at),
            "rotation_id": self.rotation_id,
            "why": self.why,
            "old_fingerprint": self.old_fingerprint,
            "new_fingerprint": self.new_fingerprint,
        }
        return {name: value for name, value in known.items() if value}
