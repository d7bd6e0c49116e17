"""A channel is sent what waits for nothing, and by one process at a time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from rotator.history.alerts.outbox import sending
from rotator.history.locks.locks import Hold
from rotator.services.schedule import delivery_job
from rotator.services.schedule.delivery_job import DeliveryJobs
from tests.contract.history.databases import NEW_ALERT
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database


@pytest.fixture
def one(database: Database) -> CycleBench:
    """A channel that is owed a message."""
    found = cycle_bench(database)
    found.context.history.alerting.happened(NEW_ALERT, found.bench.time)
    return found


@pytest.mark.parametrize("waits", [False, True])
def test_what_a_rotation_is_about_to_solve_is_asked_of_before_it_is_sent(
    one: CycleBench, monkeypatch: pytest.MonkeyPatch, *, waits: bool
) -> None:
    asked = SimpleNamespace(waits=lambda _alert, _now: waits)
    monkeypatch.setattr(delivery_job, "Withholding", lambda *_: asked)
    DeliveryJobs(one.context).deliver("slack")
    assert len(one.outside.told) == int(not waits)


@pytest.mark.parametrize("is_held", [False, True])
def test_nothing_is_sent_once_the_lock_of_the_channel_is_lost(
    one: CycleBench, monkeypatch: pytest.MonkeyPatch, *, is_held: bool
) -> None:
    monkeypatch.setattr(Hold, "still_held", lambda _: is_held)
    DeliveryJobs(one.context).deliver("slack")
    assert len(one.outside.told) == int(is_held)


def test_while_another_process_sends_to_a_channel_it_is_left_to_it(one: CycleBench) -> None:
    jobs = DeliveryJobs(one.context)
    with one.context.database.rotation_locks(one.bench.now).hold(sending("slack")):
        jobs.deliver("slack")
    assert one.outside.told == []
    assert jobs.due(one.bench.time) == ["slack"]
    jobs.deliver("slack")
    assert jobs.due(one.bench.time) == []
