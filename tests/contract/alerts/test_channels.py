"""What every channel promises, tried against servers that answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from rotator.alerts.base import DeliveryFailed
from rotator.testing.channels import ChannelContract
from rotator.testing.messages import message
from tests.contract.planted import logging_everything, whole
from tests.contract.servers.silence import FOR_GOOD

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.alerts.base import Channel
    from tests.contract.alerts.grounds import Ground

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
"""One of Apprise's plug-ins imports it; all of them are loaded when the first is looked for."""


class TestChannels(ChannelContract):
    """What is promised to plug-ins of others, too."""

    @pytest.fixture
    def channel(self, ground: Ground) -> Channel:
        return ground.open()

    @pytest.fixture
    def arrived(self, ground: Ground) -> Callable[[], list[str]]:
        return ground.arrived

    @pytest.fixture
    def refusing(self, ground: Ground) -> Channel:
        ground.refuse(lasting=True)
        ground.refuse(lasting=True)
        return ground.open()


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
    assert time.monotonic() - began < FOR_GOOD / 2
    assert failed.value.transient


def test_a_lost_answer_is_a_failure_although_the_message_has_arrived(ground: Ground) -> None:
    ground.lose_answer()
    with pytest.raises(DeliveryFailed):
        ground.open().send(message(), thread=None)
    assert len(ground.arrived()) == 1


def test_a_server_that_is_not_there_is_a_failure_that_may_pass(ground: Ground, unused_port: int) -> None:
    channel = ground.open(port=unused_port)
    with pytest.raises(DeliveryFailed) as failed:
        channel.send(message(), thread=None)
    assert failed.value.transient


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
