"""After which jobs the monitor outside is called: those of a whole cycle since it was called before."""

from __future__ import annotations

import logging
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.attempts import AttemptRecord
from rotator.services.schedule.heartbeat_job import Heartbeat
from rotator.services.schedule.jobs import Job, JobKind, Moment
from rotator.testing.versions import MOMENT
from tests.unit.services.cycle_bench import cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

EVERY = timedelta(hours=1)
LAST = MOMENT - 2 * EVERY
BEFORE, AFTER = LAST - EVERY, LAST + EVERY

CALLED = AttemptRecord(JobKind.HEARTBEAT, "").succeeded(LAST)
LOOKED = AttemptRecord(JobKind.INVENTORY, "production").succeeded(AFTER)
LOOKED_BEFORE = AttemptRecord(JobKind.INVENTORY, "production").succeeded(BEFORE)
FAILED_BEFORE = AttemptRecord(JobKind.INVENTORY, "production", last_at=BEFORE, failures=1, next_at=MOMENT + EVERY)
ROTATED = AttemptRecord(JobKind.ROTATE, "billing").succeeded(AFTER)
ROTATED_BEFORE = AttemptRecord(JobKind.ROTATE, "billing").succeeded(BEFORE)
TOLD_BEFORE = AttemptRecord(JobKind.DELIVER, "slack").succeeded(BEFORE)

ROTATION = Job(JobKind.ROTATE, "billing", lambda: None)
DELIVERY = Job(JobKind.DELIVER, "slack", lambda: None)
LOOK = Job(JobKind.INVENTORY, "production", lambda: None)


@pytest.mark.parametrize(
    ("known", "due", "is_due"),
    [
        ([], [], False),
        ([LOOKED], [], True),
        ([CALLED, LOOKED], [], True),
        ([CALLED, LOOKED_BEFORE], [], False),
        ([CALLED, FAILED_BEFORE], [], True),
        ([LOOKED], [ROTATION], False),
        ([LOOKED, ROTATED_BEFORE], [ROTATION], True),
        ([CALLED, LOOKED, ROTATED_BEFORE], [ROTATION], False),
        ([CALLED, LOOKED, ROTATED], [ROTATION], True),
        ([CALLED, LOOKED], [LOOK], True),
        ([CALLED, LOOKED, TOLD_BEFORE], [DELIVERY], True),
        ([AttemptRecord(JobKind.HEARTBEAT, "").succeeded(MOMENT), LOOKED], [], False),
        ([AttemptRecord(JobKind.HEARTBEAT, "").succeeded(MOMENT + 24 * EVERY), LOOKED], [], True),
    ],
    ids=[
        "no org was looked at yet",
        "each org was, for the first time",
        "each org was, since the last call",
        "none was, since the last call",
        "the org is known to fail",
        "a rotation is due and was never tried",
        "it was tried, and nothing was called yet",
        "it was not tried since the last call",
        "it was tried since, and is due again",
        "an org is due again, and was looked at since",
        "a channel waits",
        "it was called just now",
        "the clock was set back, and each org was looked at",
    ],
)
def test_it_is_called_once_every_org_and_all_that_is_due_was_tried(
    known: list[AttemptRecord], due: list[Job], *, is_due: bool
) -> None:
    attempts: dict[str, dict[str, AttemptRecord]] = {}
    for each in known:
        attempts.setdefault(each.name, {})[each.kind] = each
    settings = SimpleNamespace(orgs=["production"], daemon=SimpleNamespace(inventory_every=EVERY))
    context: Any = SimpleNamespace(settings=settings)
    heartbeat = Heartbeat(context)
    for _ in range(2):
        assert heartbeat.is_due(Moment(MOMENT, attempts, {}, ()), due) is is_due


def test_the_log_says_why_it_could_not_be_called(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    one = cycle_bench(database)
    one.outside.monitor_fails = True
    with caplog.at_level(logging.WARNING):
        one.cycle.send_heartbeat()
    [line] = caplog.records
    assert (line.getMessage(), vars(line)["why"]) == ("heartbeat failed", "The monitor is away.")
