"""What is pending is told, once, in its thread."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.alert import NewAlert
from rotator.core.severity import Severity
from rotator.core.thresholds import label
from rotator.history.alerts.outbox import OPENED
from rotator.services.alerting.delivery import AT_ONCE, DIGEST_UP_TO, Delivered
from rotator.testing.versions import MOMENT
from tests.unit.services.alerting.deliveries import DAY, Desk

if TYPE_CHECKING:
    from rotator.history.engine.database import Database


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def test_what_is_owed_is_told_once(desk: Desk) -> None:
    alert = desk.alert()
    assert desk.deliver() == Delivered(accepted=1)
    assert desk.deliver() == Delivered()
    ((message, thread),) = desk.channel.sent
    assert (message.alert, message.title, message.text, thread) == (alert, alert.title, alert.text, None)
    (notification,) = desk.outbox.notifications(alert.id)
    assert (notification.delivered_at, notification.thread) == (MOMENT, "thread 1")


def test_several_thresholds_at_once_are_one_message_that_says_which(desk: Desk) -> None:
    steps = [label(days * DAY) for days in (60, 30, 14)]
    alert = desk.alert(steps=steps, kind="expiry", not_after=MOMENT + 10 * DAY + timedelta(hours=3), app="Billing")
    desk.deliver()
    (message,) = [message for message, _ in desk.channel.sent]
    assert message.facts["Thresholds crossed"] == "60d, 30d, 14d"
    assert message.at == MOMENT - 4 * DAY + timedelta(hours=3), "when the last of them was crossed, seen or not"
    assert message.title == f"{alert.title}, in 10 days"
    assert message.alert.title == alert.title
    assert all(notification.delivered_at for notification in desk.outbox.notifications(alert.id))


def test_a_later_threshold_goes_into_the_thread_of_the_first(desk: Desk) -> None:
    alert = desk.alert(steps=["60d"])
    desk.deliver()
    desk.outbox.add(alert.id, "30d", "ops", MOMENT + DAY)
    desk.deliver(DAY)
    assert [thread for _, thread in desk.channel.sent] == [None, "thread 1"]


def test_a_channel_without_threads_is_given_none_that_its_name_once_had(desk: Desk) -> None:
    alert = desk.alert(steps=["60d"])
    desk.deliver()
    desk.outbox.add(alert.id, "30d", "ops", MOMENT + DAY)
    desk.channel.has_threads = False
    desk.deliver(DAY)
    assert [thread for _, thread in desk.channel.sent] == [None, None]


def test_the_end_of_an_alert_is_told_in_its_thread_with_what_it_was(desk: Desk) -> None:
    alert = desk.alert()
    desk.deliver()
    desk.alerts.close(alert.key, "The org can be read again, after 3 days.", MOMENT + DAY)
    desk.deliver(DAY)
    message, thread = desk.channel.sent[-1]
    assert (message.title, message.text) == (f"Settled: {alert.title}", "The org can be read again, after 3 days.")
    assert (message.settles, message.is_last, thread) == (True, True, "thread 1")
    assert (message.alert.title, message.alert.facts) == (alert.title, {"Org": "org1"})


def test_the_end_of_an_alert_that_the_channel_never_heard_of_is_not_told(desk: Desk) -> None:
    alert = desk.alert()
    desk.alerts.close(alert.key, "Over.", MOMENT)
    assert desk.deliver() == Delivered()


def test_what_happened_and_is_over_is_one_message_after_which_nothing_follows(desk: Desk) -> None:
    new = NewAlert(key="rotated:1", kind="rotated", severity=Severity.INFO, title="Rotated", text="It logs in.")
    alert = desk.alerts.add_closed(new, MOMENT)
    assert alert
    desk.outbox.add(alert.id, OPENED, "ops", MOMENT)
    desk.deliver()
    (message,) = [message for message, _ in desk.channel.sent]
    assert (message.is_last, message.settles) == (True, False)


def test_many_at_once_are_a_digest_which_is_the_thread_of_each(desk: Desk) -> None:
    alerts = [desk.alert(number) for number in range(5)]
    assert desk.deliver().accepted == 5
    assert (len(desk.channel.sent), [len(digest) for digest in desk.channel.digests]) == (0, [5])
    assert {desk.outbox.thread(alert.id, "ops") for alert in alerts} == {"digest 1"}


def test_ends_are_told_in_their_threads_however_many_there_are(desk: Desk) -> None:
    desk.channel.digest_from = 100
    alerts = [desk.alert(number) for number in range(6)]
    desk.deliver()
    desk.channel.digest_from = 5
    for alert in alerts:
        desk.alerts.close(alert.key, "Over.", MOMENT)
    desk.deliver(DAY)
    assert desk.channel.digests == []
    assert sorted(thread or "" for _, thread in desk.channel.sent[6:]) == [f"thread {number}" for number in range(1, 7)]


def test_very_many_are_digests_of_as_many_as_can_be_shown(desk: Desk) -> None:
    for number in range(DIGEST_UP_TO + 7):
        desk.alert(number)
    desk.deliver()
    assert [len(digest) for digest in desk.channel.digests] == [DIGEST_UP_TO, 7]


def test_one_delivery_ends_before_its_claim_does_and_the_next_goes_on(desk: Desk) -> None:
    desk.channel.digest_from = 1000
    for number in range(AT_ONCE + 5):
        desk.alert(number)
    assert desk.deliver().accepted == AT_ONCE
    assert desk.deliver().accepted == 5
