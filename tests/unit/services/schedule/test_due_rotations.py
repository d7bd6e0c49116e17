"""In which order rotations that are due begin, where there is no room for all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.core.actor import Actor
from rotator.core.schedule import NextDue
from rotator.history.journal.journal import Journal
from rotator.history.records import NewRotation
from rotator.services.schedule.context import ServiceContext
from rotator.services.schedule.due_rotations import RotationJobs
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rotator.config.settings import Settings
    from rotator.history.engine.database import Database


def _no_adapters(*, limited: bool = False) -> AbstractContextManager[Any]:
    raise AssertionError(f"nothing is opened to find what is due (limited: {limited})")


def test_what_was_begun_comes_before_what_was_not(settings: Settings, database: Database) -> None:
    context = ServiceContext(settings, database, _no_adapters, lambda: MOMENT, lambda: 0.5, Actor("rotator on a test"))
    context.memory.next_dues.put(dict.fromkeys(settings.credentials, NextDue(due_at=MOMENT, expires_at=MOMENT)))
    jobs = RotationJobs(context)

    assert jobs.due(context.moment()) == ["billing", "warehouse", "management"]

    for name in ("management", "warehouse"):
        new = NewRotation(credential=name, org="any", strategy="in_place", trigger="schedule", actor="alex")
        begun = Journal(database).begin_rotation(new, MOMENT)
        if name == "warehouse":
            Journal(database).finish_rotation(begun.id, outcome="rotated", now=MOMENT)
    assert jobs.due(context.moment()) == ["management", "billing", "warehouse"]
