from __future__ import annotations

import os
import signal

import pytest

from rotator.daemon.signals import OF_A_SERVICE, STOP, signals_taken

pytestmark = pytest.mark.usefixtures("signals_as_in_a_terminal")


def test_signals_come_one_after_the_other_and_interrupt_nothing() -> None:
    with signals_taken(OF_A_SERVICE) as next_signal:
        assert next_signal(0) is None
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            os.kill(os.getpid(), number)
        assert [next_signal(5) for _ in range(3)] == [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]
        assert next_signal(0) is None


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_was_ignored_stays_so(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)
    with signals_taken(OF_A_SERVICE) as next_signal:
        os.kill(os.getpid(), number)
        assert next_signal(0) is None
    assert signal.getsignal(number) is signal.SIG_IGN


def test_signals_mean_what_they_meant_before_once_it_is_over() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with signals_taken(OF_A_SERVICE):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_before_the_wait_for_it_ends_the_wait() -> None:
    with signals_taken(STOP) as next_signal:
        os.kill(os.getpid(), signal.SIGTERM)
        assert next_signal(None) is signal.SIGTERM
