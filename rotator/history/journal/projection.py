"""What was last learnt of each credential, made from the journal's events as they are written.

A row of the table `credential_record` is what all events of a credential come to. It is written in the transaction of
the event, so that it never says anything else than the journal does, and read by everything that shows a credential:
reading a journal of years for that would take too long (`rotator.history.journal.credential_rows`).

A release that changes what an event changes brings a migration that appends an event `taken_over` for each row
(`rotator.history.journal.derived_rows`): what is there was made by the rules before it, and the daily verification goes
by those of today.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from rotator.core.decision.actions import ActionKind, HaltReason, begins
from rotator.core.hook import REVOKED
from rotator.core.lifecycle.revocation import ENDING, Revocation, RevocationStep, grant_of, steps_of
from rotator.core.lifecycle.states import Halt
from rotator.core.logins import LoginOutcome
from rotator.history.journal.standstill_rows import actor_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.history.records import Event


@dataclass(frozen=True, kw_only=True)
class CredentialRecord:
    """What was last learnt of a credential by trying, and what is open."""

    credential: str
    tried_at: datetime | None = None
    """When the key of `current` was last tried by a login."""
    tried_version: str | None = None
    tried_outcome: str | None = None
    """What that proved (`rotator.core.logins.LoginOutcome`)."""
    tried_answer: str = ""
    """The org's words."""
    tried_by: str = ""
    """Who tried: `rotation`, or `verify` for the command."""
    accepted_at: datetime | None = None
    """When a login with `current` was last accepted."""
    refused_since: datetime | None = None
    """Since when consumers of `current` may be refused; None when they are not."""
    is_refusal_certain: bool = False
    """Whether the app was observed without current's certificate since then."""
    halted_at: datetime | None = None
    """Since when rotations stop where a person is needed."""
    halt: str = ""
    """The reason (`rotator.core.decision.actions.HaltReason`); empty for an error that time does not mend."""
    halted_why: str = ""
    halted_hint: str = ""
    """What a person is to do about it."""
    unproven_app: str | None = None
    """The app that was given a certificate whose key has not logged in yet."""
    unproven_version: str | None = None
    revocation: str = ""
    """What was revoked of it, as `rotator.core.lifecycle.revocation.Revocation` writes it; empty where nothing is."""

    @property
    def revoked(self) -> Revocation | None:
        """What was revoked of it; None where nothing is."""
        return Revocation.from_text(self.revocation)

    @property
    def login_revoked(self) -> Revocation | None:
        """The same, where logins with it are refused on purpose."""
        revoked = self.revoked
        return revoked if revoked and revoked.ends_logins else None

    def consumers_refused_since(self, current: str | None, *, has_lost_slot: bool = False) -> datetime | None:
        """Since when consumers of `current`, that version, are refused; None when they are not.

        `has_lost_slot`: its app was seen without its certificate, also where the process that uploaded another one died
        before it could write down that this had an effect.

        The version that took its place is promoted only when its key has logged in, also where the process died before
        it could write that down.
        """
        is_promoted = current is not None and current == self.unproven_version
        is_certain = self.is_refusal_certain or has_lost_slot
        is_outage = is_certain and not is_promoted and self.login_revoked is None
        return self.refused_since if is_outage else None

    @property
    def was_stored(self) -> bool:
        """Whether the history knows of a version that was `current` in its store."""
        return self.tried_version is not None

    @property
    def is_accepted_again(self) -> bool:
        """Whether a login with `current` was accepted since consumers are refused, which is not enough to end that."""
        return self.accepted_at is not None and self.refused_since is not None and self.accepted_at > self.refused_since

    @property
    def is_reverted(self) -> bool:
        """Whether the last rotation refused consumers for a while, and had to put the old certificate back."""
        return self.halted_at is not None and self.halt == HaltReason.REVERTED

    def halted(self, *, is_half_done: bool) -> Halt | None:
        """Why a rotation stands where it stopped; None where none does.

        What each observation shows is no halt once nothing is half done: what it shows then is what is so.
        """
        if self.halted_at is None or self.is_reverted or (_is_seen_anew(self.halt) and not is_half_done):
            return None
        return Halt(self.halted_at, self.halted_why, self.halted_hint)


def _is_seen_anew(halt: str) -> bool:
    return halt in set(HaltReason) and HaltReason(halt).is_seen_anew


REVOCATION_BEGINS: Final = REVOKED
"""Kind of the event that is recorded before a revocation does anything."""
STEP_REVOKED: Final = "revoke_step"
"""Kind of the event that is recorded when a step of it has ended."""
WITHDRAWAL_BEGINS: Final = "withdraw_begins"
"""Kind of the event that is recorded before something is taken from the credential's user."""
ACCESS_SEEN: Final = "access_seen"
"""Kind of the event that is recorded when somebody has seen whether what was revoked logs in, or may do so."""
GIVEN_BACK: Final = "give_back"
"""Kind of the event that is recorded when it was given back."""

_NO_REFUSAL: Final = {"refused_since": None, "is_refusal_certain": False}
_NOT_HALTED: Final = {"halted_at": None, "halt": "", "halted_why": "", "halted_hint": ""}
_ACCEPTED: Final = LoginOutcome.ACCEPTED.value
_PROVEN: Final = {"unproven_app": None, "unproven_version": None}

_ENDS_WELL: Final = frozenset({"rotated", "restored", "reverted"})


def after(record: CredentialRecord, event: Event) -> CredentialRecord:
    """The record after one more event of its credential."""
    changed = _CHANGES.get(event.kind)
    if changed is None or event.details.get("succeeded") is False:
        return record
    values: dict[str, object] = changed(record, event)
    return replace(record, **values)  # type: ignore[arg-type] # each change names fields of its own


def _verified(record: CredentialRecord, event: Event) -> dict[str, object]:
    details = event.details
    if not details.get("of_current"):
        return {}
    tried: dict[str, object] = {
        "tried_at": event.time,
        "tried_version": details.get("version"),
        "tried_outcome": details.get("outcome"),
        "tried_answer": details.get("answer") or "",
        "tried_by": details.get("by") or "rotation",
    }
    if details.get("outcome") != _ACCEPTED:
        return tried
    is_mended = record.halt == HaltReason.LOGIN_NOT_SET_UP and record.tried_outcome != _ACCEPTED
    return {**tried, "accepted_at": event.time, **(_NOT_HALTED if is_mended else {})}


def _access_seen(record: CredentialRecord, event: Event) -> dict[str, object]:
    """By test logins (`outcome`), of which the last one tells, or by a look at what lets the user in (`let_in_by`)."""
    revoked, outcome = record.login_revoked, event.details.get("outcome")
    if revoked is None:
        return {}
    if outcome:
        seen = replace(revoked, accepted_at=event.time if outcome == _ACCEPTED else None)
    else:
        seen = replace(revoked, let_in_by=str(event.details.get("let_in_by") or ""))
    return {"revocation": seen.as_text()}


def _upload_begun(record: CredentialRecord, event: Event) -> dict[str, object]:
    if not event.details.get("opens_gap") or record.refused_since:
        return {}
    return {"refused_since": event.time, "is_refusal_certain": False}


def _uploaded(record: CredentialRecord, event: Event) -> dict[str, object]:
    return {
        "is_refusal_certain": record.refused_since is not None,
        "unproven_app": event.details.get("app"),
        "unproven_version": event.details.get("version"),
    }


def _replaced(record: CredentialRecord, event: Event) -> dict[str, object]:
    changed = _PROVEN if event.details.get("app") == record.unproven_app else {}
    return {**changed, **_end_known(record, event)}


def _end_known(record: CredentialRecord, event: Event) -> dict[str, object]:
    """What ends the keys of an app, where the event names it: of a pair before it is in use."""
    revoked, ended_by = record.revoked, event.details.get("ended_by")
    if not revoked or not ended_by:
        return {}
    ended = {**revoked.ended_by, str(event.details.get("app")): str(ended_by)}
    return {"revocation": replace(revoked, ended_by=ended).as_text()}


def _revocation_begun(record: CredentialRecord, event: Event) -> dict[str, object]:
    """Of the tokens alone nothing is kept: its key logs in as before.

    Of any other a rotation that stopped is over, and so is a gap: who is refused from then on is so on purpose.
    """
    details: Mapping[str, Any] = event.details
    steps, reason = steps_of(details["steps"]), str(details["reason"])
    revoked, by = record.revoked, str(actor_of(event))
    over = {**_NOT_HALTED, **({} if ENDING.isdisjoint(steps) else _NO_REFUSAL)}
    if revoked is None and ENDING.isdisjoint(steps):
        return {}
    if revoked is None or not revoked.ends_logins:
        withdrawn = revoked.withdrawn if revoked else ()
        new = Revocation(since=event.time, by=by, reason=reason, wanted=steps, withdrawn=withdrawn)
        return {"revocation": new.as_text(), **over}
    return {"revocation": revoked.asked_again(steps, reason).as_text(), **over}


def _step_revoked(record: CredentialRecord, event: Event) -> dict[str, object]:
    revoked = record.revoked
    if revoked is None:
        return {}
    return {"revocation": revoked.with_done(RevocationStep(str(event.details["step"]))).as_text()}


def _withdrawal_begun(record: CredentialRecord, event: Event) -> dict[str, object]:
    details: Mapping[str, Any] = event.details
    revoked = record.revoked
    return {"revocation": revoked.taking(grant_of(details["grant"])).as_text()} if revoked else {}


def _given_back(record: CredentialRecord, event: Event) -> dict[str, object]:
    details: Mapping[str, Any] = event.details
    revoked = record.revoked
    if revoked is None:
        return {}
    grant = grant_of(details["grant"])
    changed = revoked.sharing(grant) if details.get("brought_back") else revoked.without(grant)
    return {"revocation": changed.as_text()}


def _login_again(record: CredentialRecord) -> dict[str, object]:
    """What is left of a revocation once a key of the credential has logged in: what its user was not given back yet."""
    revoked = record.revoked
    if revoked is None or not revoked.withdrawn:
        return {"revocation": ""}
    left = replace(revoked, wanted=(), done=(), ended_by={}, accepted_at=None, let_in_by="")
    return {"revocation": left.as_text()}


def _gap_judged(record: CredentialRecord, event: Event) -> dict[str, object]:
    match event.details.get("state"):
        case "confirmed":
            return {"is_refusal_certain": record.refused_since is not None}
        case _:
            return dict(_NO_REFUSAL)


def _promoted(record: CredentialRecord, event: Event) -> dict[str, object]:
    version = event.details.get("version")
    tried = {"tried_at": event.time, "tried_version": version, "tried_outcome": "accepted", "tried_answer": ""}
    proven = {"tried_by": "rotation", "accepted_at": event.time, **_NO_REFUSAL, **_NOT_HALTED, **_PROVEN}
    return {**tried, **proven, **_login_again(record)}


def _stopped(record: CredentialRecord, event: Event) -> dict[str, object]:
    """What time alone mends is no halt, and ends none."""
    details = event.details
    if not details.get("halt") and not details.get("needs_person"):
        return {}
    return _halted(record, event, why=details.get("error"))


def _finished(record: CredentialRecord, event: Event) -> dict[str, object]:
    details = event.details
    outcome = details.get("outcome")
    if outcome == "halted":
        return _halted(record, event, why=details.get("why"))
    if outcome == "reverted" and details.get("gap_seconds"):
        return {**_halted(record, event, why=details.get("why")), "halt": str(HaltReason.REVERTED)}
    return dict(_NOT_HALTED) if outcome in _ENDS_WELL else {}


def _halted(record: CredentialRecord, event: Event, *, why: object) -> dict[str, object]:
    """Since the first halt in a row: a new try that ends alike is no news."""
    halt, hint = str(event.details.get("halt") or ""), str(event.details.get("hint") or "")
    is_alike = record.halted_at is not None and _kind_of(record.halt) == _kind_of(halt)
    return {
        "halted_at": record.halted_at if is_alike else event.time,
        "halt": halt,
        "halted_why": str(why or ""),
        "halted_hint": hint,
    }


def _kind_of(halt: str) -> tuple[bool, bool]:
    return halt == HaltReason.REVERTED, _is_seen_anew(halt)


_CHANGES: Final = {
    "verify": _verified,
    begins(ActionKind.UPLOAD): _upload_begun,
    begins(ActionKind.DISABLE): _end_known,
    "upload": _uploaded,
    "restore": _replaced,
    "disable": _replaced,
    "gap": _gap_judged,
    "promote": _promoted,
    "stopped": _stopped,
    "finish": _finished,
    REVOCATION_BEGINS: _revocation_begun,
    STEP_REVOKED: _step_revoked,
    WITHDRAWAL_BEGINS: _withdrawal_begun,
    GIVEN_BACK: _given_back,
    ACCESS_SEEN: _access_seen,
}
"""What each kind of event changes; the others change nothing.

`refused_since` is cleared by a proof alone: a version was promoted, or current's key was accepted again. So is
`halted_at`, by a promotion, by a rotation that ends with a key that was seen to log in, or, where it was current's
login that was refused, by one that is accepted. A new try that proves nothing clears neither.
"""

KINDS: Final = frozenset(_CHANGES)
"""The kinds of events that change a record."""
