"""Whether a role can share the work of several machines: the server is asked, and nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from rotator.core import words
from rotator.errors import NOTHING_CHANGED, HistoryError
from rotator.queue.jobs_schema import jobs_schema

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

_MAY: Final = text("""
    SELECT current_user AS role, has_database_privilege(current_database(), 'CREATE') AS may_create,
        (SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = :schema) AS may_use
""")

# Of the tables that say which version the schema has, the first use reads alone.
_LACKING: Final = text("""
    SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = :schema AND relkind = 'r' AND relname NOT IN ('alembic_version', 'procrastinate_level') AND NOT (
        has_table_privilege(pg_class.oid, 'SELECT') AND has_table_privilege(pg_class.oid, 'INSERT')
        AND has_table_privilege(pg_class.oid, 'UPDATE') AND has_table_privilege(pg_class.oid, 'DELETE'))
    ORDER BY relname
""")


def checked_rights(database: Database) -> str:
    """That this role can share the work of several machines, in a sentence. Raises HistoryError where it cannot."""
    if not database.is_shared:
        return "There is no history yet that machines could share."
    with database.reading() as connection:
        schema = jobs_schema(connection)
        may = connection.execute(_MAY, {"schema": schema}).one()
        lacking = connection.scalars(_LACKING, {"schema": schema}).all()
    if may.may_use is None and may.may_create:
        return f"Several machines can share it: the first `rotator run` makes the schema {schema} beside it."
    if may.may_use and not lacking:
        return f"Several machines can share it, by the schema {schema} beside it."
    what = words.listed([f"the table {name}" for name in lacking] if may.may_use else [f"the schema {schema}"])
    verb = "make" if may.may_use is None else "use"
    raise HistoryError(
        f"The role {may.role} may not {verb} {what}, by which `rotator run` has the work done.",
        effect=NOTHING_CHANGED,
        hint=f"Have the owner of the database run `rotator db upgrade`, and give the role its rights in {schema}.",
    )
