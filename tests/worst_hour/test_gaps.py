"""A gap counts by what the program did in it, and not by how busy the machine was."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.worst_hour import gaps
from tests.worst_hour.consumers import Login
from tests.worst_hour.gaps import MOST, Gap, excess_of
from tests.worst_hour.waited import Waited, waited_by

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW: Final = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
LENGTH: Final = 30
"""Seconds of the gap; in the first five of them logins are refused."""


def logins(waited_in_a_second: float) -> Iterator[Login]:
    for number in range(-1, LENGTH + 2):
        at, waited = NOW + number * SECOND, max(0, number) * waited_in_a_second * SECOND
        yield Login(at, at, "invalid_grant" if 0 <= number <= 5 else "", waited=waited)


@pytest.mark.parametrize(("waited_in_a_second", "is_too_long"), [(0.0, True), (0.2, True), (0.9, False)])
def test_only_the_wait_for_a_processor_is_the_machines(
    monkeypatch: pytest.MonkeyPatch, waited_in_a_second: float, *, is_too_long: bool
) -> None:
    made = [*logins(waited_in_a_second)]
    consumer = SimpleNamespace(logins=made, refusals=[login for login in made if login.refusal])
    life: Any = SimpleNamespace(
        consumer=consumer,
        org=SimpleNamespace(logins=[]),
        apps=(),
        mended_at=None,
        machine=SimpleNamespace(was_slow=False),
    )
    monkeypatch.setattr(gaps, "gaps_of", lambda _: [Gap(NOW, NOW + LENGTH * SECOND, is_uncertain=False)])
    [exceeding] = excess_of(life).exceeding
    assert (exceeding > MOST) == is_too_long


def test_to_sleep_is_not_to_wait_for_a_processor() -> None:
    before, began = waited_by(os.getpid()), time.monotonic()
    time.sleep(0.2)
    waited, passed = waited_by(os.getpid()) - before, time.monotonic() - began
    assert waited < timedelta(seconds=passed - 0.1)


def test_the_waits_of_processes_that_have_ended_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {1: 3 * SECOND, 2: SECOND}
    monkeypatch.setattr("tests.worst_hour.waited.waited_by", lambda pid: seen[pid])
    running: Any = SimpleNamespace(pid=1)
    waited = Waited(lambda: running)
    assert waited.so_far() == 3 * SECOND
    running = SimpleNamespace(pid=2)
    assert waited.so_far() == 4 * SECOND
    running, seen[2] = None, 9 * SECOND
    assert waited.so_far() == 4 * SECOND


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    assert waited_by(2**30) == timedelta(0)
