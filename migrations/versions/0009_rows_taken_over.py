"""What rows were that follow from events, where the events so far do not say it: in an event for each.

From here on the rows are compared with the events (`rotator.history.journal.verification`). Those that an earlier
release wrote otherwise are taken over as they stand.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
ALWAYS_SAID = ("credential", "org", "strategy", "trigger", "actor")
SAID_AT_THE_BEGINNING = (*ALWAYS_SAID, "uid", "login_uid", "replaces", "brings_back")
SAID_AT_THE_END = ("outcome", "old_fingerprint", "new_fingerprint", "gap_seconds")
OPTIONS = ("keep_key", "retire_now", "replace_unknown")
SILENCES = ("acknowledged_at", "acknowledged_by", "acknowledged_why", "snoozed_until", "snoozed_by", "snoozed_why")

Row = dict[str, Any]


def table_of(name: str, *columns: str) -> sa.TableClause:
    """The columns that are written, times by their type."""
    return sa.table(name, *(sa.column(each, TIME) if each == "time" else sa.column(each) for each in columns))


EVENT = table_of("event", "sequence", "time", "kind", "credential", "rotation_id", "details", "previous_hash", "hash")
HEAD = table_of("head", "events", "hash")


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    begun, ended = said_of_rotations()
    for row in rows_of("rotation"):
        if not is_said(row, begun.get(row["id"]), ended.get(row["id"])):
            append(row["credential"], row["id"], {"table": "rotation", "row": row})
    for row in rows_of("credential_record"):
        append(row["credential"], None, {"table": "credential_record", "row": row})
    for row in rows_of("alert"):
        silences = {name: row[name] for name in SILENCES if row[name] is not None}
        if silences:
            append(row["credential"], None, {"table": "alert", "row": {"id": row["id"], **silences}})


def said_of_rotations() -> tuple[dict[str, Row], dict[str, Row]]:
    """The details of the events that began and ended each rotation, with the time."""
    found: dict[str, dict[str, Row]] = {"begin": {}, "finish": {}}
    events = sa.select(EVENT.c.kind, EVENT.c.rotation_id, EVENT.c.time, EVENT.c.details).order_by(EVENT.c.sequence)
    for event in op.get_bind().execute(events.where(EVENT.c.kind.in_(found))):
        found[event.kind][event.rotation_id] = json.loads(event.details) | {"time": as_text(event.time)}
    return found["begin"], found["finish"]


def is_said(row: Row, begin: Row | None, finish: Row | None) -> bool:
    """Whether a rotation is what the events say of it."""
    if begin is None or any(name not in begin for name in ALWAYS_SAID):
        return False
    end = finish or {}
    said: Row = {name: begin.get(name) for name in SAID_AT_THE_BEGINNING}
    said |= {name: begin.get(name, "") for name in ("reason", "login_name", "claimed_name")}
    said |= {name: end.get(name) for name in SAID_AT_THE_END}
    said |= {"goal": begin.get("goal", "replace"), "why": end.get("why", ""), "id": row["id"]}
    said |= {"options": {name: True for name in OPTIONS if begin.get(name) is True}}
    return said | {"started_at": begin["time"], "finished_at": end.get("time")} == row


def rows_of(name: str) -> list[Row]:
    """The rows as JSON can hold them."""
    rows = op.get_bind().execute(sa.select(sa.text("*")).select_from(sa.table(name)))
    found = [{column: as_text(value) for column, value in row._asdict().items()} for row in rows]
    for row in found:
        if name == "rotation":
            row["options"] = json.loads(row["options"])
        if name == "credential_record":
            row["is_refusal_certain"] = bool(row["is_refusal_certain"])
    return found


def as_text(value: Any) -> Any:
    """Of a time the text that SQLite holds."""
    if not isinstance(value, datetime):
        return value
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def append(credential: str | None, rotation_id: str | None, details: Row) -> None:
    """Writes an event at the end of the chain, as it is written since the first release."""
    connection = op.get_bind()
    head = connection.execute(sa.select(HEAD)).one()
    sequence, now, text = head.events + 1, datetime.now(UTC), canonical(details)
    entry = ["rotator event 1", sequence, as_text(now), "taken_over", credential, rotation_id, text, head.hash]
    written = hashlib.sha256(canonical(entry).encode("ascii")).hexdigest()
    values = {"sequence": sequence, "time": now if connection.dialect.name != "sqlite" else as_text(now)}
    values |= {"kind": "taken_over", "credential": credential, "rotation_id": rotation_id, "details": text}
    connection.execute(sa.insert(EVENT).values(**values, previous_hash=head.hash, hash=written))
    connection.execute(sa.update(HEAD).values(events=sequence, hash=written))


def canonical(value: object) -> str:
    """JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
