"""One round, and then the end: what a timer starts."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.services.schedule.jobs import CycleEnd, JobKind, label_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.daemon.daemon_run import DaemonRun
    from rotator.daemon.workers import Workers
    from rotator.services.schedule.jobs import Job

_LOG: Final = logging.getLogger(__name__)

_NAP: Final = timedelta(seconds=0.5)
"""After which a request to stop is looked for."""

LAST_CALLS: Final = timedelta(seconds=20)
"""How long looks and deliveries may go on after a request to stop: they can be cut off as by a crash."""


def run_once(daemon_run: DaemonRun, workers: Workers, stop_asked: Callable[[], bool]) -> CycleEnd:
    """Everything that is due, once. Raises DaemonRunning beside a daemon that works, HistoryError."""

    def run_all(jobs: Sequence[Job]) -> None:
        for job in jobs:
            if not stop_asked():
                workers.begin(job)
        _wait(workers, stop_asked)

    with daemon_run.lead():
        result = daemon_run.cycle.once(run_all)
    if stop_asked():
        return CycleEnd.INTERRUPTED
    for attempt in result.failing:
        what = f"{label_of(attempt.kind)} {attempt.name}".rstrip()
        about = {"what": what, "why": attempt.problem, "hint": attempt.hint}
        _LOG.warning("it did not end well", extra=about)
    if workers.faults:
        return CycleEnd.ATTENTION
    return CycleEnd.AWAY if workers.failures and result.end is CycleEnd.WELL else result.end


def _wait(workers: Workers, stop_asked: Callable[[], bool]) -> None:
    while not stop_asked():
        if workers.wait(set(JobKind), _NAP):
            return
    workers.drop_waiting()
    workers.wait({JobKind.ROTATE})
    workers.wait(set(JobKind), LAST_CALLS)
