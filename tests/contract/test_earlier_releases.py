"""A database with history of an earlier release is brought up to date, and loses nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from sqlalchemy import column, insert, table

from rotator.history.alerts.alerts import AlertRecords
from rotator.history.engine import upgrades
from rotator.history.engine.database import open_database
from rotator.history.engine.tables import CERTIFICATE
from rotator.history.engine.times import UtcDateTime
from rotator.history.journal import queries
from rotator.history.journal.journal import Journal
from rotator.history.sightings import last_sightings
from tests.contract.databases import NEW_ALERT, NEW_ROTATION, NOW

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.history.engine.database import Database
    from tests.contract.databases import Kind

DAY = timedelta(days=1)


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
            alert, _ = AlertRecords(database).open(NEW_ALERT, NOW)
            AlertRecords(database).acknowledge(alert.id, actor="ada", reason="known", now=NOW)

            assert database.version == upgrades.known_versions()[-1]
            assert queries.events(database)[:2] == written
            assert queries.rotations(database)[0].outcome == "rotated"
            assert (queries.verify(database).events, queries.verify(database).intact) == (3, True)


def test_of_what_the_first_release_saw_it_is_known_what_was_replaced(database_kind: Kind) -> None:
    with database_kind.empty() as url:
        with open_database(url) as database:
            make_first_release(database)
            with database._transaction(reading=False) as connection:
                connection.execute(insert(CERTIFICATE), [seen_certificate("a"), seen_certificate("b")])
                connection.execute(insert(FIRST_SIGHTING), [seen_place("a", NOW, 1), seen_place("b", NOW + 2 * DAY, 3)])

        with open_database(url) as database:
            [last] = last_sightings(database)
            assert (last.certificate_fingerprint, last.gone_at) == ("b" * 64, None)
            places = {each.fingerprint[0]: each.places[0] for each in queries.certificates(database)}
            assert (places["a"].gone_at, places["b"].gone_at) == (NOW + 2 * DAY, None)


FIRST_SIGHTING = table(
    "sighting",
    *(column(name) for name in ("org", "app", "app_type", "certificate_fingerprint")),
    *(column(name, UtcDateTime) for name in ("first_seen", "last_seen")),
)
"""As the first release had it, without what nobody asks for here."""


def seen_certificate(letter: str) -> dict[str, Any]:
    names = ("subject", "issuer", "key_algorithm", "signature_algorithm")
    times = ("not_before", "not_after", "first_seen", "last_seen")
    known = {"fingerprint": letter * 64, "key_bits": 2048, "serial": "1"}
    return known | dict.fromkeys(names, "") | dict.fromkeys(times, NOW)


def seen_place(letter: str, first_seen: datetime, days: int) -> dict[str, Any]:
    place = {"org": "production", "app": "Billing", "app_type": "ConnectedApp", "certificate_fingerprint": letter * 64}
    return place | {"first_seen": first_seen, "last_seen": NOW + days * DAY}
