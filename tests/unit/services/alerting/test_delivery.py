from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from rotator.alerts.base import DeliveryFailed, Message, PartlyAccepted
from rotator.core.alert import NewAlert
from rotator.core.severity import Severity
from rotator.core.thresholds import label
from rotator.errors import ConfigurationError
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import OPENED, Outbox
from rotator.history.attempts import AttemptRecords
from rotator.services.alerting.delivery import AT_ONCE, BACK_OFF, DELIVER, DIGEST_UP_TO, LEASE, Delivered, Delivery
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rotator.core.alert import Alert
    from rotator.history.engine.database import Database

DAY = timedelta(days=1)
PASSING = DeliveryFailed("Channel ops: no answer.", hint="Wait.")
LASTING = DeliveryFailed("Channel ops: invalid_auth.", hint="Put a token there.", transient=False)


@dataclass
class Recorder:
    """A channel that keeps what it is sent, and refuses when told to."""

    name: str = "ops"
    digest_from: int = 5
    has_threads: bool = True
    refuses: Callable[[Message], Exception | None] = lambda _: None
    sent: list[tuple[Message, str | None]] = field(default_factory=list)
    digests: list[list[Message]] = field(default_factory=list)
    numbers: Iterable[int] = field(default_factory=lambda: count(1))

    def send(self, message: Message, *, thread: str | None) -> str:
        self._mind(message)
        self.sent.append((message, thread))
        return thread or f"thread {next(iter(self.numbers))}"

    def send_digest(self, messages: Sequence[Message]) -> str:
        self._mind(messages[0])
        self.digests.append(list(messages))
        return f"digest {next(iter(self.numbers))}"

    def check(self) -> str:
        return "There."

    def close(self) -> None: ...

    def _mind(self, message: Message) -> None:
        refusal = self.refuses(message)
        if refusal:
            raise refusal

    @property
    def titles(self) -> list[str]:
        return [message.title for message, _ in self.sent]


class Problems:
    """Problems that were opened and solved."""

    def __init__(self) -> None:
        self.open: dict[str, NewAlert] = {}
        self.opened = 0

    def problem(self, new: NewAlert, now: datetime) -> None:  # noqa: ARG002
        self.opened += new.key not in self.open
        self.open[new.key] = new

    def solved(self, key: str, why: str, now: datetime) -> None:  # noqa: ARG002
        self.open.pop(key, None)


class Desk:
    """An outbox with a delivery over it, and a channel."""

    def __init__(self, database: Database) -> None:
        self.outbox, self.alerts, self.attempts = Outbox(database), AlertRecords(database), AttemptRecords(database)
        self.problems = Problems()
        self.channel = Recorder()
        self.delivery = Delivery(
            outbox=self.outbox, alerts=self.alerts, attempts=self.attempts, alerting=self.problems, back_off=BACK_OFF
        )

    def alert(self, number: int = 1, *, steps: Sequence[str] = (OPENED,), **changes: object) -> Alert:
        """An alert of which the channel is owed these steps."""
        fields: dict[str, object] = {
            "key": f"alert {number}",
            "kind": "org",
            "severity": Severity.WARNING,
            "title": f"Org {number} cannot be read",
            "text": "The user is locked.",
            "org": f"org{number}",
            "facts": {"Org": f"org{number}"},
        }
        alert, _ = self.alerts.open(NewAlert(**fields | changes), MOMENT)  # type: ignore[arg-type] # fields of it
        for step in steps:
            self.outbox.add(alert.id, step, "ops", MOMENT)
        return alert

    def deliver(self, at: timedelta = timedelta(0)) -> Delivered:
        return self.delivery.deliver("ops", lambda: self.channel, MOMENT + at)


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
    assert "kept and sent again" in problem.text
    desk.channel.refuses = lambda _: None
    desk.deliver(5 * DAY)
    assert desk.problems.open == {}


def test_what_only_a_person_can_mend_is_told_of_at_once_and_tried_at_the_ceiling(desk: Desk) -> None:
    desk.alert()
    desk.channel.refuses = lambda _: LASTING
    desk.deliver()
    assert "Put a token there." in desk.problems.open["delivery:ops"].text
    attempt = desk.attempts.get(DELIVER, "ops")
    assert attempt.needs_attention
    assert attempt.next_at == MOMENT + BACK_OFF.ceiling


def test_a_channel_that_cannot_be_used_is_one_that_only_a_person_can_mend(desk: Desk) -> None:
    desk.alert()

    def unusable() -> Recorder:
        raise ConfigurationError("The environment variable TOKEN is not set.", hint="Export TOKEN.")

    desk.delivery.deliver("ops", unusable, MOMENT)
    assert "Export TOKEN." in desk.problems.open["delivery:ops"].text
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
