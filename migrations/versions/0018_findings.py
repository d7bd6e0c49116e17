"""What the daily audits found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

# As those of 0014: a number that is higher than every other, for those who keep rows in memory.
NOTE = """
    INSERT INTO change (part, name, number)
    SELECT 'finding', {row}.org, (SELECT coalesce(max(number), 0) + 1 FROM change) WHERE true
    ON CONFLICT (part, name) DO UPDATE SET number = excluded.number
"""

NOTE_ON_SERVER = """
    CREATE FUNCTION note_change_of_finding() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        -- The schema that the trigger's table is in, whatever the search path of the session is.
        note text := format(
            'INSERT INTO %1$I.change (part, name, number)'
            ' SELECT ''finding'', $1, (SELECT coalesce(max(number), 0) + 1 FROM %1$I.change)'
            ' ON CONFLICT (part, name) DO UPDATE SET number = excluded.number', TG_TABLE_SCHEMA);
    BEGIN
        IF TG_OP = 'DELETE' THEN EXECUTE note USING OLD.org; ELSE EXECUTE note USING NEW.org; END IF;
        RETURN NULL;
    END $$
"""

# Roles that work day by day, and those that read, have the rights that they have to `attempt`.
GRANTS = """
    DO $$
    DECLARE held record;
    BEGIN
        FOR held IN
            SELECT DISTINCT grantee, privilege_type FROM information_schema.role_table_grants
            WHERE table_schema = current_schema() AND table_name = 'attempt'
              AND privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
              AND grantee NOT IN (current_user, 'PUBLIC')
        LOOP
            EXECUTE format('GRANT %s ON finding TO %I', held.privilege_type, held.grantee);
        END LOOP;
    END $$
"""


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.create_table(
        "finding",
        sa.Column("org", sa.Text, nullable=False),
        sa.Column("credential", sa.Text, nullable=False),
        sa.Column("check_name", sa.Text, nullable=False),
        sa.Column("risk", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("seen", sa.Text, nullable=False),
        sa.Column("needs", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("until", TIME),
        sa.Column("since", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.Column("gone_at", TIME),
        sa.PrimaryKeyConstraint("org", "credential", "check_name", name="pk_finding"),
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute(GRANTS)
        op.execute(NOTE_ON_SERVER)
        op.execute(
            "CREATE TRIGGER finding_change_noted AFTER INSERT OR UPDATE OR DELETE ON finding"
            " FOR EACH ROW EXECUTE FUNCTION note_change_of_finding()"
        )
        return
    for operation, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        op.execute(
            f"CREATE TRIGGER finding_{operation.lower()}_noted AFTER {operation} ON finding"
            f" BEGIN {NOTE.format(row=row)}; END"
        )
