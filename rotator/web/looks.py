"""How a state looks on the pages: one of a few colours, each with a shape of its own."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from rotator.core.lifecycle.states import CertificateState, CredentialState, in_words
from rotator.core.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable


class Look(StrEnum):
    """A class of the style sheet, and the name of a shape; the most urgent first."""

    EXPIRED = "expired"
    CRITICAL = "critical"
    WARNING = "warning"
    DUE = "due"
    OK = "ok"
    RESTING = "resting"


class Stateful(Protocol):
    """A certificate or a credential."""

    @property
    def state(self) -> CertificateState | CredentialState:
        """One of the words of `rotator.core.lifecycle.states`."""
        ...

    @property
    def urgency(self) -> Severity | None:
        """How urgent it is that somebody looks."""
        ...


_BY_URGENCY: Final = {Severity.CRITICAL: Look.CRITICAL, Severity.WARNING: Look.WARNING, Severity.INFO: Look.DUE}
_BY_STATE: Final[dict[str, Look]] = {
    CertificateState.DUE: Look.DUE,
    CertificateState.DEFERRED: Look.DUE,
    CertificateState.DRIFT: Look.CRITICAL,
    CertificateState.UNPROVEN: Look.WARNING,
    CertificateState.NOT_YET_VALID: Look.WARNING,
    CertificateState.UNREADABLE: Look.WARNING,
    CertificateState.RESTING: Look.RESTING,
    CertificateState.NONE: Look.RESTING,
    CertificateState.HIDDEN: Look.RESTING,
    CertificateState.UNUSABLE: Look.WARNING,
    CredentialState.REVOKED: Look.RESTING,
}


def look_of(this: Stateful) -> Look:
    """By its urgency; where nothing is urgent, by its state."""
    if this.state.value == CertificateState.EXPIRED:
        return Look.EXPIRED
    return _BY_URGENCY[this.urgency] if this.urgency else _BY_STATE.get(this.state.value, Look.OK)


def word_of(this: Stateful) -> str:
    """Its state for people."""
    return in_words(this.state, this.urgency)


def worst(these: Iterable[Stateful]) -> Look:
    """The most urgent look among them."""
    return min(map(look_of, these), key=list(Look).index, default=Look.OK)
