"""One process at a time sends to a channel, for as long as it takes; what a dead one had claimed is taken over."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.severity import Severity
from rotator.errors import RotationRunning
from rotator.history.alerts.claimants import Claimant
from rotator.history.alerts.outbox import Outbox, sending
from rotator.services.alerting.delivery import LEASE, SENT_WITHIN
from tests.contract.history.databases import NEW_ALERT, NOW
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.alerts.base import Message
    from rotator.history.alerts.outbox import Notification
    from rotator.history.engine.database import Database


@pytest.fixture
def at(database: Database) -> CycleBench:
    """A service with one message for its channel."""
    found = cycle_bench(database)
    found.context.alerting.happened(replace(NEW_ALERT, key="a", severity=Severity.CRITICAL), found.bench.time)
    return found


def claimed_by(database: Database, claimant: Claimant, monkeypatch: pytest.MonkeyPatch) -> list[Notification]:
    with monkeypatch.context() as here:
        here.setattr(Claimant, "of_this_process", lambda: claimant)
        return Outbox(database).claim("slack", NOW, LEASE)


@pytest.mark.parametrize("hours", [0, 1, 100])
def test_while_a_slow_sender_lives_nobody_else_sends(at: CycleBench, hours: int) -> None:
    began, may_end = threading.Event(), threading.Event()
    accept = at.outside.send

    def slowly(message: Message, *, thread: str | None) -> str:
        began.set()
        assert may_end.wait(30)
        return accept(message, thread=thread)

    at.outside.send = slowly  # type: ignore[method-assign]
    sender = threading.Thread(target=lambda: at.cycle.deliver("slack"))
    sender.start()
    try:
        assert began.wait(30)
        at.bench.time += timedelta(hours=hours)
        other = CycleBench(at.outside, at.context, at.cycle)
        other.restart()
        other.cycle.deliver("slack")
        assert at.outside.told == []
    finally:
        may_end.set()
        sender.join()
    assert len(at.outside.told) == 1
    at.cycle.deliver("slack")
    assert len(at.outside.told) == 1


def test_a_sender_that_has_lost_its_lock_begins_nothing_more(at: CycleBench) -> None:
    for number in range(3):
        at.context.alerting.happened(replace(NEW_ALERT, key=f"{number}"), at.bench.time)
    delivery = at.cycle._delivery._delivery
    held = iter([True, False])
    delivery.deliver("slack", lambda: at.outside, at.bench.time, is_alone=lambda: next(held))  # type: ignore[arg-type, return-value]
    assert len(at.outside.told) == 1
    at.cycle.deliver("slack")
    assert len(at.outside.told) == 4


def test_what_a_dead_process_had_claimed_is_free_at_once(
    database: Database, at: CycleBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert claimed_by(database, replace(Claimant.of_this_process(), started="1"), monkeypatch)
    at.bench.time = NOW
    at.cycle.deliver("slack")
    assert len(at.outside.told) == 1


def test_what_a_process_elsewhere_had_begun_to_send_is_waited_for(
    database: Database, at: CycleBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lock is free, so it is dead, or has lost its lock while it sends one more message."""
    assert claimed_by(database, replace(Claimant.of_this_process(), host="elsewhere"), monkeypatch)
    at.bench.time = NOW
    at.cycle.deliver("slack")
    at.bench.time = NOW + SENT_WITHIN - timedelta(seconds=1)
    at.cycle.deliver("slack")
    assert at.outside.told == []
    at.bench.time = NOW + SENT_WITHIN
    at.cycle.deliver("slack")
    assert len(at.outside.told) == 1


def test_what_this_process_had_claimed_and_could_not_give_back_is_waited_for_as_long(
    database: Database, at: CycleBench
) -> None:
    assert Outbox(database).claim("slack", NOW, LEASE)
    at.bench.time = NOW
    at.cycle.deliver("slack")
    assert at.outside.told == []
    at.bench.time = NOW + SENT_WITHIN
    at.cycle.deliver("slack")
    assert len(at.outside.told) == 1


def test_each_channel_has_a_lock_of_its_own(database: Database, at: CycleBench) -> None:
    locks = database.rotation_locks(at.bench.now)
    with locks.hold(sending("mail")):
        at.cycle.deliver("slack")
        with pytest.raises(RotationRunning), locks.hold(sending("mail")):
            pass
    assert len(at.outside.told) == 1


def test_a_claim_of_an_earlier_release_is_waited_for(
    database: Database, at: CycleBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as here:
        here.setattr(Claimant, "claim", lambda _: "5e1f0a")
        assert Outbox(database).claim("slack", NOW, LEASE)
    at.bench.time = NOW + timedelta(seconds=1)
    at.cycle.deliver("slack")
    assert at.outside.told == []
