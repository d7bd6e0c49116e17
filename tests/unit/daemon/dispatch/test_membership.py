"""What a heartbeat does of a machine among several, without the database: tests/contract/queue has it with one."""

from __future__ import annotations

import logging
import threading
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from rotator.core.machines.fleet import CLOCK_TOLERANCE, SILENT_AFTER, Role
from rotator.daemon.dispatch import membership as module
from rotator.daemon.dispatch.membership import _BEATS_BETWEEN_TIDYINGS, Membership
from rotator.errors import HistoryUnavailable
from rotator.history.locks.sessions import EndedSessions, LostProcess
from rotator.queue.machines import SilentMachine
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from collections.abc import Iterable

AWAY = HistoryUnavailable("The database is away.", hint="Wait.")
SECOND = SilentMachine("crm-2", 7, MOMENT)
THIRD = SilentMachine("crm-3", 8, MOMENT)


def lost(machine: SilentMachine) -> LostProcess:
    return LostProcess(machine.pid, machine.host, MOMENT + SILENT_AFTER)


@dataclass
class Fleet:
    """Instead of the database: what a beat finds there, and what was done about it."""

    silent: list[SilentMachine] = field(default_factory=list)
    clock_off: timedelta = timedelta()
    beat_fails: Exception | None = None
    end_fails: Exception | None = None
    roles: frozenset[str] = frozenset()
    """Of whom sessions cannot be ended."""
    stalled: list[tuple[str, str]] = field(default_factory=list)
    """Jobs of machines that are lost."""
    is_led: bool = True
    role: Role = Role.BOTH
    may_judge: bool = True
    id: str = "one"
    ended: list[list[LostProcess]] = field(default_factory=list)
    offers: int = 0
    tidyings: int = 0
    left: int = 0
    closed: int = 0

    # rotator.queue.machines.ThisMachine

    def beat(self, *, leads: bool, concurrency: object) -> list[SilentMachine]:  # noqa: ARG002
        if self.beat_fails:
            raise self.beat_fails
        return self.silent

    def leave(self) -> None:
        self.left += 1
        if self.beat_fails:
            raise self.beat_fails

    # rotator.queue.jobs_database.JobsDatabase

    def apart(self) -> Fleet:
        return self

    def transaction(self) -> Any:
        return nullcontext()

    def is_held(self, _lock: str) -> bool:
        return self.is_led

    def close(self) -> None:
        self.closed += 1

    def end(self, _connection: object, processes: Iterable[LostProcess]) -> EndedSessions:
        if self.end_fails:
            raise self.end_fails
        self.ended.append(sorted(processes))
        return EndedSessions(3, self.roles)

    def offer(self, _connection: object) -> None:
        self.offers += 1

    def tidy_up(self, _jobs: object) -> None:
        self.tidyings += 1


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    made = Fleet()
    monkeypatch.setattr(module, "ThisMachine", lambda *_, **__: made)
    for name, does in {"end_sessions": made.end, "offer": made.offer, "forget": made.tidy_up}.items():
        monkeypatch.setattr(module, name, does)
    monkeypatch.setattr(module, "sweep", lambda _jobs: made.stalled)
    return made


@pytest.fixture
def one(fleet: Fleet) -> Membership:
    return Membership(fleet, Role.BOTH, now=lambda: MOMENT, monotonic=lambda: 0.0)  # type: ignore[arg-type]


def beat(one: Membership, *, leads: bool = True) -> Mock:
    """The surroundings of it."""
    surroundings = Mock(**{"leads.return_value": leads})
    one._beat(surroundings, {})
    return surroundings


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, Any]]:
    """Each line, with what follows it."""
    about = ("hint", "ended_sessions")
    lines = [(each.getMessage(), [vars(each)[name] for name in about if name in vars(each)]) for each in caplog.records]
    caplog.clear()
    return lines


def test_of_a_machine_that_is_silent_the_sessions_are_ended_once_for_each_silence(
    one: Membership, fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    """Later another process may be called as it was."""
    for silent in ([SECOND], [SECOND, THIRD], [SECOND, THIRD], [THIRD], [SECOND, THIRD]):
        fleet.silent = silent
        beat(one)
    assert fleet.ended == [[lost(SECOND)], [lost(THIRD)], [lost(SECOND)]]
    assert said(caplog) == [
        (f"silent, and taken for lost: process {each}", [3]) for each in ("7 on crm-2", "8 on crm-3", "7 on crm-2")
    ]


def test_sessions_that_could_not_be_ended_are_tried_again_with_the_next_beat(
    one: Membership, fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    fleet.silent, fleet.end_fails = [SECOND], AWAY
    beat(one)
    beat(one)
    assert said(caplog) == [("a heartbeat failed: The database is away.", ["Wait."])], "once, and not with every beat"
    fleet.end_fails, fleet.roles = None, frozenset({"app"})
    beat(one)
    assert fleet.ended == [[lost(SECOND)]]
    assert "are those of app, which this role may not end" in said(caplog)[-1][0]


def test_a_fault_in_one_beat_is_told_with_its_place_and_the_next_one_comes(
    one: Membership, fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    fleet.beat_fails = ZeroDivisionError()
    beat(one)
    [(line, _)] = said(caplog)
    assert line.startswith("a fault in a heartbeat, at ")
    assert line.endswith(": ZeroDivisionError")
    fleet.beat_fails = None
    beat(one)
    fleet.beat_fails = ZeroDivisionError()
    beat(one)
    assert len(said(caplog)) == 1, "it is news again"


def test_who_leads_asks_anew_for_the_jobs_of_lost_machines_and_tidies_up_now_and_then(
    one: Membership, fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    fleet.stalled = [("rotate", "billing"), ("evaluate", "")]
    assert beat(one).tick_now.called
    assert said(caplog) == [("jobs whose machine was lost are asked for anew: rotate billing and evaluate", [])]
    fleet.stalled = []
    assert not beat(one).tick_now.called
    for _ in range(2 * _BEATS_BETWEEN_TIDYINGS - 2):
        beat(one)
    assert (fleet.offers, fleet.tidyings) == (2 * _BEATS_BETWEEN_TIDYINGS, 2)
    fleet.may_judge, fleet.stalled = False, [("rotate", "billing")]
    assert not beat(one).tick_now.called


@pytest.mark.parametrize(
    ("role", "is_led", "asks"), [(Role.BOTH, False, True), (Role.BOTH, True, False), (Role.WORKER, False, False)]
)
def test_who_may_lead_and_sees_that_nobody_does_asks_for_it_at_once(
    one: Membership, fleet: Fleet, role: Role, *, is_led: bool, asks: bool
) -> None:
    fleet.role, fleet.is_led, fleet.stalled = role, is_led, [("rotate", "billing")]
    assert beat(one, leads=False).tick_now.called is asks
    assert fleet.offers == 0


def test_a_clock_that_is_wrong_is_told_when_it_begins_and_when_it_is_over(
    one: Membership, fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, module.__name__)
    for off in (CLOCK_TOLERANCE, *[-12 * CLOCK_TOLERANCE] * 3, timedelta(0), timedelta(0)):
        fleet.clock_off = off
        beat(one)
    (wrong, [hint]), right = said(caplog)
    assert wrong == "the clock of this machine is 12 minutes behind the database's"
    assert "NTP" in hint
    assert right == ("the clock of this machine is right again", [])


def test_a_machine_beats_until_it_leaves_and_keeps_no_process_from_ending(
    one: Membership, fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    one.leave(timedelta(seconds=60))
    assert (fleet.left, fleet.closed) == (1, 1), "one that never began, too"
    one._leaves.clear()
    begun = threading.Event()

    def concurrency() -> dict[str, int]:
        begun.set()
        return {}

    one.start(Mock(), concurrency)
    assert begun.wait(60)
    [thread] = [each for each in threading.enumerate() if each.name == "heartbeat"]
    assert thread.daemon
    caplog.clear()
    fleet.beat_fails = AWAY
    one.leave(timedelta(seconds=60))
    assert not thread.is_alive()
    assert ("it could not take its leave: The database is away.", []) in said(caplog)
    assert fleet.closed == 2
