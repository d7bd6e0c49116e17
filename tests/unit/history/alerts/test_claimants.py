"""Who has claimed a notification is known to be dead, or is not: nothing is guessed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from rotator.history.alerts.claimants import Claimant

THIS = Claimant.of_this_process()


def test_a_claim_says_whose_it_is_and_is_unlike_any_other() -> None:
    assert THIS.claim() != THIS.claim()
    assert Claimant.parse(THIS.claim()) == THIS


def test_a_claim_of_an_earlier_release_says_nothing() -> None:
    assert Claimant.parse("5e1f0a") is None
    assert Claimant.parse("") is None
    assert Claimant.parse("one two three four") is None


def test_a_process_that_lives_is_not_known_to_be_dead() -> None:
    assert not THIS.is_known_dead()


def test_a_process_that_has_ended_is_known_to_be_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        told = Path(f"/proc/{process.pid}/stat").read_text()
        other = replace(THIS, pid=process.pid, started=told.rpartition(")")[2].split()[19])
        assert not other.is_known_dead()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert other.is_known_dead()
        process.wait()
        assert other.is_known_dead()


def test_another_process_of_the_same_number_is_not_the_one_that_claimed() -> None:
    assert replace(THIS, started="1").is_known_dead()


def test_of_a_process_of_another_machine_nothing_is_known() -> None:
    assert not replace(THIS, host="elsewhere", pid=2**22, started="1").is_known_dead()


def test_a_number_that_no_process_can_have_proves_nothing() -> None:
    assert not replace(THIS, pid=2**70).is_known_dead()
