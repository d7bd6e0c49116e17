"""Puts the service together, and starts it."""

from __future__ import annotations

import logging
import random
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from rotator.daemon.configuration import prove
from rotator.daemon.daemon_run import DaemonRun, RunningRotations
from rotator.daemon.once import run_once
from rotator.daemon.service import Service, slots_of
from rotator.daemon.signals import taken
from rotator.daemon.systemd import Notifier
from rotator.daemon.workers import Workers
from rotator.errors import HistoryUnavailable
from rotator.web.routes import application
from rotator.web.server import WebServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from rotator.application import Application
    from rotator.services.schedule.jobs import CycleEnd

_LOG: Final = logging.getLogger(__name__)

_RANDOM: Final = random.SystemRandom()


def serve(app: Application, *, with_pages: bool, exit_at_once: Callable[[CycleEnd], NoReturn]) -> None:
    """Runs the service until it is asked to stop; one that cannot end otherwise ends by `exit_at_once` (Service).

    Raises ConfigurationError when a secret is missing or the pages cannot be served where they are to be, HistoryError
    when the history cannot be used as it is. One that is away for a while is waited for, as an org or a store is.
    """
    prove(app, app.settings)
    try:
        app.database.upgrade()
    except HistoryUnavailable as error:
        _LOG.warning("the history is away: %s It is tried again on every tick.", error.message)
    with ExitStack() as stack:
        next_signal = stack.enter_context(taken())
        service = Service(
            app,
            Notifier.from_environ(app.environ),
            monotonic=time.monotonic,
            random=_RANDOM.random,
            exit_at_once=exit_at_once,
        )
        if with_pages:
            _LOG.info("pages are served", extra={"url": stack.enter_context(_pages(app, service)).url})
        service.run(next_signal)


def serve_once(
    app: Application, stop_asked: Callable[[], bool], *, exit_at_once: Callable[[CycleEnd], NoReturn]
) -> CycleEnd:
    """Does one full round (`rotator.daemon.once.run_once`); with jobs that do not end, it ends by `exit_at_once`.

    Raises ConfigurationError when a secret is missing, DaemonRunning beside a daemon that works, HistoryError.
    """
    prove(app, app.settings)
    workers = Workers(slots_of(app.settings), monotonic=time.monotonic)
    daemon_run = DaemonRun(app, random=_RANDOM.random, stop_asked=stop_asked, rotations=RunningRotations())
    end = run_once(daemon_run, workers, stop_asked)
    if workers.running:
        # What was cut off must not meet an interpreter that takes itself apart.
        logging.shutdown()
        exit_at_once(end)
    return end


def _pages(app: Application, service: Service) -> WebServer:
    settings = app.settings.http
    token = settings.token.resolve(app.environ) if settings.token else None
    return WebServer(application(service.pages, settings, token=token, alive=service.liveness), settings)
