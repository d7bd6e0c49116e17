import os
import signal

import pytest

from rotator.cli.stopping import StopRequest

pytestmark = pytest.mark.usefixtures("signals_as_in_a_terminal")


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
    with StopRequest().listening() as stop:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        assert stop()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_was_ignored_stays_so(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)
    with StopRequest().listening() as stop:
        os.kill(os.getpid(), number)
        assert not stop()
    assert signal.getsignal(number) is signal.SIG_IGN


def test_signals_mean_what_they_meant_before_once_it_is_over() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest().listening():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
