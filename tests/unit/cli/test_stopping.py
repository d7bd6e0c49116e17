import os
import signal

import pytest

from rotator.cli.stopping import StopRequest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_stops_at_once(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    with StopRequest().listening() as stop:
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop()
        assert capsys.readouterr().err.count("Stopping where nothing is left half done.") == 1
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


def test_a_terminal_that_is_closed_only_asks_however_often_it_says_so() -> None:
    # Under nohup it is ignored.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        with StopRequest().listening() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_that_was_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest().listening() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_signals_mean_what_they_meant_before_once_it_is_over() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest().listening():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
