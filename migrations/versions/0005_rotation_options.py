"""The options of a rotation in one column, so that another option needs no column; `world` under a better name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

OPTIONS = """
    UPDATE rotation SET options = CASE
        WHEN keep_key AND retire_now THEN '{"keep_key": true, "retire_now": true}'
        WHEN keep_key THEN '{"keep_key": true}'
        WHEN retire_now THEN '{"retire_now": true}'
        ELSE '{}' END
"""

# From version 18 on Postgres keeps NOT NULL as a constraint with a name, which renaming a column leaves as it was.
NOT_NULL = sa.text("SELECT 1 FROM pg_constraint WHERE conname = 'attempt_world_not_null'")


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.add_column("rotation", sa.Column("options", sa.Text, nullable=False, server_default="{}"))
    op.execute(OPTIONS)
    op.drop_column("rotation", "keep_key")
    op.drop_column("rotation", "retire_now")
    op.execute("ALTER TABLE attempt RENAME COLUMN world TO circumstances")
    if op.get_bind().dialect.name == "postgresql" and op.get_bind().scalar(NOT_NULL):
        op.execute("ALTER TABLE attempt RENAME CONSTRAINT attempt_world_not_null TO attempt_circumstances_not_null")
