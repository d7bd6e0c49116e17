"""Bringing a database's tables to this release's, by the Alembic migrations that it carries."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, String, column, inspect, select, table

import rotator
from rotator.errors import NOTHING_CHANGED, HistoryError
from rotator.resources import resource

if TYPE_CHECKING:
    from collections.abc import Sequence

# Alembic's own table (Alembic, "The Migration Environment").
_VERSION: Final = table("alembic_version", column("version_num", String))

# Alembic's `op` and `context` belong to the process, not to a thread.
_ONE_AT_A_TIME: Final = threading.Lock()


def migrations_folder() -> Path:
    """Where the migrations are. Raises HistoryError when the installation lacks them."""
    folder = resource("migrations")
    if folder is None:
        raise HistoryError(
            f"This installation of rotator in {Path(rotator.__file__).parent} lacks its database migrations.",
            effect=NOTHING_CHANGED,
            hint="Install rotator again.",
        )
    return folder


def known_versions(folder: Path | None = None) -> Sequence[str]:
    """Every version that this release knows, oldest first. Read from the files' names: importing Alembic takes time."""
    versions = (folder or migrations_folder()) / "versions"
    return sorted(file.name.partition("_")[0] for file in versions.glob("[0-9]*_*.py"))


def version_of(connection: Connection) -> str | None:
    """The version of the tables, None in an empty database."""
    if not inspect(connection).has_table(_VERSION.name):
        return None
    version: str | None = connection.scalar(select(_VERSION.c.version_num))
    return version


def is_empty(connection: Connection) -> bool:
    """Whether the database has no table, neither of rotator's nor of another program's."""
    return not inspect(connection).get_table_names()


def is_current(version: str | None, name: str) -> bool:
    """Whether a database of this version can be used as it is.

    Raises HistoryError when the version is a later release's. `name` is the database's, for the error.
    """
    known = known_versions()
    if version is not None and version not in known:
        raise HistoryError(
            f"The history database {name} has version {version}; this release of rotator knows none after {known[-1]}.",
            effect=NOTHING_CHANGED,
            hint="Install the newer release of rotator that was used with it, or set `database` to another one.",
        )
    return version == known[-1]


def apply(connection: Connection, name: str) -> None:
    """Applies the migrations that are missing, in the connection's transaction, in which nobody else may write.

    Raises HistoryError for a database of a later release or of another program.
    """
    version = version_of(connection)
    if is_current(version, name):
        return
    if version is None and not is_empty(connection):
        raise HistoryError(
            f"The database {name} is another program's: it has tables, and none of rotator's.",
            effect=NOTHING_CHANGED,
            hint="Set `database` in config.yaml to one of its own.",
        )
    migrate(connection, migrations_folder())


def migrate(connection: Connection, folder: Path) -> None:
    """Applies the migrations of a folder that are missing, in the connection's transaction."""
    from alembic import command  # noqa: PLC0415 - slow, and needed once in a database's life
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    if connection.dialect.name == "postgresql":
        # A large table is changed in one statement, and what a session is allowed otherwise would end it each time.
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    with _ONE_AT_A_TIME:
        command.upgrade(config, "head")
