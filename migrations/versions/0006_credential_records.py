"""What was last learnt of each credential, in one row; filled with what the journal so far has of open gaps."""

from __future__ import annotations

import json
from collections import defaultdict

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

FINGERPRINT = sa.String(64)
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

EVENT = sa.table("event", *map(sa.column, ("sequence", "time", "kind", "credential", "details")))
CLOSES_GAP = {"rotated", "restored", "reverted"}


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    table = op.create_table(
        "credential_record",
        sa.Column("credential", sa.Text, nullable=False),
        sa.Column("tried_at", TIME),
        sa.Column("tried_version", FINGERPRINT),
        sa.Column("tried_outcome", sa.Text),
        sa.Column("tried_answer", sa.Text, nullable=False),
        sa.Column("tried_by", sa.Text, nullable=False),
        sa.Column("accepted_at", TIME),
        sa.Column("refused_since", TIME),
        sa.Column("is_refusal_certain", sa.Boolean, nullable=False),
        sa.Column("halted_at", TIME),
        sa.Column("halt", sa.Text, nullable=False),
        sa.Column("halted_why", sa.Text, nullable=False),
        sa.Column("unproven_app", sa.Text),
        sa.Column("unproven_version", FINGERPRINT),
        sa.PrimaryKeyConstraint("credential", name="pk_credential_record"),
    )
    rows = _rows()
    if rows:
        op.bulk_insert(table, rows)


def _rows() -> list[dict[str, object]]:
    """A promotion is a proof; an upload that opened a gap leaves it open until a rotation has ended well."""
    found: dict[str, dict[str, object]] = defaultdict(dict)
    events = op.get_bind().execute(sa.select(EVENT).order_by(EVENT.c.sequence))
    for event in events:
        if event.credential is None:
            continue
        row, details = found[event.credential], json.loads(event.details)
        if details.get("succeeded") is False:
            continue
        if details.get("opens_gap"):
            row.update(refused_since=event.time, is_refusal_certain=False)
        elif event.kind == "upload" and row.get("refused_since"):
            row.update(is_refusal_certain=True)
        elif event.kind == "promote":
            row.update(refused_since=None, accepted_at=event.time, tried_at=event.time, tried_outcome="accepted")
            row.update(tried_version=details.get("version"))
        elif event.kind == "finish" and details.get("outcome") in CLOSES_GAP:
            row.update(refused_since=None)
    empty = {
        **dict.fromkeys(("tried_at", "tried_version", "tried_outcome", "accepted_at", "refused_since", "halted_at")),
        **dict.fromkeys(("unproven_app", "unproven_version")),
        **dict.fromkeys(("tried_answer", "tried_by", "halt", "halted_why"), ""),
        "is_refusal_certain": False,
    }
    return [{"credential": name, **empty, **row} for name, row in found.items() if row]
