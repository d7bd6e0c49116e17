"""The schema beside the history that several machines share, and bringing it to this release's version.

It has Procrastinate's own tables and functions, and ours (`rotator.queue.queue_tables`). It is apart from the history's
schema, so that a release that knows nothing of it works on the same database, and so that neither's migrations see the
other's tables. A later version of it is used as it is: a release only adds to it what the one before can do without.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from rotator.errors import NOTHING_CHANGED, HistoryError
from rotator.history.engine import upgrades
from rotator.history.locks.turns import jobs_schema as beside
from rotator.queue.queue_tables import JOBS

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

_SCHEMA: Final = text("SELECT current_schema()")
_EXISTS: Final = text("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = :schema)")
_MAY_CREATE: Final = text("SELECT has_database_privilege(current_database(), 'CREATE'), current_user")
_USE: Final = text("SELECT set_config('search_path', quote_ident(:schema), true)")
_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(1919906931, 2)")


def jobs_schema(connection: Connection) -> str:
    """The name of the jobs schema, by a connection that finds the history's tables."""
    return beside(connection.scalar(_SCHEMA))


def in_jobs_schema(connection: Connection) -> Connection:
    """The connection, on which the tables of `rotator.queue.queue_tables` are those of the jobs schema."""
    return in_schema(connection, jobs_schema(connection))


def in_schema(connection: Connection, schema: str) -> Connection:
    """The same, where the name of the jobs schema is known already."""
    return connection.execution_options(schema_translate_map={JOBS: schema})


def is_current(connection: Connection, schema: str) -> bool:
    """Whether the schema is there, with all that this release needs."""
    if not connection.scalar(_EXISTS, {"schema": schema}):
        return False
    connection.execute(_USE, {"schema": schema})
    version, known = upgrades.version_of(connection), upgrades.known_versions(_migrations())
    return version is not None and (version == known[-1] or version not in known)


def upgrade(connection: Connection, schema: str, name: str) -> None:
    """Makes the schema and brings it to this release's version, in the connection's transaction.

    Safe when many machines start at once. `name` is the database's, for errors. Raises HistoryError where the role may
    not make a schema and nobody has made it yet.
    """
    connection.execute(_ONE_AT_A_TIME)
    if is_current(connection, schema):
        return
    if not connection.scalar(_EXISTS, {"schema": schema}):
        _create(connection, schema, name)
    connection.execute(_USE, {"schema": schema})
    upgrades.migrate(connection, _migrations())


def bring_procrastinate_up(connection: Connection) -> None:
    """Brings Procrastinate's tables to what the installed package wants: all of them, or what is newer than they are.

    The package has one file for a new schema, and numbered ones for each change since, and does not note which were
    applied. So it is noted here, in a table, by the name of the last. A revision that goes with a newer package calls
    this again.
    """
    sql = files("procrastinate") / "sql"
    changes = sorted(file.name for file in (sql / "migrations").iterdir() if file.name.endswith(".sql"))
    _run(connection, "CREATE TABLE IF NOT EXISTS procrastinate_level (change text PRIMARY KEY)")
    level = connection.scalar(text("SELECT max(change) FROM procrastinate_level"))
    if level is None:
        _run(connection, (sql / "schema.sql").read_text("utf-8"))
    for change in changes:
        if level is not None and change > level:
            _run(connection, (sql / "migrations" / change).read_text("utf-8"))
    connection.execute(
        text("INSERT INTO procrastinate_level VALUES (:last) ON CONFLICT DO NOTHING"), {"last": changes[-1]}
    )


def _run(connection: Connection, statements: str) -> None:
    """As they are: with parameters, one statement alone could be sent, and `%` would mean something."""
    connection.execution_options(no_parameters=True).exec_driver_sql(statements)


def _create(connection: Connection, schema: str, name: str) -> None:
    quote = connection.dialect.identifier_preparer.quote
    may_create, role = connection.execute(_MAY_CREATE).one()
    statement = f"CREATE SCHEMA {quote(schema)} AUTHORIZATION {quote(role)}"
    if not may_create:
        raise HistoryError(
            f"The role {role} may not make the schema {schema} in {name}, in which several machines share their work.",
            effect=NOTHING_CHANGED,
            hint=f"Have the owner of the database run `{statement};`, and start this again.",
        )
    connection.execute(text(statement))


def _migrations() -> Path:
    return upgrades.migrations_folder() / "machines"
