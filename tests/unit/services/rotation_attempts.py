"""Attempts at rotations of a cycle's bench, whose runs end as a test says."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from rotator.core.attempts import AttemptRecord
from rotator.core.decision.policies import Strategy
from rotator.errors import RotatorError
from rotator.services.rotation.report import Outcome, Report
from rotator.services.schedule.rotation_job import RotationJob
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.services.rotation.requests import Request
    from tests.unit.services.cycle_bench import CycleBench


HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DUE = 336 * DAY


def made_due(found: CycleBench) -> CycleBench:
    """Its certificate is due."""
    found.bench.use("Billing")
    found.bench.time += DUE
    return found


def attempted(found: CycleBench) -> RotationJob:
    """The job of one attempt, which has ended."""
    job = RotationJob(found.context, found.outside, found.bench.credential)
    job.run()
    return job


def ends(found: CycleBench, end: Report | RotatorError) -> list[Request]:
    """Each run ends so from now on; the requests are listed."""
    asked: list[Request] = []

    def handle(request: Request, may_begin: Callable[[], bool]) -> Report:
        assert may_begin()
        asked.append(request)
        if isinstance(end, RotatorError):
            raise end
        return end

    found.outside.rotation_service = lambda *_, **__: SimpleNamespace(handle=handle)  # type: ignore[method-assign, assignment]
    return asked


def report(outcome: Outcome, **details: Any) -> Report:
    """Of a run."""
    return Report("billing", Strategy.IN_PLACE, outcome, "So it went.", **details)


def note(found: CycleBench, kind: str, name: str, failures: int) -> None:
    """So often in a row something has failed."""
    found.context.history.attempts.put(AttemptRecord(kind, name, last_at=MOMENT, failures=failures))
