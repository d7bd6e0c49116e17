"""The program's own logins, and who uses each credential since its last promotion."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

# As those of 0014: a number that is higher than every other, for those who keep rows in memory.
NOTE = """
    INSERT INTO change (part, name, number)
    SELECT 'login_usage', {row}.credential, (SELECT coalesce(max(number), 0) + 1 FROM change) WHERE true
    ON CONFLICT (part, name) DO UPDATE SET number = excluded.number
"""

NOTE_ON_SERVER = """
    CREATE FUNCTION note_change_of_login_usage() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        -- The schema that the trigger's table is in, whatever the search path of the session is.
        note text := format(
            'INSERT INTO %1$I.change (part, name, number)'
            ' SELECT ''login_usage'', $1, (SELECT coalesce(max(number), 0) + 1 FROM %1$I.change)'
            ' ON CONFLICT (part, name) DO UPDATE SET number = excluded.number', TG_TABLE_SCHEMA);
    BEGIN
        IF TG_OP = 'DELETE' THEN EXECUTE note USING OLD.credential; ELSE EXECUTE note USING NEW.credential; END IF;
        RETURN NULL;
    END $$
"""

# Roles that work day by day, and those that read, have the rights that they have to `attempt`.
GRANTS = """
    DO $$
    DECLARE held record; made text;
    BEGIN
        FOREACH made IN ARRAY ARRAY['own_login', 'login_usage']
        LOOP
            FOR held IN
                SELECT DISTINCT grantee, privilege_type FROM information_schema.role_table_grants
                WHERE table_schema = current_schema() AND table_name = 'attempt'
                  AND privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
                  AND grantee NOT IN (current_user, 'PUBLIC')
            LOOP
                EXECUTE format('GRANT %s ON %I TO %I', held.privilege_type, made, held.grantee);
            END LOOP;
        END LOOP;
        FOR held IN
            SELECT DISTINCT grantee FROM information_schema.role_table_grants
            WHERE table_schema = current_schema() AND table_name = 'attempt' AND privilege_type = 'INSERT'
              AND grantee NOT IN (current_user, 'PUBLIC')
        LOOP
            EXECUTE format('GRANT USAGE ON SEQUENCE own_login_id_seq TO %I', held.grantee);
        END LOOP;
    END $$
"""


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.create_table(
        "own_login",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("org", sa.Text, nullable=False),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("app", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("is_accepted", sa.Boolean),
        sa.PrimaryKeyConstraint("id", name="pk_own_login"),
    )
    op.create_index("ix_own_login_org_username_at", "own_login", ["org", "username", "at"])
    op.create_index("ix_own_login_at", "own_login", ["at"])
    op.create_table(
        "login_usage",
        sa.Column("credential", sa.Text, nullable=False),
        sa.Column("promoted_at", TIME, nullable=False),
        sa.Column("looked_at", TIME),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("applications", sa.Text, nullable=False),
        sa.Column("sources", sa.Text, nullable=False),
        sa.Column("is_cut", sa.Boolean, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("credential", name="pk_login_usage"),
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute(GRANTS)
        op.execute(NOTE_ON_SERVER)
        op.execute(
            "CREATE TRIGGER login_usage_change_noted AFTER INSERT OR UPDATE OR DELETE ON login_usage"
            " FOR EACH ROW EXECUTE FUNCTION note_change_of_login_usage()"
        )
        return
    for operation, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        op.execute(
            f"CREATE TRIGGER login_usage_{operation.lower()}_noted AFTER {operation} ON login_usage"
            f" BEGIN {NOTE.format(row=row)}; END"
        )
