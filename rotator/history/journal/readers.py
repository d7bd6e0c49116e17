"""Rows of the journal as records. Of a rotation or a credential whose row cannot be read its events tell the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from rotator.core.lifecycle.revocation import Revocation
from rotator.history.engine.row_reading import RowReader, columns_of
from rotator.history.engine.tables import CREDENTIAL_RECORD, EVENT, HEAD, ROTATION
from rotator.history.journal.chain import read_details
from rotator.history.journal.derived_rows import TAKEN_OVER, ExpectedRows, rotation_after
from rotator.history.journal.projection import CredentialRecord
from rotator.history.records import Event, Rotation

if TYPE_CHECKING:
    from sqlalchemy import Connection

_OF_ROTATIONS: Final = frozenset({"begin", "finish", TAKEN_OVER})


def rotation_by_events(connection: Connection, rotation_id: str) -> Rotation | None:
    """A rotation as its events say; None where they do not say all of it. Raises HistoryError."""
    query = select(EVENT).where(EVENT.c.rotation_id == rotation_id, EVENT.c.kind.in_(_OF_ROTATIONS))
    said: Rotation | None = None
    for event in EVENTS.read(connection, query.order_by(EVENT.c.sequence)):
        said = rotation_after(said, event)
    return said


def credential_by_events(connection: Connection, credential: str, *, before: int | None = None) -> CredentialRecord:
    """What the events of a credential come to, those `before` a sequence number where it is given."""
    query = select(EVENT).where(EVENT.c.credential == credential).order_by(EVENT.c.sequence)
    expected = ExpectedRows()
    for event in EVENTS.read(connection, query if before is None else query.where(EVENT.c.sequence < before)):
        expected.add(event)
    return expected.credentials.get(credential) or CredentialRecord(credential=credential)


def _rotation(connection: Connection, values: dict[str, Any]) -> Rotation | None:
    return rotation_by_events(connection, values["id"]) if "id" in values else None


def _credential(connection: Connection, values: dict[str, Any]) -> CredentialRecord | None:
    return credential_by_events(connection, values["credential"]) if "credential" in values else None


def _revocation(text: str) -> str:
    """The text itself. Raises ValueError where it is no record of a revocation."""
    Revocation.from_text(text)
    return text


EVENTS: Final = RowReader(columns_of(EVENT), lambda values: Event(**values), parse={"details": read_details})
ROTATIONS: Final = RowReader(columns_of(ROTATION), lambda values: Rotation(**values), instead=_rotation)
CREDENTIALS: Final = RowReader(
    columns_of(CREDENTIAL_RECORD),
    lambda values: CredentialRecord(**values),
    parse={"revocation": _revocation},
    instead=_credential,
)
HEADS: Final = RowReader(columns_of(HEAD), lambda values: (int(values["events"]), str(values["hash"])))
