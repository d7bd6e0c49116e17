"""`rotator pages`: the pages in a process of their own, which reads the history and can do nothing else.

    signals -> main thread        every second: was the clock set, does it tick; tells systemd
    tick    -> scheduler thread   who does the work? (asks for the leader's lock, and takes none)
               page threads       answers from the history

It opens the history so that the database itself refuses to write, and upgrades nothing. It has no adapter of an org, a
store or a channel, and asks for no secret but those of the history and the pages. What callers can take from it, they
take from no rotation.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.daemon.configuration import changed, check_secrets_of_pages, needs_restart, read_again
from rotator.daemon.logs import tell_repeats
from rotator.daemon.scheduler import Scheduler
from rotator.daemon.signals import OF_A_SERVICE, RELOAD, STOP, signals_taken
from rotator.daemon.systemd import Notifier
from rotator.daemon.watchdog import Watchdog
from rotator.daemon.workers import Workers
from rotator.errors import ConfigurationError, HistoryError, RotatorError
from rotator.history.engine.database import open_configured
from rotator.process import keep_memory_together, raise_file_limit
from rotator.services.reporting.reader import HistoryReader
from rotator.web.server import pages_server

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable

    from rotator.application import Application
    from rotator.history.engine.database import Database
    from rotator.web.source import Liveness

_LOG: Final = logging.getLogger(__name__)


def serve_pages(app: Application) -> None:
    """Serves the pages until it is asked to stop. A history that is away, or not there yet, is waited for.

    Raises ConfigurationError when there are to be no pages, a secret is missing, or they cannot be served where they
    are to be.
    """
    settings = app.settings.http
    if settings is None:
        raise ConfigurationError(
            "There are to be no pages: `http` in config.yaml is null.",
            effect="Nothing was started.",
            hint="Take that line out, or write `http: {process: own}`.",
        )
    keep_memory_together()
    descriptors = raise_file_limit()
    check_secrets_of_pages(app, app.settings)
    with (
        signals_taken(OF_A_SERVICE) as next_signal,
        open_configured(app.settings.database, app.environ, only_reads=True) as history,
    ):
        process = PagesProcess(app, history, Notifier.from_environ(app.environ), monotonic=time.monotonic)
        with pages_server(
            process.source, settings, environ=app.environ, alive=process.liveness, descriptors=descriptors
        ) as server:
            _LOG.info("pages are served", extra={"url": server.url})
            server.prepare(process.source)
            process.run(next_signal)


class PagesProcess:
    """One process that serves pages, from its start to its end."""

    def __init__(
        self, app: Application, history: Database, notifier: Notifier, *, monotonic: Callable[[], float]
    ) -> None:
        self._app: Final = app
        self._notifier: Final = notifier
        self._monotonic: Final = monotonic
        self._settings = app.settings
        self._started_at: Final = app.now()
        self._worker = ""
        self._scheduler: Final = Scheduler(self._look, app.settings.daemon.tick, now=app.now, monotonic=monotonic)
        self._watchdog: Final = Watchdog(
            notifier,
            Workers({}, monotonic=monotonic),
            is_ticking=lambda: self.liveness().is_alive,
            monotonic=monotonic,
        )
        self.source: Final = HistoryReader(lambda: self._settings, history, app.now)

    def run(self, next_signal: Callable[[float], signal.Signals | None]) -> None:
        """Runs until it is asked to stop. Nothing is lost, whatever it is doing then."""
        pulse = self._notifier.pulse
        self._scheduler.start()
        self._notifier.ready(self._status())
        _LOG.info("started")
        while (number := next_signal(pulse)) not in STOP:
            if number is RELOAD:
                self._reload()
            self._check()
        self._notifier.stopping("stopping")
        self._scheduler.stop()
        _LOG.info("ended")

    def liveness(self) -> Liveness:
        """What the process says of itself."""
        return self._scheduler.liveness(self._started_at, is_working=False, only_reads=True, worker=self._worker)

    def _look(self) -> None:
        """In the scheduler's thread."""
        try:
            holder = self.source.worker()
        except HistoryError:
            self._worker = ""
            raise
        self._worker = words.holder(holder) if holder else ""

    def _reload(self) -> None:
        self._notifier.reloading(self._monotonic)
        try:
            settings = read_again(self._app, check_secrets_of_pages)
        except RotatorError as error:
            _LOG.error("the configuration was refused, the one before stays in force: %s", error.message)
        else:
            restart_for = needs_restart(changed(self._app.settings, settings))
            changes = {"changed": changed(self._settings, settings), "restart_for": restart_for}
            _LOG.info("the configuration was read again", extra=changes)
            self._settings = settings
            self._scheduler.change(settings.daemon.tick)
        self._notifier.ready(self._status())

    def _check(self) -> None:
        tell_repeats()
        self._scheduler.pulse()
        self._watchdog.check(self._settings)
        self._notifier.status(self._status())

    def _status(self) -> str:
        """A line for `systemctl status`."""
        return self._scheduler.problem or self.liveness().whose_work
