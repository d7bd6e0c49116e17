"""What a channel does not accept is sent again, and said."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.alerts.base import DeliveryFailed, Message, PartlyAccepted
from rotator.core.alert import NewAlert
from rotator.core.attempts import DELIVER
from rotator.core.severity import Severity
from rotator.errors import ConfigurationError
from rotator.services.alerting.delivery import BACK_OFF, DIGEST_UP_TO, LEASE, Delivered, Delivery
from rotator.services.alerting.messages import Origin
from rotator.services.alerting.withholding import ASKED_AGAIN
from rotator.testing.versions import MOMENT
from tests.tiers import longer
from tests.unit.services.alerting.deliveries import DAY, LASTING, PASSING, DeliveryBench, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.core.alert import Alert
    from rotator.history.engine.database import Database


@pytest.fixture
def bench(database: Database) -> DeliveryBench:
    return DeliveryBench(database)


def test_a_failure_is_tried_again_after_a_pause_that_doubles_up_to_a_ceiling(bench: DeliveryBench) -> None:
    bench.alert()
    bench.channel.refuses = lambda _: PASSING
    at, pauses = timedelta(0), []
    for _ in range(8):
        assert bench.deliver(at).problem is PASSING
        next_at = bench.attempts.get(DELIVER, "ops").next_at
        assert next_at is not None
        assert bench.delivery.due(["ops"], next_at - timedelta(seconds=1)) == []
        assert bench.delivery.due(["ops"], next_at) == ["ops"]
        pauses.append(next_at - MOMENT - at)
        at = next_at - MOMENT
    assert [pause / timedelta(minutes=1) for pause in pauses] == [1, 2, 4, 8, 16, 30, 30, 30]
    bench.channel.refuses = lambda _: None
    assert bench.deliver(at).accepted == 1
    assert bench.attempts.get(DELIVER, "ops").failures == 0


def test_what_the_channel_asks_for_is_obeyed(bench: DeliveryBench) -> None:
    bench.alert()
    hour = timedelta(hours=1)
    bench.channel.refuses = lambda _: DeliveryFailed("Later.", hint="", retry_after=hour)
    bench.deliver()
    assert bench.delivery.due(["ops"], MOMENT + hour - timedelta(seconds=1)) == []
    assert bench.delivery.due(["ops"], MOMENT + hour) == ["ops"]


def test_a_pause_that_is_asked_for_amid_many_keeps_the_rest_for_later(bench: DeliveryBench) -> None:
    bench.channel.digest_from = 100
    for number in range(4):
        bench.alert(number)
    hour = timedelta(hours=1)
    bench.channel.refuses = lambda _: None if len(bench.channel.sent) < 2 else _later(hour)
    assert bench.deliver().accepted == 2
    assert bench.delivery.due(["ops"], MOMENT + hour - timedelta(seconds=1)) == []
    bench.channel.refuses = lambda _: None
    assert bench.deliver(hour).accepted == 2
    assert len(set(bench.channel.titles)) == 4
    assert bench.problems.opened == 0


def _later(pause: timedelta) -> DeliveryFailed:
    return DeliveryFailed("Later.", hint="", retry_after=pause)


def test_a_channel_that_failed_three_times_is_told_of_elsewhere_until_it_accepts(bench: DeliveryBench) -> None:
    bench.alert()
    bench.channel.refuses = lambda _: PASSING
    for day in range(3):
        assert bench.problems.open == {}
        bench.deliver(day * DAY)
    (problem,) = bench.problems.open.values()
    assert problem.key == "delivery:ops"
    assert "no answer" in problem.text
    assert "kept and sent again" in problem.meanwhile
    bench.channel.refuses = lambda _: None
    bench.deliver(5 * DAY)
    assert bench.problems.open == {}


def test_a_channel_that_is_down_is_told_of_though_what_it_refused_was_over_each_time(bench: DeliveryBench) -> None:
    bench.channel.refuses = lambda _: PASSING
    for day in range(3):
        assert bench.problems.open == {}
        alert = bench.alert(day)
        bench.deliver(day * DAY)
        bench.alerts.close(alert.key, "Over.", MOMENT + day * DAY)
    assert [*bench.problems.open] == ["delivery:ops"]


def test_what_only_a_person_can_mend_is_told_of_at_once_and_tried_at_the_ceiling(bench: DeliveryBench) -> None:
    bench.alert()
    bench.channel.refuses = lambda _: LASTING
    bench.deliver()
    assert bench.problems.open["delivery:ops"].to_do == "Put a token there."
    attempt = bench.attempts.get(DELIVER, "ops")
    assert attempt.needs_attention
    assert attempt.next_at == MOMENT + BACK_OFF.ceiling


def test_a_channel_that_cannot_be_used_is_one_that_only_a_person_can_mend(bench: DeliveryBench) -> None:
    bench.alert()

    def unusable() -> Recorder:
        raise ConfigurationError("The environment variable TOKEN is not set.", hint="Export TOKEN.")

    bench.delivery.deliver("ops", unusable, MOMENT)
    assert bench.problems.open["delivery:ops"].to_do == "Export TOKEN."
    assert bench.outbox.pending() == {"ops": 1}


def test_a_message_that_is_refused_for_good_does_not_hold_up_the_others(bench: DeliveryBench) -> None:
    bench.channel.digest_from = 100
    for number in range(4):
        bench.alert(number)
    bench.channel.refuses = lambda message: LASTING if message.title.startswith("Org 0") else None
    assert bench.deliver().accepted == 3
    bench.alert(5)
    assert bench.deliver().accepted == 1
    assert "delivery:ops" in bench.problems.open
    # It is tried on, and while it is owed, the channel is not as it should be.
    assert bench.deliver(BACK_OFF.ceiling).problem is LASTING
    assert "delivery:ops" in bench.problems.open
    bench.channel.refuses = lambda _: None
    assert bench.deliver(2 * BACK_OFF.ceiling).accepted == 1
    assert bench.problems.open == {}


def test_a_digest_that_is_refused_for_one_message_in_it_is_taken_apart(bench: DeliveryBench) -> None:
    for number in range(6):
        bench.alert(number)
    bench.channel.refuses = lambda message: LASTING if message.title.startswith("Org 0") else None
    assert bench.deliver().accepted == 5
    assert bench.channel.digests == []
    assert bench.outbox.pending() == {"ops": 1}


def test_a_channel_that_refuses_a_digest_and_two_messages_is_at_fault(bench: DeliveryBench) -> None:
    for number in range(6):
        bench.alert(number)
    asked: list[str] = []
    bench.channel.refuses = lambda message: asked.append(message.title) or LASTING  # type: ignore[func-returns-value]
    assert bench.deliver() == Delivered(problem=LASTING)
    assert len(asked) == 3
    assert bench.delivery.due(["ops"], MOMENT + BACK_OFF.ceiling - timedelta(seconds=1)) == []


def test_messages_that_were_refused_come_after_the_others(bench: DeliveryBench) -> None:
    bench.channel.digest_from = 100
    for number in range(4):
        bench.alert(number)
    bench.channel.refuses = lambda message: LASTING if message.title[:5] in {"Org 0", "Org 1"} else None
    assert bench.deliver().accepted == 0
    assert bench.deliver(BACK_OFF.ceiling).accepted == 2


def test_a_channel_that_is_down_is_asked_once_for_all_that_it_is_owed(bench: DeliveryBench) -> None:
    bench.channel.digest_from = 100
    for number in range(10):
        bench.alert(number)
    asked: list[Message] = []
    bench.channel.refuses = lambda message: asked.append(message) or PASSING  # type: ignore[func-returns-value]
    bench.deliver()
    assert len(asked) == 1


def test_a_fault_in_one_message_is_that_messages_failure(bench: DeliveryBench) -> None:
    bench.channel.digest_from = 100
    bench.alert(1)
    bench.alert(2)
    bench.channel.refuses = lambda message: KeyError("x") if message.title.startswith("Org 1") else None
    outcome = bench.deliver()
    assert outcome.accepted == 1
    assert outcome.problem is not None
    assert "KeyError" in outcome.problem.message


def test_partly_accepted_is_told_and_an_alert(bench: DeliveryBench) -> None:
    alert = bench.alert()
    partly = PartlyAccepted("Channel ops: refused some: a@example.com.", hint="Correct `to`.", thread="thread 7")
    bench.channel.refuses = lambda _: partly
    assert bench.deliver() == Delivered(accepted=1, problem=partly)
    assert bench.outbox.thread(alert.id, "ops") == "thread 7"
    assert "does not reach everybody" in bench.problems.open["delivery:ops"].title
    bench.channel.refuses = lambda _: None
    bench.alert(2)
    bench.deliver()
    assert bench.problems.open == {}


def test_after_a_crash_between_acceptance_and_writing_it_the_same_message_is_sent_again(bench: DeliveryBench) -> None:
    bench.alert()
    bench.channel.refuses = lambda message: bench.channel.sent.append((message, None)) or MemoryError()  # type: ignore[func-returns-value]
    with pytest.raises(MemoryError):
        bench.deliver()
    bench.channel.refuses = lambda _: None
    assert bench.deliver(LEASE - timedelta(seconds=1)) == Delivered()
    assert bench.deliver(LEASE).accepted == 1
    first, again = (message for message, _ in bench.channel.sent)
    assert first.key == again.key


def test_two_deliveries_never_send_the_same(bench: DeliveryBench) -> None:
    bench.alert()

    def meanwhile(_: Message) -> None:
        bench.channel.refuses = lambda _: None
        assert bench.deliver() == Delivered()

    bench.channel.refuses = meanwhile
    bench.deliver()
    assert len(bench.channel.sent) == 1


def test_what_is_owed_to_a_channel_that_is_not_configured_any_more_is_dropped(
    bench: DeliveryBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.alert(key="delivery:ops", kind="delivery", steps=())
    bench.alert()
    with caplog.at_level("WARNING"):
        bench.delivery.drop_unconfigured(["ops"], MOMENT)
        assert bench.outbox.pending() == {"ops": 1}
        bench.problems.open["delivery:ops"] = NewAlert(
            key="delivery:ops", kind="delivery", severity=Severity.WARNING, title="", text=""
        )
        bench.delivery.drop_unconfigured(["pager"], MOMENT)
    assert bench.outbox.pending() == {}
    assert bench.problems.open == {}
    assert [vars(record)["channel"] for record in caplog.records] == ["ops"]


def test_a_message_that_fails_alone_is_told_of_when_it_has_failed_often_enough(bench: DeliveryBench) -> None:
    """The channel works: others are accepted. How often in a row is counted of the message."""
    bench.channel.digest_from = 100
    bench.alert(1)
    at = timedelta(0)
    for number in range(2, 6):
        bench.alert(number)
        bench.channel.refuses = lambda message: PASSING if message.title.startswith("Org 1 ") else None
        bench.deliver(at)
        at += DAY
        opened = [*bench.problems.open]
        assert (opened == ["delivery:ops"]) == (number >= 4), number


def test_a_message_that_only_a_person_can_mend_is_tried_at_the_ceiling_while_others_go_on(
    bench: DeliveryBench,
) -> None:
    bench.channel.digest_from = 100
    alerts = [bench.alert(1), bench.alert(2)]
    bench.channel.refuses = lambda message: LASTING if message.title.startswith("Org 1 ") else None
    bench.deliver()
    assert bench.attempts.get(DELIVER, "ops").next_at is None
    [refused] = bench.outbox.notifications(alerts[0].id)
    assert refused.next_at == MOMENT + BACK_OFF.ceiling


def test_a_channel_for_which_nothing_is_pending_is_not_due(bench: DeliveryBench) -> None:
    bench.alert()
    assert bench.delivery.due(["ops", "pager"], MOMENT) == ["ops"]


def test_what_a_channel_accepts_and_refuses_is_in_the_log(
    bench: DeliveryBench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "rotator.services.alerting.delivery")
    bench.alert()
    bench.channel.refuses = lambda _: PASSING
    bench.deliver()
    bench.channel.refuses = lambda _: None
    bench.deliver(DAY)
    bench.alert(2)
    bench.delivery.drop_unconfigured([], MOMENT)
    assert [each.getMessage() for each in caplog.records] == [
        "not accepted: Channel ops: no answer.",
        "delivered",
        "dropped what was pending for a channel that is not configured any more",
    ]
    assert {(vars(each)["channel"], vars(each)["count"]) for each in caplog.records} == {("ops", 1)}


def test_why_a_channel_refuses_is_kept_with_what_to_do_and_chance_spreads_the_tries(bench: DeliveryBench) -> None:
    bench.alert()
    bench.channel.refuses = lambda _: PASSING
    bench.delivery.deliver("ops", lambda: bench.channel, MOMENT, jitter=1.0)
    attempt = bench.attempts.get(DELIVER, "ops")
    assert (attempt.problem, attempt.hint) == (PASSING.message, "Wait.")
    assert attempt.next_at
    assert attempt.next_at - MOMENT == BACK_OFF.pause(1, 1.0) < BACK_OFF.pause(1)


def that_waits(bench: DeliveryBench, waits: Callable[[Alert, datetime], bool]) -> Delivery:
    """The same, which asks of each alert whether it waits for a rotation."""
    return Delivery(
        outbox=bench.outbox,
        alerts=bench.alerts,
        attempts=bench.attempts,
        alerting=bench.problems,
        origin=Origin("prod-1"),
        waits=waits,
    )


def test_what_ended_or_waits_is_left_out_and_the_rest_is_sent(bench: DeliveryBench) -> None:
    """It is asked just before each is sent: some have ended since they were claimed."""
    bench.channel.digest_from = 100
    alerts = [bench.alert(number) for number in range(1, 6)]
    waiting = {alerts[2].id}
    delivery = that_waits(bench, lambda alert, _now: alert.id in waiting)

    def meanwhile(message: Message) -> None:
        if message.alert.id == alerts[0].id:
            bench.alerts.close(alerts[1].key, "Over.", MOMENT)

    bench.channel.refuses = meanwhile
    assert delivery.deliver("ops", lambda: bench.channel, MOMENT).accepted == 3
    assert {message.alert.id for message, _ in bench.channel.sent} == {alerts[at].id for at in (0, 3, 4)}
    assert bench.delivery.due(["ops"], MOMENT + ASKED_AGAIN - timedelta(seconds=1)) == []
    waiting.clear()
    assert delivery.deliver("ops", lambda: bench.channel, MOMENT + ASKED_AGAIN).accepted == 1


def test_the_end_of_what_waits_is_told_all_the_same(bench: DeliveryBench) -> None:
    alert = bench.alert()
    bench.deliver()
    bench.alerts.close(alert.key, "Over.", MOMENT)
    delivery = that_waits(bench, lambda _alert, _now: True)
    assert delivery.deliver("ops", lambda: bench.channel, MOMENT).accepted == 1


@longer
def test_what_ended_while_a_digest_was_sent_is_not_in_the_next_one(bench: DeliveryBench) -> None:
    alerts = [bench.alert(number) for number in range(DIGEST_UP_TO + 6)]

    def meanwhile(_: Message) -> None:
        bench.alerts.close(alerts[-3].key, "Over.", MOMENT)

    bench.channel.refuses = meanwhile
    assert bench.deliver().accepted == DIGEST_UP_TO + 5
    assert [len(digest) for digest in bench.channel.digests] == [DIGEST_UP_TO, 5]


def test_a_message_that_fails_alone_for_now_is_tried_again_soon(bench: DeliveryBench) -> None:
    bench.channel.digest_from = 100
    alerts = [bench.alert(1), bench.alert(2)]
    bench.channel.refuses = lambda message: PASSING if message.alert.id == alerts[1].id else None
    bench.deliver()
    [refused] = bench.outbox.notifications(alerts[1].id)
    assert refused.next_at
    assert MOMENT < refused.next_at < MOMENT + BACK_OFF.ceiling


def test_what_is_wrong_elsewhere_does_not_end_with_a_channel(bench: DeliveryBench) -> None:
    other = bench.alert(steps=())
    bench.problems.open[other.key] = NewAlert(key=other.key, kind="org", severity=Severity.WARNING, title="", text="")
    bench.delivery.drop_unconfigured([], MOMENT)
    assert [*bench.problems.open] == [other.key]
