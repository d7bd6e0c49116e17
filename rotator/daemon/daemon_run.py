"""A run of the daemon by one configuration: its cycle, and what the pages show of it.

A configuration that is read again makes another run over the same database. Jobs that are under way keep the run that
they began with.
"""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING, Final

from rotator.errors import HistoryUnavailable
from rotator.process import actor
from rotator.services.machines.fleet_watch import FleetWatch
from rotator.services.reporting.reader import HistoryReader
from rotator.services.schedule.context import ServiceContext
from rotator.services.schedule.cycle import Cycle

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from rotator.application import Application
    from rotator.config.settings import Settings
    from rotator.core.usage.told_reports import ToldReport
    from rotator.daemon.rotation_log import RunningRotations
    from rotator.history.locks.locks import Hold
    from rotator.services.alerting.details import AlertDetails
    from rotator.services.reporting.overview import CertificateDetails, Overview, Readiness, RotationDetails
    from rotator.web.source import Source


class DaemonRun:
    """The cycle by one configuration."""

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
            actor=actor(app.environ, name=f"rotator on {socket.gethostname()}"),
            stop_asked=stop_asked,
            listener=partial(rotations.follow, app.settings),
            memory=app.service_memory(),
        )
        self.context.memory.note_configuration()
        self.cycle: Final = Cycle(self.context)
        self.fleet_watch: Final = FleetWatch(self.context)
        self.lead: Final[Callable[[], AbstractContextManager[Hold]]] = partial(self.cycle.lead, app.locks)

    def pages(self, settings: Callable[[], Settings]) -> HistoryReader:
        """What the pages show."""
        return HistoryReader(settings, self.context.database, self.context.now)


class PageSource:
    """What the pages show (`rotator.web.source.Source`): the history, once it has been opened."""

    def __init__(self) -> None:
        self._source: Source | None = None
        self.prepare: Callable[[Source], None] = lambda _source: None
        """What is done with each history that is to be shown, before anybody looks."""

    def show(self, source: Source) -> None:
        """Shows another history from now on."""
        self._source = source
        self.prepare(source)

    def overview(self) -> Overview:
        """See Source."""
        return self._opened().overview()

    def readiness(self) -> Readiness:
        """See Source."""
        return self._opened().readiness()

    def rotation(self, rotation_id: str) -> RotationDetails | None:
        """See Source."""
        return self._opened().rotation(rotation_id)

    def certificate(self, fingerprint: str) -> CertificateDetails | None:
        """See Source."""
        return self._opened().certificate(fingerprint)

    def alert(self, alert_id: str) -> AlertDetails | None:
        """See Source."""
        return self._opened().alert(alert_id)

    def note_report(self, credential: str, report: ToldReport) -> bool:
        """See Source."""
        return self._opened().note_report(credential, report)

    def try_writing(self) -> None:
        """See Source."""
        self._opened().try_writing()

    def _opened(self) -> Source:
        if self._source is None:
            raise HistoryUnavailable(
                "The history has not been opened yet.",
                effect="No inventory is taken and nothing is rotated meanwhile.",
                hint="It is tried again on every tick; the log says why it cannot be opened.",
            )
        return self._source
