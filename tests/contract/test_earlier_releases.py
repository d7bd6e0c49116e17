"""A database with history of an earlier release is brought up to date, and loses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

from rotator.history import queries, upgrades
from rotator.history.database import open_database
from rotator.history.journal import Journal
from rotator.history.matters import Matters
from tests.contract.databases import NEW_MATTER, NEW_ROTATION, NOW

if TYPE_CHECKING:
    from rotator.history.database import Database
    from tests.contract.databases import Kind


def make_first_release(database: Database) -> None:
    """Makes the tables as the first release had them."""
    with database._transaction(reading=False) as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(upgrades.migrations_folder()))
        command.upgrade(config, "0001")


def test_the_history_of_the_first_release_is_kept(database_kind: Kind) -> None:
    with database_kind.empty() as url:
        with open_database(url) as database:
            make_first_release(database)
            # The tables that an earlier release wrote are as they were then.
            database._current = True
            journal = Journal(database)
            rotation = journal.begin_rotation(NEW_ROTATION, NOW)
            journal.finish_rotation(rotation.id, outcome="rotated", now=NOW)
            written = queries.events(database)

        with open_database(url) as database:
            matter, _ = Matters(database).open(NEW_MATTER, NOW)
            Matters(database).acknowledge(matter.id, actor="ada", reason="known", now=NOW)

            assert database.version == upgrades.known_versions()[-1]
            assert queries.events(database)[:2] == written
            assert queries.rotations(database)[0].outcome == "rotated"
            assert (queries.verify(database).events, queries.verify(database).intact) == (3, True)
