"""The states of certificates and of credentials, a word for each, and how urgent each is by itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from rotator.core.severity import Severity

if TYPE_CHECKING:
    from datetime import datetime


class CertificateState(StrEnum):
    """What a certificate is, in one place. None of these says that logins fail: orgs have taken expired ones."""

    OK = "ok"
    """Nothing has to be done yet."""
    DUE = "due"
    """It is time to replace it: its rotation is due, or the first threshold is crossed of one that nobody rotates."""
    DEFERRED = "deferred"
    """It would be due; but a person brought this version back, and it is left alone for a while."""
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    """Its first day is still to come. Whether an org minds is not known, so nobody should count on it."""
    RESTING = "resting"
    """Nobody has to care: it ended an old key, or is on the app whose turn it is not."""
    DRIFT = "drift"
    """Nobody here knows it, though the credential of the app is in its store."""
    UNPROVEN = "unproven"
    """A rotation gave it to its app, and its key has not logged in yet: its dates count for nothing."""
    NONE = "none"
    """The app holds no certificate."""
    HIDDEN = "not shown"
    """The org shows the app, and of its certificate nothing: there may be one, and nobody knows until when."""
    UNREADABLE = "unreadable"
    """It could not be read, or the store not, that tells which of two apps is in use; dates are those last seen."""
    UNUSABLE = "unusable"
    """No login can use it: it waits for the chain that an authority is to sign, or its key cannot check RS256."""
    VANISHED = "vanished"
    """It was seen before, and the org has it no more."""


class CredentialState(StrEnum):
    """What a credential is. The first that holds, in the order of `CredentialLife.state`."""

    OK = "ok"
    DUE = "due"
    """Less time is left than `rotate_before`."""
    DEFERRED = "deferred"
    """It would be due; but a person brought this version back, and it is left alone for a while."""
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    """The first day of the current version's certificate is still to come, though its key has logged in."""
    REVOKED = "revoked"
    """A person has ended its access: logins with it are refused on purpose, until it is brought back."""
    REFUSED = "refused"
    """Consumers of `current` are refused now: a rotation took its key's place, and no key was proven since."""
    RUNNING = "running"
    """A rotation is at work: a process holds the credential's lock, and goes on by itself."""
    HALTED = "halted"
    """A rotation stopped where a person is needed, and nothing was proven since."""
    DRIFT = "drift"
    """The app that `current` logs in through holds a certificate that is not ours to expect there, or none; or it has
    another consumer key than is stored."""
    UNFINISHED = "unfinished"
    """A rotation was interrupted and nobody is at it: the next run goes on with it."""
    UNSTORED = "not stored"
    """The store has no current version: adopt or enroll it."""
    UNKNOWN = "unknown"
    """Its store or its org could not be read; dates are those last known."""


@dataclass(frozen=True)
class Halt:
    """A rotation stopped where a person is needed."""

    since: datetime
    why: str
    hint: str = ""
    """What a person is to do first."""


def in_words(state: CertificateState | CredentialState, urgency: Severity | None) -> str:
    """The state as people are shown it, with its urgency where that does not go without saying: `due (critical)`."""
    is_known = urgency is None or urgency is Severity.INFO or state.value == CertificateState.EXPIRED
    own = URGENCIES.get(state) if isinstance(state, CredentialState) else None
    return str(state) if is_known or urgency is own or state.value == CertificateState.DRIFT else f"{state} ({urgency})"


URGENCIES: Final = {
    CredentialState.REFUSED: Severity.CRITICAL,
    CredentialState.HALTED: Severity.CRITICAL,
    CredentialState.DRIFT: Severity.CRITICAL,
    CredentialState.UNFINISHED: Severity.WARNING,
    CredentialState.UNKNOWN: Severity.WARNING,
    CredentialState.UNSTORED: Severity.INFO,
    CredentialState.REVOKED: Severity.INFO,
}
"""How urgent a state is by itself, whatever the dates."""
LOST: Final = Severity.CRITICAL
"""How urgent it is that a credential is gone from its store."""
HALF_REVOKED: Final = Severity.CRITICAL
"""How urgent it is that a revocation was interrupted: what it was to end may go on."""
