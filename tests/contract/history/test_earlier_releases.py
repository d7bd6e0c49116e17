"""A database of an earlier release is brought up to date with everything in it, whichever release it was."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from sqlalchemy import Inspector, column, insert, inspect, table, text

from rotator.core.actor import Actor
from rotator.core.alert import Alert
from rotator.core.attempts import AttemptRecord
from rotator.core.decision.options import NO_OPTIONS, RotationOptions
from rotator.core.severity import Severity
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import Notification, Outbox
from rotator.history.attempt_records import AttemptRecords
from rotator.history.engine import upgrades
from rotator.history.engine.database import open_database
from rotator.history.engine.tables import CERTIFICATE, METADATA
from rotator.history.engine.times import UtcDateTime
from rotator.history.journal import events as journal_events
from rotator.history.journal import queries, verification
from rotator.history.journal.journal import Journal
from rotator.history.sightings import last_sightings, sightings_of
from rotator.history.standstills import Standstills
from tests.contract.history.databases import NEW_ALERT, NOW, SQLITE_FIRST, make_release
from tests.tiers import first_standard, standard_first

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import TableClause

    from rotator.history.engine.database import Database
    from tests.contract.history.databases import Kind

DAY = timedelta(days=1)
RELEASES = upgrades.known_versions()[:-1]
FORMER_WORDS = ("matter", "notice", "trial", "world", "keep_key", "retire_now")
WITH_FORMER_NAMES = [release for release in RELEASES if "0002" <= release < "0004"]
WITH_COLUMNS_OF_OPTIONS = [release for release in RELEASES if release < "0005"]


def columns_of(name: str, plain: str, times: str) -> TableClause:
    """A table of an earlier release, in the columns that a test writes."""
    return table(name, *map(column, plain.split()), *(column(each, UtcDateTime) for each in times.split()))


ROTATION = columns_of(
    "rotation",
    "id credential org strategy trigger actor reason goal keep_key retire_now outcome why",
    "started_at finished_at",
)
ROTATION_WITH_OPTIONS = columns_of(
    "rotation",
    "id credential org strategy trigger actor reason goal options outcome why",
    "started_at finished_at",
)
SIGHTING = columns_of("sighting", "org app app_type certificate_fingerprint", "first_seen last_seen")
MATTER = columns_of(
    "matter",
    "id key kind severity title text org app credential fingerprint facts closed_why acknowledged_by acknowledged_why",
    "not_after opened_at acknowledged_at",
)
NOTICE = columns_of("notice", "matter_id step channel attempts receipt problem", "owed_at tried_at next_at told_at")
TRIAL = columns_of(
    "trial", "kind name failures lasting needs_attention problem advice world", "last_at last_good_at next_at"
)


@pytest.mark.parametrize("release", first_standard(WITH_COLUMNS_OF_OPTIONS))
def test_the_history_of_an_earlier_release_is_kept(database_kind: Kind, release: str) -> None:
    with database_kind.empty() as url:
        with open_database(url) as database:
            make_release(database, release)
            if release in WITH_COLUMNS_OF_OPTIONS:
                fill(database, ROTATION, [ROTATED])
            else:
                options = {name: value for name, value in ROTATED.items() if name not in {"keep_key", "retire_now"}}
                fill(database, ROTATION_WITH_OPTIONS, [options | {"options": "{}"}])
            # The events are as they were in the first release, which made no records of credentials from them.
            database._current = True
            with patch.object(journal_events, "project"):
                written = [
                    Journal(database).record(kind, now=NOW, credential="billing", rotation_id=ROTATED["id"], **details)
                    for kind, details in (("begin", {}), ("upload_begins", {"opens_gap": True}), ("upload", {}))
                ]

        with open_database(url) as database:
            alert, _ = AlertRecords(database).open(NEW_ALERT, NOW)
            AlertRecords(database).acknowledge(alert.id, actor=Actor("ada"), reason="known", now=NOW)

            assert database.version == upgrades.known_versions()[-1]
            assert queries.events(database)[:3] == written
            [rotation] = queries.rotations(database)
            assert (rotation.id, rotation.outcome, rotation.finished_at) == (ROTATED["id"], "rotated", NOW + DAY)
            proven = verification.verify(database)
            assert (proven.events, proven.intact, proven.taken_over) == (6, True, 2), "the rotation, and its record"
            known = Journal(database).credential_record("billing")
            assert (known.refused_since, known.is_refusal_certain) == (NOW, True), "an open gap goes on"


@SQLITE_FIRST
@pytest.mark.parametrize("release", standard_first(RELEASES, [RELEASES[0], RELEASES[-1]]))
def test_everything_has_the_name_that_this_release_gives_it(database_kind: Kind, release: str) -> None:
    with database_kind.empty() as url, open_database(url) as database:
        make_release(database, release)
        database.upgrade()
        with database.reading() as connection:
            found = inspect(connection)
            for each in METADATA.tables.values():
                constraints = {str(constraint.name) for constraint in each.constraints}
                assert names_in(found, each.name) == constraints | {str(index.name) for index in each.indexes}
            catalog = (
                "SELECT name FROM sqlite_master UNION SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
                if connection.dialect.name == "sqlite"
                else "SELECT CAST(relname AS text) FROM pg_class UNION SELECT CAST(conname AS text) FROM pg_constraint"
            )
            names = connection.scalars(text(catalog)).all()
    assert "alert" in names
    assert [name for name in names if any(word in name for word in FORMER_WORDS)] == []


@SQLITE_FIRST
@pytest.mark.parametrize("release", first_standard(WITH_COLUMNS_OF_OPTIONS))
def test_a_rotation_that_was_interrupted_goes_on_as_it_was_asked_for(database_kind: Kind, release: str) -> None:
    asked = [
        NO_OPTIONS,
        RotationOptions(keep_key=True),
        RotationOptions(retire_now=True),
        RotationOptions(keep_key=True, retire_now=True),
    ]
    with database_kind.empty() as url:
        with open_database(url) as database:
            make_release(database, release)
            for number, options in enumerate(asked):
                columns = {"keep_key": options.keep_key, "retire_now": options.retire_now}
                begun = ROTATED | {"id": str(number), "credential": str(number), "outcome": None, "finished_at": None}
                fill(database, ROTATION, [begun | columns])

        with open_database(url) as database:
            rotations = [Journal(database).open_rotation(str(number)) for number in range(len(asked))]
            assert [rotation and rotation.options for rotation in rotations] == asked
            assert verification.verify(database).intact


WITHOUT_STARTS = [release for release in RELEASES if "0005" <= release < "0013"]
"""Those that knew attempts, and not when a service had started; 0013 took theirs over by its migration."""


@SQLITE_FIRST
@pytest.mark.parametrize("release", standard_first(WITHOUT_STARTS, [WITHOUT_STARTS[0], WITHOUT_STARTS[-1]]))
@pytest.mark.parametrize("has_run", [True, False])
def test_a_service_that_was_here_before_is_not_new(database_kind: Kind, release: str, has_run: bool) -> None:
    attempt = columns_of(
        "attempt", "kind name failures lasting needs_attention problem hint circumstances", "last_at last_good_at"
    )
    row = {"kind": "look", "name": "production", "failures": 0, "lasting": 0, "needs_attention": False}
    with database_kind.empty() as url, open_database(url) as database:
        make_release(database, release)
        texts = dict.fromkeys(("problem", "hint", "circumstances"), "")
        fill(database, attempt, [row | texts | {"last_at": NOW, "last_good_at": NOW}] if has_run else [])
        database.upgrade()
        started = Standstills(database).first_start(Actor("rotator on host7"), NOW + DAY)
        assert (started.since, started.until) == ((NOW, NOW) if has_run else (NOW + DAY, None))


def names_in(found: Inspector, name: str) -> set[str]:
    constraints = [found.get_pk_constraint(name), *found.get_foreign_keys(name), *found.get_unique_constraints(name)]
    indexes = [index for index in found.get_indexes(name) if not index.get("duplicates_constraint")]
    return {str(each["name"]) for each in (*constraints, *indexes)}


@SQLITE_FIRST
@pytest.mark.parametrize("release", WITH_FORMER_NAMES)
def test_alerts_keep_what_was_sent_of_them_and_what_is_still_to_be_sent(database_kind: Kind, release: str) -> None:
    with database_kind.empty() as url:
        with open_database(url) as database:
            make_release(database, release)
            fill(database, MATTER, [EXPIRY, STORE, CHANNEL])
            fill(database, NOTICE, [TOLD, OWED])

        with open_database(url) as database:
            alerts, outbox = AlertRecords(database), Outbox(database)
            assert alerts.get("20261123-aaaaaaaa") == Alert(
                id="20261123-aaaaaaaa",
                key="expiry:production/ConnectedApp/Billing/abc",
                kind="expiry",
                severity=Severity.WARNING,
                title="It expires",
                text="Replace it.",
                org="production",
                app="Billing",
                type="ConnectedApp",
                credential="billing",
                fingerprint="a" * 64,
                not_after=NOW + 9 * DAY,
                facts={"Type": "ConnectedApp"},
                opened_at=NOW,
                acknowledged_at=NOW + DAY,
                acknowledged_by="ada",
                acknowledged_why="known",
            )
            assert (alerts.get("20261123-bbbbbbbb").store, alerts.get("20261123-cccccccc").channel) == ("keys", "ops")

            delivered, pending = outbox.notifications("20261123-aaaaaaaa")
            assert delivered == Notification(
                id=delivered.id,
                alert_id="20261123-aaaaaaaa",
                step="14d",
                channel="ops",
                queued_at=NOW,
                attempts=2,
                tried_at=NOW + DAY,
                delivered_at=NOW + DAY,
                thread="1700000000.000100",
            )
            assert (pending.problem, pending.next_at, outbox.pending()) == ("HTTP 500", NOW + DAY, {"mail": 1})
            assert outbox.thread("20261123-aaaaaaaa", "ops") == "1700000000.000100"
            assert not outbox.add("20261123-aaaaaaaa", "14d", "ops", NOW)
            assert outbox.add("20261123-aaaaaaaa", "7d", "ops", NOW)
            assert len({each.id for each in outbox.notifications("20261123-aaaaaaaa")}) == 3
            proven = verification.verify(database)
            assert (proven.intact, proven.taken_over) == (True, 1), "that the alert was acknowledged"


@SQLITE_FIRST
@pytest.mark.parametrize("release", WITH_FORMER_NAMES)
def test_what_failed_is_left_alone_as_long_as_before(database_kind: Kind, release: str) -> None:
    with database_kind.empty() as url:
        with open_database(url) as database:
            make_release(database, release)
            fill(database, TRIAL, [FAILING])

        with open_database(url) as database:
            assert AttemptRecords(database).all() == [
                AttemptRecord(
                    "rotate",
                    "billing",
                    last_at=NOW,
                    last_good_at=NOW - DAY,
                    failures=3,
                    lasting=2,
                    next_at=NOW + DAY,
                    needs_attention=True,
                    problem="It is refused.",
                    hint="Approve it.",
                    circumstances="1902",
                )
            ]


@SQLITE_FIRST
@pytest.mark.parametrize("release", [release for release in RELEASES if release < "0003"])
def test_of_what_was_seen_it_is_known_what_was_replaced(database_kind: Kind, release: str) -> None:
    with database_kind.empty() as url:
        with open_database(url) as database:
            make_release(database, release)
            fill(database, CERTIFICATE, [seen_certificate("a"), seen_certificate("b")])
            fill(database, SIGHTING, [seen_place("a", NOW, 1), seen_place("b", NOW + 2 * DAY, 3)])

        with open_database(url) as database:
            [last] = last_sightings(database)
            assert (last.fingerprint, last.gone_at) == ("b" * 64, None)
            gone = {each: sightings_of(database, each * 64)[0].gone_at for each in "ab"}
            assert gone == {"a": NOW + 2 * DAY, "b": None}


def fill(database: Database, into: TableClause, rows: Iterable[dict[str, Any]]) -> None:
    with database._transaction(reading=False) as connection:
        for row in rows:
            connection.execute(insert(into).values(row))


ROTATED: dict[str, Any] = {
    "id": "20261123-123147-7f3k9qzm",
    "credential": "billing",
    "org": "production",
    "strategy": "in_place",
    "trigger": "manual",
    "actor": "alex",
    "reason": "",
    "goal": "replace",
    "keep_key": False,
    "retire_now": False,
    "outcome": "rotated",
    "why": "",
    "started_at": NOW,
    "finished_at": NOW + DAY,
}
EXPIRY = {
    "id": "20261123-aaaaaaaa",
    "key": "expiry:production/ConnectedApp/Billing/abc",
    "kind": "expiry",
    "severity": "warning",
    "title": "It expires",
    "text": "Replace it.",
    "org": "production",
    "app": "Billing",
    "credential": "billing",
    "fingerprint": "a" * 64,
    "not_after": NOW + 9 * DAY,
    "facts": '[["Type","ConnectedApp"]]',
    "opened_at": NOW,
    "closed_why": "",
    "acknowledged_at": NOW + DAY,
    "acknowledged_by": "ada",
    "acknowledged_why": "known",
}
_BARE = {"severity": "warning", "title": "", "text": "", "facts": "[]", "opened_at": NOW, "closed_why": ""}
STORE = _BARE | {"id": "20261123-bbbbbbbb", "key": "store:keys", "kind": "store"}
CHANNEL = _BARE | {"id": "20261123-cccccccc", "key": "delivery:ops", "kind": "delivery"}
TOLD = {
    "matter_id": "20261123-aaaaaaaa",
    "step": "14d",
    "channel": "ops",
    "attempts": 2,
    "receipt": "1700000000.000100",
    "problem": "",
    "owed_at": NOW,
    "tried_at": NOW + DAY,
    "told_at": NOW + DAY,
}
OWED = {
    "matter_id": "20261123-aaaaaaaa",
    "step": "14d",
    "channel": "mail",
    "attempts": 1,
    "receipt": "",
    "problem": "HTTP 500",
    "owed_at": NOW,
    "tried_at": NOW,
    "next_at": NOW + DAY,
}
FAILING = {
    "kind": "rotate",
    "name": "billing",
    "failures": 3,
    "lasting": 2,
    "needs_attention": True,
    "problem": "It is refused.",
    "advice": "Approve it.",
    "world": "1902",
    "last_at": NOW,
    "last_good_at": NOW - DAY,
    "next_at": NOW + DAY,
}


def seen_certificate(letter: str) -> dict[str, Any]:
    names = ("subject", "issuer", "key_algorithm", "signature_algorithm")
    times = ("not_before", "not_after", "first_seen", "last_seen")
    known = {"fingerprint": letter * 64, "key_bits": 2048, "serial_number": "1"}
    return known | dict.fromkeys(names, "") | dict.fromkeys(times, NOW)


def seen_place(letter: str, first_seen: datetime, days: int) -> dict[str, Any]:
    place = {"org": "production", "app": "Billing", "app_type": "ConnectedApp", "certificate_fingerprint": letter * 64}
    return place | {"first_seen": first_seen, "last_seen": NOW + days * DAY}
