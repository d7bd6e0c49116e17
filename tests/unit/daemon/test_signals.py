from __future__ import annotations

import os
import signal

from rotator.daemon.signals import RELOAD, taken


def test_signals_come_one_after_the_other_and_interrupt_nothing() -> None:
    with taken() as next_signal:
        assert next_signal(0) is None
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            os.kill(os.getpid(), number)
        assert [next_signal(5) for _ in range(3)] == [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]
        assert next_signal(0) is None


def test_a_signal_that_was_ignored_stays_so() -> None:
    before = signal.signal(RELOAD, signal.SIG_IGN)
    try:
        with taken() as next_signal:
            os.kill(os.getpid(), RELOAD)
            assert next_signal(0) is None
        assert signal.getsignal(RELOAD) is signal.SIG_IGN
    finally:
        signal.signal(RELOAD, before)


def test_signals_mean_what_they_meant_before_once_it_is_over() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with taken():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
