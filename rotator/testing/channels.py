"""What every channel promises, as tests: one suite, word for word the same for each.

A channel's own test module subclasses `ChannelContract` and gives three fixtures:

    class TestMyChannel(ChannelContract):
        @pytest.fixture
        def channel(self) -> Channel:
            return MyChannel("ops", ...)  # one that accepts everything

        @pytest.fixture
        def arrived(self) -> Callable[[], list[str]]:
            return ...  # gives one text for each message that people can see by now

        @pytest.fixture
        def refusing(self) -> Channel:
            return MyChannel("ops", ...)  # one that accepts nothing
"""

# ruff: noqa: S101 -- these are tests.

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from rotator.alerts.base import DeliveryFailed
from rotator.core.severity import Severity
from rotator.testing.messages import FINGERPRINT, HOSTILE, message, settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.alerts.base import Channel

    Arrived = Callable[[], list[str]]


class ChannelContract:
    """The promises of `rotator.alerts.base.Channel`."""

    def test_it_has_the_name_that_it_was_given(self, channel: Channel) -> None:
        assert channel.name == "ops"
        assert channel.digest_from >= 2

    def test_an_accepted_message_has_arrived_once_with_all_that_it_says(
        self, channel: Channel, arrived: Arrived
    ) -> None:
        channel.send(message(), thread=None)
        (text,) = arrived()
        for part in ("App1", "2026-12-07", "Upload a new certificate", FINGERPRINT, "alerts ack 20261123-00000001"):
            assert part in text

    def test_what_is_sent_later_of_an_alert_goes_into_its_thread(self, channel: Channel) -> None:
        thread = channel.send(message(), thread=None)
        assert bool(thread) is channel.has_threads
        assert channel.send(message(key="later"), thread=thread or None) == thread
        assert channel.send(settled(), thread=thread or None) == thread

    def test_a_thread_that_is_another_channels_is_none(self, channel: Channel, arrived: Arrived) -> None:
        channel.send(message(), thread="what another type of channel of this name has given")
        assert len(arrived()) == 1

    def test_the_end_of_an_alert_asks_for_nothing(self, channel: Channel, arrived: Arrived) -> None:
        channel.send(settled(), thread=None)
        (text,) = arrived()
        assert "Replaced by 07c3" in text
        assert "alerts ack" not in text

    def test_a_digest_is_one_message_that_names_every_alert(self, channel: Channel, arrived: Arrived) -> None:
        channel.send_digest([message(number) for number in range(1, 13)])
        (text,) = arrived()
        assert all(f"App{number} " in text for number in range(1, 13))

    def test_a_digest_names_the_most_urgent_first(self, channel: Channel, arrived: Arrived) -> None:
        severities = {1: Severity.INFO, 2: Severity.CRITICAL}
        channel.send_digest([message(number, about={"severity": severities[number]}) for number in severities])
        (text,) = arrived()
        assert text.index("App2 ") < text.index("App1 ")

    def test_names_from_an_org_are_shown_and_do_nothing(self, channel: Channel, arrived: Arrived) -> None:
        hostile = message(
            about={"title": HOSTILE, "org": HOSTILE}, title=HOSTILE, text=HOSTILE, facts={HOSTILE: HOSTILE}
        )
        channel.send(hostile, thread=None)
        (text,) = arrived()
        assert "\u202e" not in text

    def test_a_check_tells_nobody_anything(self, channel: Channel, arrived: Arrived) -> None:
        assert channel.check()
        assert arrived() == []

    def test_threads_may_share_it(self, channel: Channel, arrived: Arrived) -> None:
        failures: list[BaseException] = []

        def send(number: int) -> None:
            try:
                channel.send(message(number), thread=None)
            except BaseException as error:  # the test fails by it, not this thread
                failures.append(error)

        senders = [threading.Thread(target=send, args=(number,)) for number in range(4)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert failures == []
        assert len(arrived()) == 4

    def test_what_it_does_not_accept_is_an_error_that_says_what_to_do(
        self, refusing: Channel, arrived: Arrived
    ) -> None:
        calls: list[Callable[[], object]] = [
            lambda: refusing.send(message(), thread=None),
            lambda: refusing.send_digest([message(1), message(2)]),
        ]
        for call in calls:
            with pytest.raises(DeliveryFailed) as refused:
                call()
            assert "ops" in refused.value.message
            assert "kept and sent again" in refused.value.effect
            assert refused.value.hint
        assert arrived() == []
