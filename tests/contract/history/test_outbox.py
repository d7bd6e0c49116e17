"""What alerts, outbox and records of attempts promise, in every database: nothing twice, and nothing is forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from rotator.core.actor import Actor
from rotator.core.attempts import AttemptBackOff, AttemptRecord
from rotator.core.severity import Severity
from rotator.core.thresholds import CLOCKS_APART
from rotator.errors import ConfigurationError, HistoryError
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import CLOSED, Notification, Outbox
from rotator.history.attempt_records import AttemptRecords
from rotator.history.engine.tables import ALERT, NOTIFICATION
from rotator.history.journal import queries, verification
from tests.contract.history.databases import NEW_ALERT, NOW, together

if TYPE_CHECKING:
    from sqlalchemy import Table

    from rotator.core.alert import Alert
    from rotator.history.engine.database import Database

LEASE = timedelta(minutes=10)
DAY = timedelta(days=1)
PEM = "-----BEGIN PRIVATE " + "KEY-----"


@pytest.fixture
def alerts(database: Database) -> AlertRecords:
    return AlertRecords(database)


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database)


def copy_row(database: Database, table: Table, **changes: object) -> None:
    with database.writing() as connection:
        row = connection.execute(table.select()).one()._asdict()
        connection.execute(insert(table).values(row | changes))


@pytest.fixture
def alert(alerts: AlertRecords) -> Alert:
    return alerts.open(NEW_ALERT, NOW)[0]


def steps(notifications: list[Notification]) -> list[str]:
    return [notification.step for notification in notifications]


def test_an_alert_is_read_back_as_it_was_written(alerts: AlertRecords, alert: Alert) -> None:
    assert alert == alerts.get(alert.id)
    assert {name: getattr(alert, name) for name in NEW_ALERT.__dataclass_fields__} == vars(NEW_ALERT)
    assert list(alert.facts) == ["Org", "App"]
    assert (alert.opened_at, alert.is_open, alert.id[:9]) == (NOW, True, "20261123-")


def test_of_one_key_one_alert_is_open(alerts: AlertRecords, alert: Alert) -> None:
    worse = replace(NEW_ALERT, severity=Severity.CRITICAL, title="It expires soon")
    again, is_new = alerts.open(worse, NOW + DAY)

    assert (again.id, is_new, again.opened_at) == (alert.id, False, NOW)
    assert (again.severity, again.title) == (Severity.CRITICAL, worse.title)
    assert alerts.open_alerts() == [again]


def test_the_database_itself_refuses_a_second_open_alert_of_a_key(database: Database, alert: Alert) -> None:
    with pytest.raises(HistoryError, match="refused"):
        copy_row(database, ALERT, id=f"{alert.id}x")


def test_many_may_open_an_alert_at_once_and_one_begins_it(alerts: AlertRecords) -> None:
    begun: list[bool] = []
    together(lambda _: begun.append(alerts.open(NEW_ALERT, NOW)[1]))

    assert sorted(begun) == [False] * 7 + [True]
    assert len(alerts.open_alerts()) == 1


def test_an_alert_that_has_ended_may_begin_anew(alerts: AlertRecords, alert: Alert) -> None:
    closed = alerts.close(NEW_ALERT.key, "Replaced.", NOW + DAY)
    again, is_new = alerts.open(NEW_ALERT, NOW + 2 * DAY)

    assert closed
    assert (closed.closed_at, closed.closed_why, closed.is_open) == (NOW + DAY, "Replaced.", False)
    assert (is_new, again.id != alert.id) == (True, True)
    assert alerts.close("nothing", "", NOW) is None
    assert alerts.all() == [again, closed]


def test_what_happened_is_noted_once_for_ever(alerts: AlertRecords) -> None:
    happened = replace(NEW_ALERT, key="rotated:1")

    first = alerts.add_closed(happened, NOW)

    assert first
    assert first.closed_at == NOW
    assert alerts.add_closed(happened, NOW + 400 * DAY) is None
    assert alerts.open_alerts() == []


def test_open_alerts_can_be_told_apart_by_kind_and_org(alerts: AlertRecords, alert: Alert) -> None:
    other, _ = alerts.open(replace(NEW_ALERT, key="org:sandbox", kind="org", org="sandbox"), NOW)

    assert alerts.open_alerts(kind="org") == [other]
    assert alerts.open_alerts(orgs=["production"]) == [alert]
    assert alerts.opened("org:sandbox") == other


def test_an_alert_is_found_by_as_much_of_its_id_as_is_needed(alerts: AlertRecords, alert: Alert) -> None:
    letters = alert.id.partition("-")[2]
    other, _ = alerts.open(replace(NEW_ALERT, key="another"), NOW)

    assert alerts.find(letters[:6].upper()) == alert
    assert alerts.find(other.id) == other
    for beginning, why in [
        ("2026", "More than one"),
        ("zzzzzzzz9", "no alert"),
        ("", "no alert"),
        ("%", "no alert"),
    ]:
        with pytest.raises(ConfigurationError, match=why):
            alerts.find(beginning)


def test_a_private_key_is_never_part_of_an_alert(alerts: AlertRecords) -> None:
    with pytest.raises(HistoryError, match="secret"):
        alerts.open(replace(NEW_ALERT, text=PEM), NOW)
    assert alerts.open_alerts() == []


def test_each_step_is_owed_once_to_each_channel(outbox: Outbox, alert: Alert) -> None:
    assert outbox.add(alert.id, "60d", "ops", NOW)
    assert not outbox.add(alert.id, "60d", "ops", NOW + DAY)
    assert outbox.add_all([(alert.id, step, "ops") for step in ("60d", "30d", "30d")], NOW) == 1
    assert outbox.add(alert.id, "60d", "mail", NOW)
    assert outbox.pending() == {"mail": 1, "ops": 2}


def test_the_database_itself_refuses_a_notification_that_is_there(
    database: Database, outbox: Outbox, alert: Alert
) -> None:
    outbox.add(alert.id, "60d", "ops", NOW)
    with pytest.raises(HistoryError, match="refused"):
        copy_row(database, NOTIFICATION, id=999)


def test_what_is_claimed_is_nobody_elses_before_the_lease_ends(outbox: Outbox, alert: Alert) -> None:
    outbox.add(alert.id, "60d", "ops", NOW)

    (claimed,) = outbox.claim("ops", NOW, LEASE)

    assert (claimed.attempts, claimed.claimed_until) == (1, NOW + LEASE)
    assert outbox.claim("mail", NOW, LEASE) == []
    assert outbox.claim("ops", NOW + LEASE / 2, LEASE) == []
    (again,) = outbox.claim("ops", NOW + LEASE, LEASE)
    assert (again.id, again.attempts) == (claimed.id, 2)


def test_of_many_who_claim_at_once_one_gets_it(outbox: Outbox, alert: Alert) -> None:
    outbox.add_all([(alert.id, f"{day}d", "ops") for day in range(20)], NOW)
    got: list[list[Notification]] = []
    together(lambda _: got.append(outbox.claim("ops", NOW, LEASE)))

    assert sorted(map(len, got)) == [0] * 7 + [20]


def test_what_was_told_is_owed_no_more_and_keeps_its_thread(outbox: Outbox, alert: Alert) -> None:
    outbox.add(alert.id, "60d", "ops", NOW)
    outbox.delivered(outbox.claim("ops", NOW, LEASE), "first", NOW)
    outbox.add(alert.id, "30d", "ops", NOW + DAY)
    second = outbox.claim("ops", NOW + DAY, LEASE)
    outbox.delivered(second, "second", NOW + DAY)
    outbox.delivered(second, "third", NOW + 2 * DAY)

    assert [(notification.delivered_at, notification.thread) for notification in outbox.notifications(alert.id)] == [
        (NOW, "first"),
        (NOW + DAY, "second"),
    ]
    assert outbox.thread(alert.id, "ops") == "first"
    assert outbox.thread(alert.id, "mail") is None
    assert (outbox.pending(), outbox.claim("ops", NOW + 9 * DAY, LEASE)) == ({}, [])


def test_what_was_not_accepted_is_tried_again_then_and_not_before(outbox: Outbox, alert: Alert) -> None:
    outbox.add(alert.id, "60d", "ops", NOW)
    outbox.failed(outbox.claim("ops", NOW, LEASE), "HTTP 500", NOW + LEASE)

    assert outbox.claim("ops", NOW + LEASE / 2, LEASE) == []
    (again,) = outbox.claim("ops", NOW + LEASE, LEASE)
    assert (again.problem, again.attempts) == ("HTTP 500", 2)


def test_a_clock_that_was_set_back_postpones_nothing(outbox: Outbox, alert: Alert) -> None:
    outbox.add(alert.id, "60d", "ops", NOW)
    outbox.failed(outbox.claim("ops", NOW, LEASE), "HTTP 500", NOW + DAY)
    assert len(outbox.claim("ops", NOW - 365 * DAY, LEASE)) == 1

    outbox.add(alert.id, "30d", "ops", NOW)
    outbox.claim("ops", NOW + DAY, LEASE)
    assert len(outbox.claim("ops", NOW, LEASE)) == 2


def test_what_a_machine_sends_whose_clock_is_ahead_no_other_sends_or_takes_back(outbox: Outbox, alert: Alert) -> None:
    ahead = NOW + CLOCKS_APART
    outbox.add(alert.id, "60d", "ops", NOW)
    claimed = outbox.claim("ops", ahead, LEASE)
    assert len(claimed) == 1
    assert outbox.claim("ops", NOW, LEASE) == []
    outbox.withdraw(alert.id, NOW)
    outbox.failed(claimed, "HTTP 500", ahead + LEASE)
    assert (outbox.claim("ops", NOW, LEASE), outbox.due(NOW)) == ([], set())
    assert len(outbox.claim("ops", ahead + LEASE, LEASE)) == 1


def test_the_end_of_an_alert_is_owed_to_those_who_heard_of_it(
    outbox: Outbox, alerts: AlertRecords, alert: Alert
) -> None:
    outbox.add_all([(alert.id, "60d", channel) for channel in ("told", "being told", "away")], NOW)
    outbox.delivered(outbox.claim("told", NOW, LEASE), "", NOW)
    outbox.claim("being told", NOW, LEASE)

    alerts.close(NEW_ALERT.key, "Replaced.", NOW + timedelta(minutes=1))
    alerts.close(NEW_ALERT.key, "Replaced.", NOW + timedelta(minutes=2))

    found = [(notification.channel, notification.step) for notification in outbox.notifications(alert.id)]
    assert found == [("told", "60d"), ("being told", "60d"), ("told", CLOSED), ("being told", CLOSED)]


@pytest.mark.parametrize("kind", ["acknowledge", "snooze"])
def test_who_takes_an_alert_on_is_part_of_the_history(
    database: Database, alerts: AlertRecords, outbox: Outbox, alert: Alert, kind: str
) -> None:
    outbox.add_all([(alert.id, step, "ops") for step in ("60d", "expired")], NOW)
    if kind == "acknowledge":
        after = alerts.acknowledge(alert.id, actor=Actor("ada"), reason="ordered", now=NOW)
        assert (after.acknowledged_at, after.acknowledged_by, after.acknowledged_why) == (NOW, "ada", "ordered")
    else:
        after = alerts.snooze(alert.id, until=NOW + DAY, actor=Actor("ada"), reason="ordered", now=NOW)
        assert (after.snoozed_until, after.snoozed_by, after.snoozed_why) == (NOW + DAY, "ada", "ordered")
        assert (after.is_snoozed(NOW), after.is_snoozed(NOW + DAY)) == (True, False)

    (event,) = queries.events(database)
    assert (event.kind, event.details["actor"], event.details["reason"]) == (kind, "ada", "ordered")
    assert (event.details["alert"], event.details["key"]) == (alert.id, alert.key)
    assert verification.verify(database).intact
    assert steps(outbox.notifications(alert.id)) == ["expired"]


def test_a_reason_with_a_key_in_it_changes_nothing(database: Database, alerts: AlertRecords, alert: Alert) -> None:
    with pytest.raises(HistoryError, match="--reason"):
        alerts.acknowledge(alert.id, actor=Actor("ada"), reason=PEM, now=NOW)
    with pytest.raises(HistoryError, match="--reason"):
        alerts.snooze(alert.id, until=NOW + DAY, actor=Actor("ada"), reason=PEM, now=NOW)

    assert alerts.get(alert.id) == alert
    assert queries.events(database) == []


def test_an_alert_that_has_ended_is_not_taken_on(alerts: AlertRecords, alert: Alert) -> None:
    alerts.close(alert.key, "Replaced by another.", NOW)
    with pytest.raises(HistoryError, match=r"has ended: Replaced by another\."):
        alerts.acknowledge(alert.id, actor=Actor("ada"), reason="late", now=NOW)


def test_nobody_is_snoozed_into_the_past(alerts: AlertRecords, alert: Alert) -> None:
    with pytest.raises(ValueError, match="passed"):
        alerts.snooze(alert.id, until=NOW, actor=Actor("ada"), reason="", now=NOW)


def test_what_a_channel_that_is_no_more_was_owed_is_dropped(outbox: Outbox, alert: Alert) -> None:
    outbox.add_all([(alert.id, "60d", channel) for channel in ("ops", "old")], NOW)
    assert (outbox.drop("old"), outbox.drop("old"), outbox.pending()) == (1, 0, {"ops": 1})


def test_old_notifications_are_forgotten_when_they_were_told_and_their_alert_has_ended(
    outbox: Outbox, alerts: AlertRecords, alert: Alert
) -> None:
    outbox.add(alert.id, "60d", "ops", NOW)
    outbox.delivered(outbox.claim("ops", NOW, LEASE), "", NOW)
    assert outbox.forget(NOW + 900 * DAY) == 0
    alerts.close(alert.key, "", NOW + DAY)

    assert (outbox.forget(NOW + DAY), outbox.forget(NOW + 2 * DAY)) == (0, 1)
    assert steps(outbox.notifications(alert.id)) == [CLOSED]


def test_a_record_of_attempts_is_read_back_as_it_was_put(database: Database) -> None:
    attempts = AttemptRecords(database)
    never = attempts.get("look", "production")
    failed = never.failed(
        NOW, AttemptBackOff(), problem="away\0", hint="wait", lasting=True, jitter=0.5, circumstances="abc"
    )
    attempts.put(never.succeeded(NOW))
    attempts.put(failed)
    attempts.put(AttemptRecord("deliver", "ops"))

    assert never == AttemptRecord("look", "production")
    assert attempts.get("look", "production") == replace(failed, problem="away?")
    assert [attempt.kind for attempt in attempts.all()] == ["deliver", "look"]
    assert attempts.all("deliver") == [AttemptRecord("deliver", "ops")]
    attempts.forget("look", "production")
    assert attempts.all("look") == []
