"""What an org showed is forgotten in time: an alert that goes leaves no note, and whoever writes may delete."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"

# An alert that is deleted has ended long ago, and nobody keeps it in memory. The highest number stays, as the next one
# counts from it.
FORGET = """
    DELETE FROM {change} WHERE part = 'alert' AND name = OLD.id AND number < (SELECT max(number) FROM {change})
"""

FORGET_ON_SERVER = """
    CREATE FUNCTION forget_change_of_alert() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        forget text := format(
            'DELETE FROM %1$I.change WHERE part = ''alert'' AND name = $1'
            ' AND number < (SELECT max(number) FROM %1$I.change)', TG_TABLE_SCHEMA);
    BEGIN
        EXECUTE forget USING OLD.id;
        RETURN NULL;
    END $$
"""

GRANTS = """
    DO $$
    DECLARE writer record;
    BEGIN
        FOR writer IN
            SELECT DISTINCT grantee, table_name FROM information_schema.role_table_grants
            WHERE table_schema = current_schema() AND table_name IN ('alert', 'certificate', 'sighting')
              AND privilege_type = 'UPDATE' AND grantee NOT IN (current_user, 'PUBLIC')
        LOOP
            EXECUTE format('GRANT DELETE ON %I TO %I', writer.table_name, writer.grantee);
        END LOOP;
    END $$
"""


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(GRANTS)
        op.execute("DROP TRIGGER alert_change_noted ON alert")
        op.execute(
            "CREATE TRIGGER alert_change_noted AFTER INSERT OR UPDATE ON alert"
            " FOR EACH ROW EXECUTE FUNCTION note_change_of_alert()"
        )
        op.execute(FORGET_ON_SERVER)
        op.execute(
            "CREATE TRIGGER alert_change_forgotten AFTER DELETE ON alert"
            " FOR EACH ROW EXECUTE FUNCTION forget_change_of_alert()"
        )
    else:
        op.execute("DROP TRIGGER alert_delete_noted")
        op.execute(
            f"CREATE TRIGGER alert_change_forgotten AFTER DELETE ON alert BEGIN {FORGET.format(change='change')}; END"
        )
