"""A fault of the program in one channel or hook fails that one, for good, and says that it is one."""

from __future__ import annotations

from typing import NoReturn

import pytest

from rotator.alerts.base import DeliveryFailed
from rotator.errors import OrgUnavailable
from rotator.services.own_faults import without_own_faults


def test_what_a_call_returns_is_given_on() -> None:
    assert without_own_faults(lambda: 3, "It failed", DeliveryFailed) == 3


def test_a_fault_of_the_program_is_a_lasting_failure_that_names_it() -> None:
    def call() -> NoReturn:
        raise KeyError("thread")

    with pytest.raises(DeliveryFailed) as caught:
        without_own_faults(call, "Channel ops was sent no message", DeliveryFailed)
    assert caught.value.message == "Channel ops was sent no message: rotator has a fault (KeyError)."
    assert (caught.value.hint, caught.value.transient) == ("Report it to the project.", False)
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("error", [OrgUnavailable("The org is away."), MemoryError()])
def test_what_is_no_fault_of_one_thing_alone_is_raised_as_it_is(error: Exception) -> None:
    def call() -> NoReturn:
        raise error

    with pytest.raises(type(error)) as caught:
        without_own_faults(call, "It failed", DeliveryFailed)
    assert caught.value is error
