"""Starts the daemon: as a service until it is asked to stop, or for one cycle, as a timer has it."""

from __future__ import annotations

import logging
import random
import time
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from rotator.core.machines.fleet import Role
from rotator.daemon.configuration import check_secrets
from rotator.daemon.daemon_run import DaemonRun
from rotator.daemon.rotation_log import RunningRotations
from rotator.daemon.service import Service, slots_of
from rotator.daemon.signals import OF_A_SERVICE, signals_taken
from rotator.daemon.systemd import Notifier
from rotator.daemon.workers import STOP_TIMEOUT, Workers
from rotator.errors import ConfigurationError, HistoryUnavailable
from rotator.history.engine.database import file_of
from rotator.history.engine.upgrade_apart import upgrade_apart
from rotator.process import keep_memory_together, keep_what_is_loaded, raise_file_limit
from rotator.resources import docs
from rotator.services.schedule.jobs import CycleEnd, JobKind, label_of
from rotator.web.source import PREPARED_FROM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import NoReturn

    from rotator.application import Application
    from rotator.config.settings import Settings
    from rotator.daemon.dispatch.dispatcher import Dispatcher, Threads
    from rotator.services.schedule.jobs import Job

_LOG: Final = logging.getLogger(__name__)

_RANDOM: Final = random.SystemRandom()

_STOP_CHECK: Final = timedelta(seconds=0.5)
"""How often a cycle that is run once asks whether it is to stop."""


def serve(
    app: Application,
    *,
    with_pages: bool,
    exit_at_once: Callable[[CycleEnd], NoReturn],
    role: Role = Role.BOTH,
    at_once: Mapping[JobKind, int] | None = None,
) -> None:
    """Runs the service until it is asked to stop; one that cannot end otherwise ends by `exit_at_once` (Service).

    Raises ConfigurationError when a secret is missing, the pages cannot be served where they are to be, or a history
    that no machines share is to be led or worked at alone; HistoryError when the history cannot be used as it is. One
    that is away for a while is waited for, as an org or a store is.
    """
    _check_role(app.settings, role)
    keep_memory_together()
    descriptors = raise_file_limit()
    check_secrets(app, app.settings)
    app.upgrade_beforehand = partial(upgrade_apart, app.settings.database, app.environ)
    with _waited_for():
        app.database.upgrade()
        app.database.prove_sessions()
    with ExitStack() as stack:
        next_signal = stack.enter_context(signals_taken(OF_A_SERVICE))
        service = Service(
            app,
            Notifier.from_environ(app.environ),
            monotonic=time.monotonic,
            random=_RANDOM.random,
            exit_at_once=exit_at_once,
            at_once=at_once,
            share=_shared(app, role),
        )
        if with_pages:
            _serve_pages(app, service, stack, descriptors)
        keep_what_is_loaded()
        service.run(next_signal)


def _check_role(settings: Settings, role: Role) -> None:
    file = file_of(settings.database.url)
    if file is not None and role is not Role.BOTH:
        raise ConfigurationError(
            f"`--role {role}` leaves the rest to other machines, and none shares the history in {file}.",
            effect="Nothing was started.",
            hint=f"Leave `--role` out, or keep the history in Postgres: {docs('operations')}.",
        )


def _shared(app: Application, role: Role) -> Callable[[Threads], Dispatcher] | None:
    """Makes the dispatcher of machines that share a history; None for a history in a file, of which one does it all.

    Raises HistoryError as `serve` does.
    """
    if file_of(app.settings.database.url) is not None:
        return None
    # Not for a history in a file, which needs none of it.
    from rotator.daemon.dispatch.shared_queue import SharedQueue  # noqa: PLC0415

    app.is_one_of_many = True
    jobs = app.jobs
    if jobs is None:
        raise AssertionError("beside a history on a server there is something to be shared")
    with _waited_for():
        jobs.open()
    return partial(SharedQueue, jobs=jobs, role=role, now=app.now, monotonic=time.monotonic)


@contextmanager
def _waited_for() -> Iterator[None]:
    try:
        yield
    except HistoryUnavailable as error:
        _LOG.warning("the history is away: %s It is tried again on every tick.", error.message)


def serve_once(
    app: Application,
    stop_asked: Callable[[], bool],
    *,
    exit_at_once: Callable[[CycleEnd], NoReturn],
    at_once: Mapping[JobKind, int] | None = None,
) -> CycleEnd:
    """Runs one full cycle; where jobs do not end, it ends by `exit_at_once`.

    Raises ConfigurationError when a secret is missing, DaemonRunning beside a daemon that works, HistoryError.
    """
    check_secrets(app, app.settings)
    workers = Workers({**slots_of(app.settings), **(at_once or {})}, monotonic=time.monotonic)
    daemon_run = DaemonRun(app, random=_RANDOM.random, stop_asked=stop_asked, rotations=RunningRotations())
    end = run_once(daemon_run, workers, stop_asked)
    if workers.running:
        # A thread that is cut off must not run on while the interpreter shuts down around it.
        logging.shutdown()
        exit_at_once(end)
    return end


def run_once(daemon_run: DaemonRun, workers: Workers, stop_asked: Callable[[], bool]) -> CycleEnd:
    """One full cycle; gives how it ended. Raises DaemonRunning beside a daemon that works, HistoryError."""

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
        if workers.wait(set(JobKind), _STOP_CHECK):
            return
    workers.drop_waiting()
    workers.wait({JobKind.ROTATE})
    workers.wait(set(JobKind), STOP_TIMEOUT)


def _serve_pages(app: Application, service: Service, stack: ExitStack, descriptors: int) -> None:
    settings = app.settings.http
    if settings is None:
        _LOG.info("no pages are served: `http` in config.yaml is null")
    elif settings.process == "own":
        _LOG.info("pages are left to `rotator pages` (`http.process` in config.yaml)")
    else:
        from rotator.web.server import pages_server  # noqa: PLC0415 - a service without pages needs none of its libraries

        server = pages_server(
            service.pages, settings, environ=app.environ, alive=service.liveness, descriptors=descriptors
        )
        _LOG.info("pages are served", extra={"url": stack.enter_context(server).url})
        if len(app.settings.orgs) > PREPARED_FROM:
            service.pages.prepare = server.prepare
