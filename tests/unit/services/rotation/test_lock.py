"""A run acts only while it has its lock; a lost one is taken again unless somebody has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.errors import HistoryUnavailable, LockLost, RotationRunning, RotatorError
from rotator.services.rotation.lock import LockGuard
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from collections.abc import Callable

LOST = LockLost("The lock was lost.", rerun="Run it again.")
AWAY = HistoryUnavailable("The history is away.", rerun="Run it again.")
TAKEN = RotationRunning("Somebody has it.", hint="Wait.")
TIMEOUT = timedelta(minutes=2)


@dataclass
class LostLock:
    """A lock that answers as it is told, and time that passes when somebody sleeps."""

    is_held: bool = False
    answers: list[RotatorError | None] = field(default_factory=list)
    """To each attempt to take it again; the last one to all that follow."""
    attempts: int = 0
    slept: float = 0.0

    def check(self) -> None:
        if not self.is_held:
            raise LOST

    def take_again(self) -> None:
        answer = self.answers[min(self.attempts, len(self.answers) - 1)]
        self.attempts += 1
        if answer:
            raise answer
        self.is_held = True

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def guard(self) -> LockGuard:
        return LockGuard(self, now=lambda: MOMENT + timedelta(seconds=self.slept), sleep=self.sleep, timeout=TIMEOUT)


def never() -> bool:
    return False


def lose_and_take_again(guard: LockGuard, gives_up: Callable[[], bool] = never) -> None:
    lost = guard.loss()
    assert lost is LOST
    guard.take_again(lost, gives_up=gives_up)


def test_a_lock_that_is_held_is_no_loss() -> None:
    assert LostLock(is_held=True).guard().loss() is None


def test_a_lost_lock_is_taken_again_at_once() -> None:
    lock = LostLock(answers=[None])
    guard = lock.guard()
    lose_and_take_again(guard)
    assert guard.loss() is None
    assert lock.slept == 0


def test_a_history_that_is_away_is_waited_for() -> None:
    lock = LostLock(answers=[AWAY, AWAY, None])
    lose_and_take_again(lock.guard())
    assert lock.slept == 2


def test_it_is_not_waited_for_without_end() -> None:
    lock = LostLock(answers=[AWAY])
    with pytest.raises(LockLost, match="The lock was lost"):
        lose_and_take_again(lock.guard())
    assert lock.slept == TIMEOUT.total_seconds()


def test_a_lock_that_is_lost_again_and_again_is_not_waited_for_without_end() -> None:
    lock = LostLock(answers=[None])
    guard = lock.guard()
    for _ in range(3):
        lose_and_take_again(guard)
        lock.is_held, lock.slept = False, lock.slept + 45
    lock.answers = [AWAY]
    with pytest.raises(LockLost, match="The lock was lost"):
        lose_and_take_again(guard)
    assert lock.slept == 3 * 45


def test_where_somebody_else_has_it_nothing_is_waited_for() -> None:
    lock = LostLock(answers=[AWAY, TAKEN])
    with pytest.raises(LockLost, match="The lock was lost"):
        lose_and_take_again(lock.guard())
    assert (lock.attempts, lock.slept) == (2, 1)


def test_who_is_asked_to_stop_waits_no_longer() -> None:
    lock = LostLock(answers=[AWAY])
    with pytest.raises(LockLost, match="The lock was lost"):
        lose_and_take_again(lock.guard(), gives_up=lambda: lock.attempts == 2)
    assert lock.slept == 1
