"""Who leads holds a lock that can be lost; who does not says whom it stands by for."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core import words
from rotator.daemon.leader import LeaderLock
from rotator.errors import DaemonRunning, HistoryUnavailable, Holder
from tests.unit.daemon.conftest import Hold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.errors import RotatorError

OTHER = Holder(7, "host-b", datetime(2026, 11, 23, 12, tzinfo=UTC))
ANOTHER = Holder(8, "host-c", datetime(2026, 11, 23, 13, tzinfo=UTC))


class Lock:
    """The lock of the database, and how often it was taken and let go of."""

    def __init__(self) -> None:
        self.refusal: RotatorError | None = None
        self.hold = Hold()
        self.taken = self.freed = 0

    @contextmanager
    def lead(self) -> Iterator[Any]:
        if self.refusal:
            raise self.refusal
        self.taken += 1
        self.hold = Hold()
        try:
            yield self.hold
        finally:
            self.freed += 1

    def is_led_by(self, holder: Holder) -> None:
        self.refusal = DaemonRunning("Another leads.", hint="Leave it.", holder=holder)


@pytest.fixture
def lock() -> Lock:
    return Lock()


@pytest.fixture
def leader(caplog: pytest.LogCaptureFixture) -> LeaderLock:
    caplog.set_level(logging.INFO, "rotator.daemon.leader")
    return LeaderLock(does_all=False)


def test_the_lock_is_taken_once_and_kept(lock: Lock, leader: LeaderLock) -> None:
    assert not leader.is_held
    assert [leader.take(lock.lead) for _ in range(3)] == [True, True, True]
    assert (leader.is_held, lock.taken, lock.freed) == (True, 1, 0)


def test_a_lock_that_was_lost_is_let_go_of_before_it_is_taken_anew(
    lock: Lock, leader: LeaderLock, caplog: pytest.LogCaptureFixture
) -> None:
    leader.take(lock.lead)
    lock.hold.held = False
    assert leader.take(lock.lead)
    assert (leader.is_held, lock.taken, lock.freed) == (True, 2, 1)
    assert "the lock was lost; what runs goes on" in caplog.messages


def test_who_has_lost_the_lock_to_another_does_not_lead(lock: Lock, leader: LeaderLock) -> None:
    leader.take(lock.lead)
    lock.hold.held = False
    lock.is_led_by(OTHER)
    assert not leader.take(lock.lead)
    assert (leader.is_held, lock.freed) == (False, 1)


def test_who_cannot_ask_for_a_lost_lock_does_not_lead(lock: Lock, leader: LeaderLock) -> None:
    leader.take(lock.lead)
    lock.hold.held = False
    lock.refusal = HistoryUnavailable("The history is away.", hint="Wait.")
    with pytest.raises(HistoryUnavailable):
        leader.take(lock.lead)
    assert (leader.is_held, lock.freed) == (False, 1)


def test_whoever_stops_lets_go_of_it_at_once(lock: Lock, leader: LeaderLock) -> None:
    leader.take(lock.lead)
    leader.let_go()
    assert (leader.is_held, lock.freed) == (False, 1)
    leader.let_go()
    assert lock.freed == 1


def test_it_says_for_whom_it_stands_by_as_long_as_it_does_and_logs_each_once(
    lock: Lock, leader: LeaderLock, caplog: pytest.LogCaptureFixture
) -> None:
    for holder in (OTHER, OTHER, ANOTHER):
        lock.is_led_by(holder)
        assert not leader.take(lock.lead)
        assert leader.other == words.holder(holder)
    stood_by = [each for each in caplog.records if each.message == "stands by for another that leads"]
    assert [vars(each)["worker"] for each in stood_by] == [words.holder(OTHER), words.holder(ANOTHER)]
    lock.refusal = None
    assert leader.take(lock.lead)
    assert not leader.other
    assert caplog.messages[-1] == "the lock was taken; this one leads"


def test_where_who_leads_does_all_of_the_work_that_is_said(lock: Lock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rotator.daemon.leader")
    leader = LeaderLock(does_all=True)
    leader.take(lock.lead)
    lock.hold.held = False
    lock.is_led_by(OTHER)
    leader.take(lock.lead)
    assert caplog.messages == [
        "the lock was taken; this one works",
        "the lock was lost; what runs ends where nothing is half done",
        "stands by for another that works",
    ]
