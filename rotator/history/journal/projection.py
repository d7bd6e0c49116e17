"""What was last learnt of each credential, made from the journal's events as they are written.

A row of the table `credential_record` is what all events of a credential come to. It is written in the transaction of
the event, so that it never says anything else than the journal does, and read by everything that shows a credential:
reading a journal of years for that would take too long.

A release that changes what an event changes brings a migration that appends an event `taken_over` for each row
(`rotator.history.journal.derived_rows`): what is there was made by the rules before it, and the daily verification goes
by those of today.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select, update

from rotator.history.engine.tables import CREDENTIAL_RECORD

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

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
    """Which login it was; only those of rotations are written down."""
    accepted_at: datetime | None = None
    """When a login with `current` was last accepted."""
    refused_since: datetime | None = None
    """Since when consumers of `current` may be refused; None when they are not."""
    is_refusal_certain: bool = False
    """Whether the app was observed without current's certificate since then."""
    halted_at: datetime | None = None
    """When a rotation stopped for a person, or with an error, and has not gone on since."""
    halt: str = ""
    """The reason (`rotator.core.decision.actions.HaltReason`); empty for an error."""
    halted_why: str = ""
    unproven_app: str | None = None
    """The app that was given a certificate whose key has not logged in yet."""
    unproven_version: str | None = None

    def consumers_refused_since(self, current: str | None) -> datetime | None:
        """Since when consumers of `current`, that version, are refused; None when they are not.

        The version that took its place is promoted only when its key has logged in, also where the process died before
        it could write that down.
        """
        is_promoted = current is not None and current == self.unproven_version
        return self.refused_since if self.is_refusal_certain and not is_promoted else None


_NO_REFUSAL: Final = {"refused_since": None, "is_refusal_certain": False}
_NOT_HALTED: Final = {"halted_at": None, "halt": "", "halted_why": ""}
_PROVEN: Final = {"unproven_app": None, "unproven_version": None}

_ENDS_WELL: Final = frozenset({"rotated", "restored", "reverted", "nothing"})


def after(record: CredentialRecord, event: Event) -> CredentialRecord:
    """The record after one more event of its credential."""
    changed = _CHANGES.get(event.kind)
    if changed is None or event.details.get("succeeded") is False:
        return record
    values: dict[str, object] = changed(record, event)
    return replace(record, **values)  # type: ignore[arg-type] # each change names fields of its own


def _verified(_record: CredentialRecord, event: Event) -> dict[str, object]:
    details = event.details
    if not details.get("of_current"):
        return {}
    tried: dict[str, object] = {
        "tried_at": event.time,
        "tried_version": details.get("version"),
        "tried_outcome": details.get("outcome"),
        "tried_answer": details.get("answer") or "",
        "tried_by": "rotation",
    }
    return {**tried, "accepted_at": event.time} if details.get("outcome") == "accepted" else tried


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
    return dict(_PROVEN) if event.details.get("app") == record.unproven_app else {}


def _gap_judged(record: CredentialRecord, event: Event) -> dict[str, object]:
    match event.details.get("state"):
        case "confirmed":
            return {"is_refusal_certain": record.refused_since is not None}
        case _:
            return dict(_NO_REFUSAL)


def _promoted(_record: CredentialRecord, event: Event) -> dict[str, object]:
    version = event.details.get("version")
    tried = {"tried_at": event.time, "tried_version": version, "tried_outcome": "accepted", "tried_answer": ""}
    return {**tried, "tried_by": "rotation", "accepted_at": event.time, **_NO_REFUSAL, **_NOT_HALTED, **_PROVEN}


def _stopped(_record: CredentialRecord, event: Event) -> dict[str, object]:
    details = event.details
    return {"halted_at": event.time, "halt": details.get("halt") or "", "halted_why": details.get("error") or ""}


def _finished(_record: CredentialRecord, event: Event) -> dict[str, object]:
    outcome = event.details.get("outcome")
    if outcome in _ENDS_WELL:
        return dict(_NOT_HALTED)
    if outcome == "halted":
        return {**_stopped(_record, event), "halted_why": event.details.get("why") or ""}
    return {}


_CHANGES: Final = {
    "verify": _verified,
    "upload_begins": _upload_begun,
    "upload": _uploaded,
    "restore": _replaced,
    "disable": _replaced,
    "gap": _gap_judged,
    "promote": _promoted,
    "stopped": _stopped,
    "finish": _finished,
}
"""What each kind of event changes; the others change nothing."""

KINDS: Final = frozenset(_CHANGES)
"""The kinds of events that change a record."""


def project(connection: Connection, event: Event) -> None:
    """Brings the record of an event's credential up to date, in the transaction of the event."""
    if event.credential is None or event.kind not in KINDS:
        return
    known = _read(connection, event.credential)
    record = after(known or CredentialRecord(credential=event.credential), event)
    if known is None:
        connection.execute(insert(CREDENTIAL_RECORD).values(asdict(record)))
    elif record != known:
        this = CREDENTIAL_RECORD.c.credential == event.credential
        connection.execute(update(CREDENTIAL_RECORD).where(this).values(asdict(record)))


def credential_record(connection: Connection, credential: str) -> CredentialRecord:
    """What was last learnt of one; of one that the journal does not know, nothing."""
    return _read(connection, credential) or CredentialRecord(credential=credential)


def credential_records(connection: Connection) -> dict[str, CredentialRecord]:
    """What was last learnt of each credential that the journal knows."""
    rows = connection.execute(select(CREDENTIAL_RECORD))
    return {row.credential: CredentialRecord(**row._asdict()) for row in rows}


def _read(connection: Connection, credential: str) -> CredentialRecord | None:
    row = connection.execute(select(CREDENTIAL_RECORD).where(CREDENTIAL_RECORD.c.credential == credential)).first()
    return CredentialRecord(**row._asdict()) if row else None
