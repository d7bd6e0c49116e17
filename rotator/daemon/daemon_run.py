"""One configuration at work: the round by it, and what the pages show of it. One that is read again begins another."""

from __future__ import annotations

import socket
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from rotator.core.decision.policies import Strategy
from rotator.daemon.rotation_log import Progress
from rotator.services.reporting.reader import HistoryReader
from rotator.services.schedule.context import ServiceContext
from rotator.services.schedule.cycle import Cycle
from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from rotator.application import Application
    from rotator.config.settings import Settings
    from rotator.history.locks.locks import Hold
    from rotator.services.schedule.jobs import Job


class RunningRotations:
    """The rotations that run, each with what the log tells of it."""

    def __init__(self) -> None:
        self._runs: Final[dict[str, Progress]] = {}

    def follow(self, settings: Settings, credential: str) -> Progress:
        """A listener for the run that begins now."""
        in_place = settings.credentials[credential].strategy is Strategy.IN_PLACE
        self._runs[credential] = Progress(credential, in_place=in_place)
        return self._runs[credential]

    def job(self, job: Job) -> Job:
        """The same job; when it ends, its run is followed no more. Most look, and find that no run is needed."""

        def run() -> None:
            try:
                job.run()
            finally:
                self._runs.pop(job.name, None)

        return replace(job, run=run) if job.kind is JobKind.ROTATE else job

    @property
    def standings(self) -> list[str]:
        """Where each rotation is, and how far it still goes when it is asked to stop."""
        return [run.standing for run in tuple(self._runs.values())]

    @property
    def credentials(self) -> list[str]:
        """Those that are being rotated."""
        return list(self._runs)


class DaemonRun:
    """The round by one configuration."""

    def __init__(
        self,
        app: Application,
        *,
        random: Callable[[], float],
        stop_asked: Callable[[], bool],
        rotations: RunningRotations,
    ) -> None:
        """Raises HistoryError when the history cannot be opened."""
        self.context: Final = ServiceContext(
            settings=app.settings,
            database=app.database,
            open_adapters=app.fork,
            now=app.now,
            random=random,
            actor=f"rotator on {socket.gethostname()}",
            stop_asked=stop_asked,
            listener=partial(rotations.follow, app.settings),
        )
        self.cycle: Final = Cycle(self.context)
        self.lead: Final[Callable[[], AbstractContextManager[Hold]]] = partial(self.cycle.lead, app.locks)

    def pages(self, settings: Callable[[], Settings]) -> HistoryReader:
        """What the pages show."""
        return HistoryReader(settings, self.context.database, self.context.now)
