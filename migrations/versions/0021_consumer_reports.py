"""What consumers say that they log in with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

# As those of 0014: a number that is higher than every other, for those who keep rows in memory.
NOTE = """
    INSERT INTO change (part, name, number)
    SELECT 'consumer_report', {row}.credential, (SELECT coalesce(max(number), 0) + 1 FROM change) WHERE true
    ON CONFLICT (part, name) DO UPDATE SET number = excluded.number
"""

NOTE_ON_SERVER = """
    CREATE FUNCTION note_change_of_consumer_report() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        -- The schema that the trigger's table is in, whatever the search path of the session is.
        note text := format(
            'INSERT INTO %1$I.change (part, name, number)'
            ' SELECT ''consumer_report'', $1, (SELECT coalesce(max(number), 0) + 1 FROM %1$I.change)'
            ' ON CONFLICT (part, name) DO UPDATE SET number = excluded.number', TG_TABLE_SCHEMA);
    BEGIN
        IF TG_OP = 'DELETE' THEN EXECUTE note USING OLD.credential; ELSE EXECUTE note USING NEW.credential; END IF;
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
            EXECUTE format('GRANT %s ON consumer_report TO %I', held.privilege_type, held.grantee);
        END LOOP;
    END $$
"""


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.create_table(
        "consumer_report",
        sa.Column("credential", sa.Text, nullable=False),
        sa.Column("consumer", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("logged_in_at", TIME, nullable=False),
        sa.Column("noted_at", TIME, nullable=False),
        sa.Column("via", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("credential", "consumer", name="pk_consumer_report"),
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute(GRANTS)
        op.execute(NOTE_ON_SERVER)
        op.execute(
            "CREATE TRIGGER consumer_report_change_noted AFTER INSERT OR UPDATE OR DELETE ON consumer_report"
            " FOR EACH ROW EXECUTE FUNCTION note_change_of_consumer_report()"
        )
        return
    for operation, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        op.execute(
            f"CREATE TRIGGER consumer_report_{operation.lower()}_noted AFTER {operation} ON consumer_report"
            f" BEGIN {NOTE.format(row=row)}; END"
        )
