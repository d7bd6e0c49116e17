"""What every channel promises, tried against servers that answer."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from rotator.alerts.base import DeliveryFailed
from rotator.core.severity import Severity
from tests.contract.alerts.grounds import HOSTILE, Ground
from tests.contract.planted import logging_everything, whole
from tests.messages import message

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
"""One of Apprise's plug-ins imports it; all of them are loaded when the first is looked for."""


def test_an_accepted_message_has_arrived_once_with_all_that_it_says(ground: Ground) -> None:
    ground.open().send(message(), thread=None)
    (arrived,) = ground.arrived()
    for part in ("App1", "2026-12-07", "Upload a new certificate", "19" * 32, "rotator alerts ack 20261123-00000001"):
        assert part in arrived


def test_what_is_sent_later_in_an_alert_goes_into_its_thread(ground: Ground) -> None:
    channel = ground.open()
    thread = channel.send(message(), thread=None)
    assert bool(thread) is channel.has_threads
    assert channel.send(message(key="later"), thread=thread) == thread
    assert len(ground.arrived()) == 2


def test_a_digest_is_one_message_that_names_every_alert(ground: Ground) -> None:
    ground.open().send_digest([message(number) for number in range(1, 13)])
    (arrived,) = ground.arrived()
    assert all(f"App{number} " in arrived for number in range(1, 13))


def test_a_digest_names_the_most_urgent_first(ground: Ground) -> None:
    severities = {1: Severity.INFO, 2: Severity.CRITICAL}
    ground.open().send_digest([message(number, about={"severity": severities[number]}) for number in severities])
    (arrived,) = ground.arrived()
    assert arrived.index("App2 ") < arrived.index("App1 ")


@pytest.mark.parametrize("lasting", [True, False])
def test_a_refused_message_has_not_arrived_and_the_refusal_says_what_to_do(ground: Ground, *, lasting: bool) -> None:
    ground.refuse(lasting=lasting)
    with pytest.raises(DeliveryFailed) as refused:
        ground.open().send(message(), thread=None)
    assert ground.arrived() == []
    assert "ops" in refused.value.message
    assert "kept and sent again" in refused.value.effect
    assert refused.value.hint
    assert refused.value.transient is not (lasting and ground.tells_lasting)


def test_after_a_refusal_the_channel_accepts_again(ground: Ground) -> None:
    channel = ground.open()
    ground.refuse(lasting=False)
    with pytest.raises(DeliveryFailed):
        channel.send(message(), thread=None)
    ground.accept()
    channel.send(message(), thread=None)
    assert len(ground.arrived()) == 1


def test_a_server_that_does_not_answer_is_given_up_in_time(ground: Ground) -> None:
    ground.hang()
    began = time.monotonic()
    with pytest.raises(DeliveryFailed) as failed:
        ground.open(timeout="1s").send(message(), thread=None)
    assert time.monotonic() - began < 10
    assert failed.value.transient


def test_a_lost_answer_is_a_failure_although_the_message_has_arrived(ground: Ground) -> None:
    ground.lose_answer()
    with pytest.raises(DeliveryFailed):
        ground.open(timeout="1s").send(message(), thread=None)
    assert len(ground.arrived()) == 1


def test_a_server_that_is_not_there_is_a_failure_that_may_pass(ground: Ground, unused_port: int) -> None:
    channel = ground.open(port=unused_port)
    with pytest.raises(DeliveryFailed) as failed:
        channel.send(message(), thread=None)
    assert failed.value.transient


def test_names_from_an_org_are_shown_and_do_nothing(ground: Ground) -> None:
    hostile = message(about={"title": HOSTILE, "org": HOSTILE}, title=HOSTILE, facts={HOSTILE: HOSTILE})
    ground.open().send(hostile, thread=None)
    (arrived,) = ground.arrived()
    assert "\u202e" not in arrived


def test_a_check_tells_nobody_anything(ground: Ground) -> None:
    assert ground.open().check()
    assert ground.arrived() == []


def test_threads_may_share_a_channel(ground: Ground) -> None:
    channel = ground.open()
    failures: list[BaseException] = []

    def send(number: int) -> None:
        try:
            channel.send(message(number), thread=None)
        except DeliveryFailed as error:
            failures.append(error)

    senders = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert failures == []
    assert len(ground.arrived()) == 4


def _refused(ground: Ground) -> None:
    ground.refuse(lasting=True)


def _silent(ground: Ground) -> None:
    ground.hang()


def _fine(_: Ground) -> None: ...


@pytest.mark.parametrize("order", [_fine, _refused, _silent])
def test_no_secret_is_in_a_message_an_error_or_a_log(ground: Ground, order: Callable[[Ground], None]) -> None:
    order(ground)
    told = ""
    with logging_everything() as log:
        channel = ground.open(timeout="1s")
        try:
            channel.send(message(), thread=None)
        except DeliveryFailed as error:
            told = whole(error)
    for place in (told, repr(vars(channel)), *log.lines, *ground.arrived()):
        assert ground.secret not in place
