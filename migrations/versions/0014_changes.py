"""Which rows have changed, for those who keep some in memory; and indexes for what is looked up by its key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

# Whose rows are kept: the table, and what its rows are read again by.
KEPT = {
    "sighting": "org",
    "last_observation": "credential",
    "attempt": "name",
    "credential_record": "credential",
    "rotation": "credential",
    "alert": "id",
    "notification": "channel",
    "standstill": "key",
}

# A number that is higher than every other, in the transaction that changes the row: nobody else writes meanwhile.
NOTE = """
    INSERT INTO {change} (part, name, number)
    SELECT '{table}', {row}.{column}, (SELECT coalesce(max(number), 0) + 1 FROM {change}) WHERE {condition}
    ON CONFLICT (part, name) DO UPDATE SET number = excluded.number
"""

# With `max`, which is looked up in the index: `EXISTS (... sequence >= ...)` was answered by reading the whole table
# where the statistics were old or not there yet.
AT_THE_END = {
    "sqlite": """
        CREATE TRIGGER event_goes_at_the_end BEFORE INSERT ON event
        WHEN NEW.sequence <= (SELECT max(sequence) FROM event)
        BEGIN SELECT RAISE(ABORT, 'events are appended at the end only'); END
    """,
    "postgresql": """
        CREATE OR REPLACE FUNCTION event_goes_at_the_end() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE last bigint;
        BEGIN
            -- The table that the trigger is on, whatever the search path of the session is.
            EXECUTE format('SELECT max(sequence) FROM %I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME) INTO last;
            IF NEW.sequence <= last THEN RAISE EXCEPTION 'events are appended at the end only'; END IF;
            RETURN NEW;
        END $$
    """,
}

# As the owner of the tables: a role that works day by day may read the changes, and need not write them.
NOTE_ON_SERVER = """
    CREATE FUNCTION note_change_of_{table}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        -- The schema that the trigger's table is in, whatever the search path of the session is.
        note text := format(
            'INSERT INTO %1$I.change (part, name, number)'
            ' SELECT %2$L, $1, (SELECT coalesce(max(number), 0) + 1 FROM %1$I.change)'
            ' ON CONFLICT (part, name) DO UPDATE SET number = excluded.number', TG_TABLE_SCHEMA, '{table}');
    BEGIN
        IF TG_OP <> 'DELETE' THEN EXECUTE note USING NEW.{column}; END IF;
        IF TG_OP = 'DELETE' THEN EXECUTE note USING OLD.{column};
        ELSIF TG_OP = 'UPDATE' AND OLD.{column} <> NEW.{column} THEN EXECUTE note USING OLD.{column}; END IF;
        RETURN NULL;
    END $$
"""


GRANTS = """
    DO $$
    DECLARE reader text;
    BEGIN
        FOR reader IN
            SELECT DISTINCT grantee FROM information_schema.role_table_grants
            WHERE table_schema = current_schema() AND table_name = 'head' AND privilege_type = 'SELECT'
              AND grantee NOT IN (current_user, 'PUBLIC')
        LOOP
            EXECUTE format('GRANT SELECT ON change TO %I', reader);
        END LOOP;
    END $$
"""


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.create_table(
        "change",
        sa.Column("part", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("part", "name", name="pk_change"),
    )
    op.create_index("ix_change_number", "change", ["number"])
    _indexes()
    if op.get_context().dialect.name == "postgresql":
        _triggers_on_server()
    else:
        _triggers_in_file()


def _indexes() -> None:
    there = sa.text("gone_at IS NULL")
    op.create_index("ix_sighting_there", "sighting", ["org"], sqlite_where=there, postgresql_where=there)
    promoted = sa.text("kind = 'promote'")
    op.create_index(
        "ix_event_promotions", "event", ["credential", "sequence"], sqlite_where=promoted, postgresql_where=promoted
    )
    for column in ("old_fingerprint", "new_fingerprint"):
        op.create_index(f"ix_rotation_{column}", "rotation", [column])


def _triggers_in_file() -> None:
    op.execute("DROP TRIGGER event_goes_at_the_end")
    op.execute(AT_THE_END["sqlite"])
    for table, column in KEPT.items():
        noted = {
            "INSERT": [("NEW", "true")],
            "UPDATE": [("NEW", "true"), ("OLD", f"OLD.{column} <> NEW.{column}")],
            "DELETE": [("OLD", "true")],
        }
        for operation, rows in noted.items():
            notes = [
                NOTE.format(change="change", table=table, column=column, row=row, condition=condition)
                for row, condition in rows
            ]
            name = f"{table}_{operation.lower()}_noted"
            op.execute(f"CREATE TRIGGER {name} AFTER {operation} ON {table} BEGIN {'; '.join(notes)}; END")


def _triggers_on_server() -> None:
    op.execute(AT_THE_END["postgresql"])
    op.execute(GRANTS)
    for table, column in KEPT.items():
        op.execute(NOTE_ON_SERVER.format(table=table, column=column))
        op.execute(
            f"CREATE TRIGGER {table}_change_noted AFTER INSERT OR UPDATE OR DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION note_change_of_{table}()"
        )
