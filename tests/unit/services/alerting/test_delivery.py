"""What is pending is told, once, in its thread."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.alert import NewAlert
from rotator.core.severity import Severity
from rotator.core.thresholds import label
from rotator.history.alerts.outbox import OPENED
from rotator.services.alerting.delivery import AT_ONCE, DIGEST_UP_TO, Delivered
from rotator.services.alerting.messages import Origin, pending_messages
from rotator.testing.versions import MOMENT
from tests.tiers import longer
from tests.unit.services.alerting.deliveries import DAY, DeliveryBench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database


@pytest.fixture
def bench(database: Database) -> DeliveryBench:
    return DeliveryBench(database)


def test_what_is_owed_is_told_once(bench: DeliveryBench) -> None:
    alert = bench.alert()
    assert bench.deliver() == Delivered(accepted=1)
    assert bench.deliver() == Delivered()
    ((message, thread),) = bench.channel.sent
    assert (message.alert, message.title, message.text, thread) == (alert, alert.title, alert.text, None)
    (notification,) = bench.outbox.notifications(alert.id)
    assert (notification.delivered_at, notification.thread) == (MOMENT, "thread 1")


def test_several_thresholds_at_once_are_one_message_that_says_which(bench: DeliveryBench) -> None:
    steps = [label(days * DAY) for days in (60, 30, 14)]
    alert = bench.alert(steps=steps, kind="expiry", not_after=MOMENT + 10 * DAY + timedelta(hours=3), app="Billing")
    bench.deliver()
    (message,) = [message for message, _ in bench.channel.sent]
    assert message.facts["Thresholds crossed"] == "60d, 30d, 14d"
    assert message.at == MOMENT - 4 * DAY + timedelta(hours=3), "when the last of them was crossed, seen or not"
    assert message.title == f"{alert.title}, in 10 days"
    assert message.alert.title == alert.title
    assert all(notification.delivered_at for notification in bench.outbox.notifications(alert.id))


def test_an_alert_whose_row_cannot_be_read_keeps_no_other_from_being_told(bench: DeliveryBench) -> None:
    alert = bench.alert()
    [claimed] = bench.outbox.claim("ops", MOMENT, DAY)
    unreadable = replace(claimed, alert_id="20261123-gone")
    [pending] = pending_messages(
        [unreadable, claimed], bench.alerts, bench.outbox, MOMENT, has_threads=True, origin=Origin()
    )
    assert pending.message.alert == alert


def test_a_later_threshold_goes_into_the_thread_of_the_first(bench: DeliveryBench) -> None:
    alert = bench.alert(steps=["60d"])
    bench.deliver()
    bench.outbox.add(alert.id, "30d", "ops", MOMENT + DAY)
    bench.deliver(DAY)
    assert [thread for _, thread in bench.channel.sent] == [None, "thread 1"]


def test_a_channel_without_threads_is_given_none_that_its_name_once_had(bench: DeliveryBench) -> None:
    alert = bench.alert(steps=["60d"])
    bench.deliver()
    bench.outbox.add(alert.id, "30d", "ops", MOMENT + DAY)
    bench.channel.has_threads = False
    bench.deliver(DAY)
    assert [thread for _, thread in bench.channel.sent] == [None, None]


def test_the_end_of_an_alert_is_told_in_its_thread_with_what_it_was(bench: DeliveryBench) -> None:
    alert = bench.alert()
    bench.deliver()
    bench.alerts.close(alert.key, "The org can be read again, after 3 days.", MOMENT + DAY)
    bench.deliver(DAY)
    message, thread = bench.channel.sent[-1]
    assert (message.title, message.text) == (f"Settled: {alert.title}", "The org can be read again, after 3 days.")
    assert (message.settles, message.is_last, thread) == (True, True, "thread 1")
    assert (message.alert.title, message.alert.facts) == (alert.title, {"Org": "org1"})


def test_the_end_of_an_alert_that_the_channel_never_heard_of_is_not_told(bench: DeliveryBench) -> None:
    alert = bench.alert()
    bench.alerts.close(alert.key, "Over.", MOMENT)
    assert bench.deliver() == Delivered()


def test_what_happened_and_is_over_is_one_message_after_which_nothing_follows(bench: DeliveryBench) -> None:
    new = NewAlert(key="rotated:1", kind="rotated", severity=Severity.INFO, title="Rotated", text="It logs in.")
    alert = bench.alerts.add_closed(new, MOMENT)
    assert alert
    bench.outbox.add(alert.id, OPENED, "ops", MOMENT)
    bench.deliver()
    (message,) = [message for message, _ in bench.channel.sent]
    assert (message.is_last, message.settles) == (True, False)


def test_many_at_once_are_a_digest_which_is_the_thread_of_each(bench: DeliveryBench) -> None:
    alerts = [bench.alert(number) for number in range(5)]
    assert bench.deliver().accepted == 5
    assert (len(bench.channel.sent), [len(digest) for digest in bench.channel.digests]) == (0, [5])
    assert {bench.outbox.thread(alert.id, "ops") for alert in alerts} == {"digest 1"}


def test_ends_are_told_in_their_threads_however_many_there_are(bench: DeliveryBench) -> None:
    bench.channel.digest_from = 100
    alerts = [bench.alert(number) for number in range(6)]
    bench.deliver()
    bench.channel.digest_from = 5
    for alert in alerts:
        bench.alerts.close(alert.key, "Over.", MOMENT)
    bench.deliver(DAY)
    assert bench.channel.digests == []
    assert sorted(thread or "" for _, thread in bench.channel.sent[6:]) == [
        f"thread {number}" for number in range(1, 7)
    ]


@longer
def test_very_many_are_digests_of_as_many_as_can_be_shown(bench: DeliveryBench) -> None:
    for number in range(DIGEST_UP_TO + 7):
        bench.alert(number)
    bench.deliver()
    assert [len(digest) for digest in bench.channel.digests] == [DIGEST_UP_TO, 7]


@longer
def test_one_delivery_ends_before_its_claim_does_and_the_next_goes_on(bench: DeliveryBench) -> None:
    bench.channel.digest_from = 1000
    for number in range(AT_ONCE + 5):
        bench.alert(number)
    assert bench.deliver().accepted == AT_ONCE
    assert bench.deliver().accepted == 5
