"""What ledger, matters and trials promise, in every database: nobody is told twice, nothing is forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from rotator.core.attempts import AttemptRecord, BackOff
from rotator.core.severity import Severity
from rotator.errors import ConfigurationError, HistoryError
from rotator.history.alerts.alerts import Alert, AlertBook
from rotator.history.alerts.outbox import CLOSED, Notification, Outbox
from rotator.history.attempts import AttemptRecords
from rotator.history.engine.tables import MATTER, NOTICE
from rotator.history.journal import queries
from tests.contract.databases import NEW_MATTER, NOW, together

if TYPE_CHECKING:
    from sqlalchemy import Table

    from rotator.history.engine.database import Database

LEASE = timedelta(minutes=10)
DAY = timedelta(days=1)
PEM = "-----BEGIN PRIVATE " + "KEY-----"


@pytest.fixture
def matters(database: Database) -> AlertBook:
    return AlertBook(database)


@pytest.fixture
def ledger(database: Database) -> Outbox:
    return Outbox(database)


def copy_row(database: Database, table: Table, **changes: object) -> None:
    with database.writing() as connection:
        row = connection.execute(table.select()).one()._asdict()
        connection.execute(insert(table).values(row | changes))


@pytest.fixture
def matter(matters: AlertBook) -> Alert:
    return matters.open(NEW_MATTER, NOW)[0]


def steps(notices: list[Notification]) -> list[str]:
    return [notice.step for notice in notices]


def test_a_matter_is_read_back_as_it_was_written(matters: AlertBook, matter: Alert) -> None:
    assert matter == matters.get(matter.id)
    assert {name: getattr(matter, name) for name in NEW_MATTER.__dataclass_fields__} == vars(NEW_MATTER)
    assert list(matter.facts) == ["Org", "App"]
    assert (matter.opened_at, matter.is_open, matter.id[:9]) == (NOW, True, "20261123-")


def test_of_one_key_one_matter_is_open(matters: AlertBook, matter: Alert) -> None:
    worse = replace(NEW_MATTER, severity=Severity.CRITICAL, title="It expires soon")
    again, is_new = matters.open(worse, NOW + DAY)

    assert (again.id, is_new, again.opened_at) == (matter.id, False, NOW)
    assert (again.severity, again.title) == (Severity.CRITICAL, worse.title)
    assert matters.open_matters() == [again]


def test_the_database_itself_refuses_a_second_open_matter_of_a_key(database: Database, matter: Alert) -> None:
    with pytest.raises(HistoryError, match="refused"):
        copy_row(database, MATTER, id=f"{matter.id}x")


def test_many_may_open_a_matter_at_once_and_one_begins_it(matters: AlertBook) -> None:
    begun: list[bool] = []
    together(lambda _: begun.append(matters.open(NEW_MATTER, NOW)[1]))

    assert sorted(begun) == [False] * 7 + [True]
    assert len(matters.open_matters()) == 1


def test_a_matter_that_has_ended_may_begin_anew(matters: AlertBook, matter: Alert) -> None:
    closed = matters.close(NEW_MATTER.key, "Replaced.", NOW + DAY)
    again, is_new = matters.open(NEW_MATTER, NOW + 2 * DAY)

    assert closed
    assert (closed.closed_at, closed.closed_why, closed.is_open) == (NOW + DAY, "Replaced.", False)
    assert (is_new, again.id != matter.id) == (True, True)
    assert matters.close("nothing", "", NOW) is None
    assert matters.all() == [again, closed]


def test_what_happened_is_noted_once_for_ever(matters: AlertBook) -> None:
    happened = replace(NEW_MATTER, key="rotated:1")

    first = matters.add_closed(happened, NOW)

    assert first
    assert first.closed_at == NOW
    assert matters.add_closed(happened, NOW + 400 * DAY) is None
    assert matters.open_matters() == []


def test_open_matters_can_be_told_apart_by_kind_and_org(matters: AlertBook, matter: Alert) -> None:
    other, _ = matters.open(replace(NEW_MATTER, key="org:sandbox", kind="org", org="sandbox"), NOW)

    assert matters.open_matters(kind="org") == [other]
    assert matters.open_matters(orgs=["production"]) == [matter]
    assert matters.opened("org:sandbox") == other


def test_a_matter_is_found_by_as_much_of_its_id_as_is_needed(matters: AlertBook, matter: Alert) -> None:
    letters = matter.id.partition("-")[2]
    other, _ = matters.open(replace(NEW_MATTER, key="another"), NOW)

    assert matters.find(letters[:6].upper()) == matter
    assert matters.find(other.id) == other
    for beginning, why in [
        ("2026", "More than one"),
        ("zzzzzzzz9", "no matter"),
        ("", "no matter"),
        ("%", "no matter"),
    ]:
        with pytest.raises(ConfigurationError, match=why):
            matters.find(beginning)


def test_a_private_key_is_never_part_of_a_matter(matters: AlertBook) -> None:
    with pytest.raises(HistoryError, match="secret"):
        matters.open(replace(NEW_MATTER, text=PEM), NOW)
    assert matters.open_matters() == []


def test_each_step_is_owed_once_to_each_channel(ledger: Outbox, matter: Alert) -> None:
    assert ledger.owe(matter.id, "60d", "ops", NOW)
    assert not ledger.owe(matter.id, "60d", "ops", NOW + DAY)
    assert ledger.owe_all([(matter.id, step, "ops") for step in ("60d", "30d", "30d")], NOW) == 1
    assert ledger.owe(matter.id, "60d", "mail", NOW)
    assert ledger.owed() == {"mail": 1, "ops": 2}


def test_the_database_itself_refuses_a_notice_that_is_there(database: Database, ledger: Outbox, matter: Alert) -> None:
    ledger.owe(matter.id, "60d", "ops", NOW)
    with pytest.raises(HistoryError, match="refused"):
        copy_row(database, NOTICE, id=999)


def test_what_is_claimed_is_nobody_elses_before_the_lease_ends(ledger: Outbox, matter: Alert) -> None:
    ledger.owe(matter.id, "60d", "ops", NOW)

    (claimed,) = ledger.claim("ops", NOW, LEASE)

    assert (claimed.attempts, claimed.claimed_until) == (1, NOW + LEASE)
    assert ledger.claim("mail", NOW, LEASE) == []
    assert ledger.claim("ops", NOW + LEASE / 2, LEASE) == []
    (again,) = ledger.claim("ops", NOW + LEASE, LEASE)
    assert (again.id, again.attempts) == (claimed.id, 2)


def test_of_many_who_claim_at_once_one_gets_it(ledger: Outbox, matter: Alert) -> None:
    ledger.owe_all([(matter.id, f"{day}d", "ops") for day in range(20)], NOW)
    got: list[list[Notification]] = []
    together(lambda _: got.append(ledger.claim("ops", NOW, LEASE)))

    assert sorted(map(len, got)) == [0] * 7 + [20]


def test_what_was_told_is_owed_no_more_and_keeps_its_thread(ledger: Outbox, matter: Alert) -> None:
    ledger.owe(matter.id, "60d", "ops", NOW)
    ledger.told(ledger.claim("ops", NOW, LEASE), "first", NOW)
    ledger.owe(matter.id, "30d", "ops", NOW + DAY)
    second = ledger.claim("ops", NOW + DAY, LEASE)
    ledger.told(second, "second", NOW + DAY)
    ledger.told(second, "third", NOW + 2 * DAY)

    assert [(notice.told_at, notice.receipt) for notice in ledger.notices(matter.id)] == [
        (NOW, "first"),
        (NOW + DAY, "second"),
    ]
    assert ledger.thread(matter.id, "ops") == "first"
    assert ledger.thread(matter.id, "mail") is None
    assert (ledger.owed(), ledger.claim("ops", NOW + 9 * DAY, LEASE)) == ({}, [])


def test_what_was_not_accepted_is_tried_again_then_and_not_before(ledger: Outbox, matter: Alert) -> None:
    ledger.owe(matter.id, "60d", "ops", NOW)
    ledger.failed(ledger.claim("ops", NOW, LEASE), "HTTP 500", NOW + LEASE)

    assert ledger.claim("ops", NOW + LEASE / 2, LEASE) == []
    (again,) = ledger.claim("ops", NOW + LEASE, LEASE)
    assert (again.problem, again.attempts) == ("HTTP 500", 2)


def test_a_clock_that_was_set_back_postpones_nothing(ledger: Outbox, matter: Alert) -> None:
    ledger.owe(matter.id, "60d", "ops", NOW)
    ledger.failed(ledger.claim("ops", NOW, LEASE), "HTTP 500", NOW + DAY)
    assert len(ledger.claim("ops", NOW - 365 * DAY, LEASE)) == 1

    ledger.owe(matter.id, "30d", "ops", NOW)
    ledger.claim("ops", NOW + DAY, LEASE)
    assert len(ledger.claim("ops", NOW, LEASE)) == 2


def test_the_end_of_a_matter_is_owed_to_those_who_heard_of_it(
    ledger: Outbox, matters: AlertBook, matter: Alert
) -> None:
    ledger.owe_all([(matter.id, "60d", channel) for channel in ("told", "being told", "away")], NOW)
    ledger.told(ledger.claim("told", NOW, LEASE), "", NOW)
    ledger.claim("being told", NOW, LEASE)

    matters.close(NEW_MATTER.key, "Replaced.", NOW + timedelta(minutes=1))
    matters.close(NEW_MATTER.key, "Replaced.", NOW + timedelta(minutes=2))

    found = [(notice.channel, notice.step) for notice in ledger.notices(matter.id)]
    assert found == [("told", "60d"), ("being told", "60d"), ("told", CLOSED), ("being told", CLOSED)]


@pytest.mark.parametrize("kind", ["acknowledge", "snooze"])
def test_who_takes_a_matter_on_is_part_of_the_history(
    database: Database, matters: AlertBook, ledger: Outbox, matter: Alert, kind: str
) -> None:
    ledger.owe_all([(matter.id, step, "ops") for step in ("60d", "expired")], NOW)
    if kind == "acknowledge":
        after = matters.acknowledge(matter.id, actor="ada", reason="ordered", now=NOW)
        assert (after.acknowledged_at, after.acknowledged_by, after.acknowledged_why) == (NOW, "ada", "ordered")
    else:
        after = matters.snooze(matter.id, until=NOW + DAY, actor="ada", reason="ordered", now=NOW)
        assert (after.snoozed_until, after.snoozed_by, after.snoozed_why) == (NOW + DAY, "ada", "ordered")
        assert (after.is_snoozed(NOW), after.is_snoozed(NOW + DAY)) == (True, False)

    (event,) = queries.events(database)
    assert (event.kind, event.details["actor"], event.details["reason"]) == (kind, "ada", "ordered")
    assert (event.details["matter"], event.details["key"]) == (matter.id, matter.key)
    assert queries.verify(database).intact
    assert steps(ledger.notices(matter.id)) == ["expired"]


def test_a_reason_with_a_key_in_it_changes_nothing(database: Database, matters: AlertBook, matter: Alert) -> None:
    with pytest.raises(HistoryError, match="--reason"):
        matters.acknowledge(matter.id, actor="ada", reason=PEM, now=NOW)
    with pytest.raises(HistoryError, match="--reason"):
        matters.snooze(matter.id, until=NOW + DAY, actor="ada", reason=PEM, now=NOW)

    assert matters.get(matter.id) == matter
    assert queries.events(database) == []


def test_a_matter_that_has_ended_is_not_taken_on(matters: AlertBook, matter: Alert) -> None:
    matters.close(matter.key, "Replaced by another.", NOW)
    with pytest.raises(HistoryError, match=r"has ended: Replaced by another\."):
        matters.acknowledge(matter.id, actor="ada", reason="late", now=NOW)


def test_nobody_is_snoozed_into_the_past(matters: AlertBook, matter: Alert) -> None:
    with pytest.raises(ValueError, match="passed"):
        matters.snooze(matter.id, until=NOW, actor="ada", reason="", now=NOW)


def test_what_a_channel_that_is_no_more_was_owed_is_dropped(ledger: Outbox, matter: Alert) -> None:
    ledger.owe_all([(matter.id, "60d", channel) for channel in ("ops", "old")], NOW)
    assert (ledger.drop("old"), ledger.drop("old"), ledger.owed()) == (1, 0, {"ops": 1})


def test_old_notices_are_forgotten_when_they_were_told_and_their_matter_has_ended(
    ledger: Outbox, matters: AlertBook, matter: Alert
) -> None:
    ledger.owe(matter.id, "60d", "ops", NOW)
    ledger.told(ledger.claim("ops", NOW, LEASE), "", NOW)
    assert ledger.forget(NOW + 900 * DAY) == 0
    matters.close(matter.key, "", NOW + DAY)

    assert (ledger.forget(NOW + DAY), ledger.forget(NOW + 2 * DAY)) == (0, 1)
    assert steps(ledger.notices(matter.id)) == [CLOSED]


def test_a_trial_is_read_back_as_it_was_put(database: Database) -> None:
    attempts = AttemptRecords(database)
    never = attempts.get("look", "production")
    failed = never.failed(NOW, BackOff(), problem="away\0", advice="wait", lasting=True, jitter=0.5, world="abc")
    attempts.put(never.succeeded(NOW))
    attempts.put(failed)
    attempts.put(AttemptRecord("deliver", "ops"))

    assert never == AttemptRecord("look", "production")
    assert attempts.get("look", "production") == replace(failed, problem="away?")
    assert [attempt.kind for attempt in attempts.all()] == ["deliver", "look"]
    assert attempts.all("deliver") == [AttemptRecord("deliver", "ops")]
    attempts.forget("look", "production")
    assert attempts.all("look") == []
