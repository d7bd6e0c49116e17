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
from rotator.services.alerting.delivery import BACK_OFF, LEASE, Delivered
from rotator.testing.versions import MOMENT
from tests.unit.services.alerting.deliveries import DAY, LASTING, PASSING, Desk, Recorder

if TYPE_CHECKING:
    from rotator.history.engine.database import Database


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def test_a_failure_is_tried_again_after_a_pause_that_doubles_up_to_a_ceiling(desk: Desk) -> None:
    desk.alert()
    desk.channel.refuses = lambda _: PASSING
    at, pauses = timedelta(0), []
    for _ in range(8):
        assert desk.deliver(at).problem is PASSING
        next_at = desk.attempts.get(DELIVER, "ops").next_at
        assert next_at is not None
        assert desk.delivery.due(["ops"], next_at - timedelta(seconds=1)) == []
        assert desk.delivery.due(["ops"], next_at) == ["ops"]
        pauses.append(next_at - MOMENT - at)
        at = next_at - MOMENT
    assert [pause / timedelta(minutes=1) for pause in pauses] == [1, 2, 4, 8, 16, 30, 30, 30]
    desk.channel.refuses = lambda _: None
    assert desk.deliver(at).accepted == 1
    assert desk.attempts.get(DELIVER, "ops").failures == 0


def test_what_the_channel_asks_for_is_obeyed(desk: Desk) -> None:
    desk.alert()
    hour = timedelta(hours=1)
    desk.channel.refuses = lambda _: DeliveryFailed("Later.", hint="", retry_after=hour)
    desk.deliver()
    assert desk.delivery.due(["ops"], MOMENT + hour - timedelta(seconds=1)) == []
    assert desk.delivery.due(["ops"], MOMENT + hour) == ["ops"]


def test_a_pause_that_is_asked_for_amid_many_keeps_the_rest_for_later(desk: Desk) -> None:
    desk.channel.digest_from = 100
    for number in range(4):
        desk.alert(number)
    hour = timedelta(hours=1)
    desk.channel.refuses = lambda _: None if len(desk.channel.sent) < 2 else _later(hour)
    assert desk.deliver().accepted == 2
    assert desk.delivery.due(["ops"], MOMENT + hour - timedelta(seconds=1)) == []
    desk.channel.refuses = lambda _: None
    assert desk.deliver(hour).accepted == 2
    assert len(set(desk.channel.titles)) == 4
    assert desk.problems.opened == 0


def _later(pause: timedelta) -> DeliveryFailed:
    return DeliveryFailed("Later.", hint="", retry_after=pause)


def test_a_channel_that_failed_three_times_is_told_of_elsewhere_until_it_accepts(desk: Desk) -> None:
    desk.alert()
    desk.channel.refuses = lambda _: PASSING
    for day in range(3):
        assert desk.problems.open == {}
        desk.deliver(day * DAY)
    (problem,) = desk.problems.open.values()
    assert problem.key == "delivery:ops"
    assert "no answer" in problem.text
    assert "kept and sent again" in problem.meanwhile
    desk.channel.refuses = lambda _: None
    desk.deliver(5 * DAY)
    assert desk.problems.open == {}


def test_what_only_a_person_can_mend_is_told_of_at_once_and_tried_at_the_ceiling(desk: Desk) -> None:
    desk.alert()
    desk.channel.refuses = lambda _: LASTING
    desk.deliver()
    assert desk.problems.open["delivery:ops"].to_do == "Put a token there."
    attempt = desk.attempts.get(DELIVER, "ops")
    assert attempt.needs_attention
    assert attempt.next_at == MOMENT + BACK_OFF.ceiling


def test_a_channel_that_cannot_be_used_is_one_that_only_a_person_can_mend(desk: Desk) -> None:
    desk.alert()

    def unusable() -> Recorder:
        raise ConfigurationError("The environment variable TOKEN is not set.", hint="Export TOKEN.")

    desk.delivery.deliver("ops", unusable, MOMENT)
    assert desk.problems.open["delivery:ops"].to_do == "Export TOKEN."
    assert desk.outbox.pending() == {"ops": 1}


def test_a_message_that_is_refused_for_good_does_not_hold_up_the_others(desk: Desk) -> None:
    desk.channel.digest_from = 100
    for number in range(4):
        desk.alert(number)
    desk.channel.refuses = lambda message: LASTING if message.title.startswith("Org 0") else None
    assert desk.deliver().accepted == 3
    desk.alert(5)
    assert desk.deliver().accepted == 1
    assert "delivery:ops" in desk.problems.open
    # It is tried on, and while it is owed, the channel is not as it should be.
    assert desk.deliver(BACK_OFF.ceiling).problem is LASTING
    assert "delivery:ops" in desk.problems.open
    desk.channel.refuses = lambda _: None
    assert desk.deliver(2 * BACK_OFF.ceiling).accepted == 1
    assert desk.problems.open == {}


def test_a_digest_that_is_refused_for_one_message_in_it_is_taken_apart(desk: Desk) -> None:
    for number in range(6):
        desk.alert(number)
    desk.channel.refuses = lambda message: LASTING if message.title.startswith("Org 0") else None
    assert desk.deliver().accepted == 5
    assert desk.channel.digests == []
    assert desk.outbox.pending() == {"ops": 1}


def test_a_channel_that_refuses_a_digest_and_two_messages_is_at_fault(desk: Desk) -> None:
    for number in range(6):
        desk.alert(number)
    asked: list[str] = []
    desk.channel.refuses = lambda message: asked.append(message.title) or LASTING  # type: ignore[func-returns-value]
    assert desk.deliver() == Delivered(problem=LASTING)
    assert len(asked) == 3
    assert desk.delivery.due(["ops"], MOMENT + BACK_OFF.ceiling - timedelta(seconds=1)) == []


def test_messages_that_were_refused_come_after_the_others(desk: Desk) -> None:
    desk.channel.digest_from = 100
    for number in range(4):
        desk.alert(number)
    desk.channel.refuses = lambda message: LASTING if message.title[:5] in {"Org 0", "Org 1"} else None
    assert desk.deliver().accepted == 0
    assert desk.deliver(BACK_OFF.ceiling).accepted == 2


def test_a_channel_that_is_down_is_asked_once_for_all_that_it_is_owed(desk: Desk) -> None:
    desk.channel.digest_from = 100
    for number in range(10):
        desk.alert(number)
    asked: list[Message] = []
    desk.channel.refuses = lambda message: asked.append(message) or PASSING  # type: ignore[func-returns-value]
    desk.deliver()
    assert len(asked) == 1


def test_a_fault_in_one_message_is_that_messages_failure(desk: Desk) -> None:
    desk.channel.digest_from = 100
    desk.alert(1)
    desk.alert(2)
    desk.channel.refuses = lambda message: KeyError("x") if message.title.startswith("Org 1") else None
    outcome = desk.deliver()
    assert outcome.accepted == 1
    assert outcome.problem is not None
    assert "KeyError" in outcome.problem.message


def test_partly_accepted_is_told_and_an_alert(desk: Desk) -> None:
    alert = desk.alert()
    partly = PartlyAccepted("Channel ops: refused some: a@example.com.", hint="Correct `to`.", thread="thread 7")
    desk.channel.refuses = lambda _: partly
    assert desk.deliver() == Delivered(accepted=1, problem=partly)
    assert desk.outbox.thread(alert.id, "ops") == "thread 7"
    assert "does not reach everybody" in desk.problems.open["delivery:ops"].title
    desk.channel.refuses = lambda _: None
    desk.alert(2)
    desk.deliver()
    assert desk.problems.open == {}


def test_after_a_crash_between_acceptance_and_writing_it_the_same_message_is_sent_again(desk: Desk) -> None:
    desk.alert()
    desk.channel.refuses = lambda message: desk.channel.sent.append((message, None)) or MemoryError()  # type: ignore[func-returns-value]
    with pytest.raises(MemoryError):
        desk.deliver()
    desk.channel.refuses = lambda _: None
    assert desk.deliver(LEASE - timedelta(seconds=1)) == Delivered()
    assert desk.deliver(LEASE).accepted == 1
    first, again = (message for message, _ in desk.channel.sent)
    assert first.key == again.key


def test_two_deliveries_never_send_the_same(desk: Desk) -> None:
    desk.alert()

    def meanwhile(_: Message) -> None:
        desk.channel.refuses = lambda _: None
        assert desk.deliver() == Delivered()

    desk.channel.refuses = meanwhile
    desk.deliver()
    assert len(desk.channel.sent) == 1


def test_what_is_owed_to_a_channel_that_is_not_configured_any_more_is_dropped(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.alert(key="delivery:ops", kind="delivery", steps=())
    desk.alert()
    with caplog.at_level("WARNING"):
        desk.delivery.drop_unconfigured(["ops"], MOMENT)
        assert desk.outbox.pending() == {"ops": 1}
        desk.problems.open["delivery:ops"] = NewAlert(
            key="delivery:ops", kind="delivery", severity=Severity.WARNING, title="", text=""
        )
        desk.delivery.drop_unconfigured(["pager"], MOMENT)
    assert desk.outbox.pending() == {}
    assert desk.problems.open == {}
    assert [vars(record)["channel"] for record in caplog.records] == ["ops"]
