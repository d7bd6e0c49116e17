"""One round, and then the end: what a timer starts."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.daemon.daemon_run import DaemonRun
    from rotator.daemon.workers import Work
    from rotator.services.schedule.jobs import Job

_LOG: Final = logging.getLogger(__name__)

_NAP: Final = timedelta(seconds=0.5)
"""After which a request to stop is looked for."""

LAST_CALLS: Final = timedelta(seconds=20)
"""How long looks and deliveries may go on after a request to stop: they can be cut off as by a crash."""

ATTENTION: Final = 1
AWAY: Final = 3
INTERRUPTED: Final = 130


def run_once(shift: DaemonRun, work: Work, stop_asked: Callable[[], bool]) -> int:
    """Everything that is due, once; gives the exit code: 0 all is well, 1 a person is needed, 3 something is away,
    130 it was asked to stop.

    Raises DaemonRunning beside a daemon that works, HistoryError.
    """

    def run_all(jobs: Sequence[Job]) -> None:
        for job in jobs:
            if not stop_asked():
                work.begin(job)
        _wait(work, stop_asked)

    with shift.at_work():
        end = shift.round.once(run_all)
    if stop_asked():
        return INTERRUPTED
    for trial in end.failing:
        about = {"what": f"{trial.kind} {trial.name}".rstrip(), "why": trial.problem, "advice": trial.advice}
        _LOG.warning("it did not end well", extra=about)
    if work.faults:
        return ATTENTION
    return end.exit_code or (AWAY if work.failures else 0)


def _wait(work: Work, stop_asked: Callable[[], bool]) -> None:
    while not stop_asked():
        if work.wait(set(JobKind), _NAP):
            return
    work.drop_waiting()
    work.wait({JobKind.ROTATE})
    work.wait(set(JobKind), LAST_CALLS)
