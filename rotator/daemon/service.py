"""The service: what runs in which thread, what signals do, and what systemd is told.

    signals -> main thread        every second: was the clock set, does it tick, does a job hang; tells systemd
    tick    -> scheduler thread   LeaderLock: does this daemon lead? -> Dispatcher.dispatch(Cycle.due)
               job threads        one job each, only so many of a kind, never two of one key
               page threads       answers from the history

Where several machines share the jobs (`rotator.daemon.dispatch.shared_queue`) there are two more:

               queue worker       fetches what was asked for -> Service.job(kind, name) -> job threads
               heartbeat          says that this machine is there, and looks after those that do not

The service decides nothing: what is due, and when something that failed is tried again, says
`rotator.services.schedule.cycle` from the clock and the database. Nothing kept in memory is needed after a restart, so
no shutdown has to succeed. Inventories and deliveries are cut off as by a crash if they last; only a rotation is waited
for, until nothing is half done, by the rules that `rotate now` has for Ctrl-C. Threads are daemonic, and a process that
leaves some behind ends by `os._exit`.

Signals come in through a socket, and are read where the main thread waits: no handler interrupts anything.
"""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.daemon.configuration import changed, needs_restart, read_again, refusal_of, refused
from rotator.daemon.daemon_run import DaemonRun, PageSource
from rotator.daemon.dispatch.dispatcher import Threads
from rotator.daemon.leader import LeaderLock
from rotator.daemon.logs import tell_repeats
from rotator.daemon.rotation_log import RunningRotations
from rotator.daemon.scheduler import Scheduler
from rotator.daemon.signals import RELOAD
from rotator.daemon.watchdog import Watchdog
from rotator.daemon.workers import STOP_TIMEOUT, Running, Workers
from rotator.errors import HistoryError, RotatorError
from rotator.process import give_memory_back
from rotator.services.schedule.jobs import CycleEnd, JobKind

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping
    from typing import NoReturn

    from rotator.application import Application
    from rotator.config.settings import Settings
    from rotator.core.machines.fleet import Role
    from rotator.daemon.dispatch.dispatcher import Dispatcher
    from rotator.daemon.systemd import Notifier
    from rotator.services.schedule.jobs import Job
    from rotator.web.source import Liveness

_LOG: Final = logging.getLogger(__name__)

TIDIED_EVERY: Final = timedelta(minutes=1)
"""Memory is given back no more often: it takes a tenth of a second. The last jobs of a cycle leave the most behind."""

EXTENSION: Final = timedelta(minutes=1)
"""How much time is asked of systemd, again and again, while a rotation is being finished."""


CLOSED_WITHIN: Final = timedelta(seconds=5)
"""How long it may take to tell other machines how the last jobs have ended."""


class Service:
    """One daemon, from its first tick to its last."""

    def __init__(
        self,
        app: Application,
        notifier: Notifier,
        *,
        monotonic: Callable[[], float],
        random: Callable[[], float],
        exit_at_once: Callable[[CycleEnd], NoReturn],
        at_once: Mapping[JobKind, int] | None = None,
        share: Callable[[Threads], Dispatcher] | None = None,
    ) -> None:
        """`exit_at_once` ends the process, whatever its threads are doing (os._exit).

        `at_once` says of some kinds how many jobs run at once, whatever the configuration says. `share` makes the
        dispatcher, by the threads of this process, where other machines carry out jobs, too.
        """
        self._exit_at_once: Final = exit_at_once
        self._app: Final = app
        self._notifier: Final = notifier
        self._monotonic: Final = monotonic
        self._random: Final = random
        self._settings = app.settings
        self._latest = app
        self._daemon_run: DaemonRun | None = None
        self._rotations: Final = RunningRotations()
        self._at_once: Final = at_once or {}
        self._workers: Final = Workers({**slots_of(app.settings), **self._at_once}, monotonic=monotonic)
        threads = Threads(self._workers, self._rotations.job)
        self._dispatcher: Final[Dispatcher] = share(threads) if share else threads
        self._leader: Final = LeaderLock(does_all=self._dispatcher.role is None)
        self._scheduler: Final = Scheduler(self._tick, app.settings.daemon.tick, now=app.now, monotonic=monotonic)
        self._watchdog: Final = Watchdog(
            notifier, self._workers, is_ticking=lambda: self.liveness().is_alive, monotonic=monotonic
        )
        self._started_at: Final = app.now()
        self._stopping_since: float | None = None
        self._refusal: RotatorError | None = None
        self._is_untold = True
        self._is_untidy = False
        self._tidied_at = float("-inf")
        self._restart_for: list[str] = []
        self.pages: Final = PageSource()

    def run(self, next_signal: Callable[[float], signal.Signals | None]) -> None:
        """Runs until it is asked to stop. Asked twice, it ends at once."""
        pulse = self._notifier.pulse
        self._scheduler.start()
        self._dispatcher.start(self)
        self._notifier.ready(self._status())
        _LOG.info("started", extra=self._size())
        while not self._is_over():
            number = next_signal(pulse)
            if number is RELOAD:
                self._reload()
            elif number is not None:
                self._stop(number)
            self._check()
        self._scheduler.stop()
        self._dispatcher.close(CLOSED_WITHIN)
        self._leader.let_go()
        _LOG.info("ended")
        if self._workers.running:
            # A thread that is cut off must not run on while the interpreter shuts down around it.
            self._exit(CycleEnd.WELL)

    def liveness(self) -> Liveness:
        """What the process says of itself."""
        liveness = self._scheduler.liveness(
            self._started_at, is_working=self._leader.is_held, worker=self._leader.other
        )
        return replace(liveness, role=self._role, takes_jobs=self._dispatcher.takes_jobs)

    # For the dispatcher, from any thread.

    def job(self, kind: JobKind, name: str) -> Job | None:
        """See Surroundings."""
        daemon_run = self._daemon_run
        if daemon_run is None or self._stopping_since is not None:
            return None
        job = daemon_run.cycle.job(kind, name)
        if job is None:
            about = {"job": f"{kind.label} {name}", "hint": "Have all machines use the same config.yaml."}
            _LOG.warning("asked for what this configuration does not have", extra=about)
        return job

    def is_open(self) -> bool:
        """See Surroundings."""
        return self._daemon_run is not None and self._stopping_since is None

    def leads(self) -> bool:
        """See Surroundings."""
        return self._leader.is_held

    def tick_now(self) -> None:
        """See Surroundings."""
        self._scheduler.tick_now()

    # In the scheduler's thread.

    def _tick(self) -> None:
        if self._stopping_since is not None:
            if self._role is not None:
                # Another may lead while a rotation is waited for here: what it asks for goes on.
                self._leader.let_go()
            return
        daemon_run = self._daemon_run
        if daemon_run is None or daemon_run.context.settings is not self._settings:
            daemon_run = self._daemon_run = self._next_daemon_run()
            self.pages.show(daemon_run.pages(lambda: self._settings))
        leads = self._may_lead and self._leader.take(daemon_run.lead)
        if leads or self._role is not None:
            self._tell_of_configuration(daemon_run)
        if not leads:
            return
        self._dispatcher.dispatch(daemon_run.cycle.due)
        daemon_run.fleet_watch.look()

    def _next_daemon_run(self) -> DaemonRun:
        settings = self._settings
        if settings is not self._latest.settings:
            self._latest = self._latest.fork(settings=settings)
        return DaemonRun(self._latest, random=self._random, stop_asked=self._stop_asked, rotations=self._rotations)

    def _tell_of_configuration(self, daemon_run: DaemonRun) -> None:
        """A configuration that was refused is an alert, until another one is taken; each machine tells of its own."""
        if not self._is_untold:
            return
        refusal, now, alerting = self._refusal, self._app.now(), daemon_run.context.alerting
        machine = "" if self._role is None else socket.gethostname()
        if refusal:
            alerting.problem(refused(refusal, machine), now)
        else:
            alerting.solved(refusal_of(machine), "config.yaml was corrected and is in force.", now)
        self._is_untold = refusal is not self._refusal

    def _stop_asked(self) -> bool:
        """Asked by rotations. Where one daemon alone works, they also end when this one leads no more."""
        return self._stopping_since is not None or (self._role is None and not self._leader.is_held)

    @property
    def _role(self) -> Role | None:
        return self._dispatcher.role

    @property
    def _may_lead(self) -> bool:
        return self._role is None or self._role.may_lead

    # In the main thread.

    def _reload(self) -> None:
        if self._stopping_since is not None:
            return
        self._notifier.reloading(self._monotonic)
        try:
            settings = read_again(self._app)
        except RotatorError as error:
            self._refusal = error
            _LOG.error("the configuration was refused, the one before stays in force: %s", error.message)
        else:
            self._refusal = None
            self._put_in_force(settings)
        self._is_untold = True
        self._notifier.ready(self._status())

    def _put_in_force(self, settings: Settings) -> None:
        """Puts settings in force, from the next tick on; jobs that run end by those that they began with."""
        sections = changed(self._settings, settings)
        self._restart_for = needs_restart(changed(self._app.settings, settings))
        _LOG.info("the configuration was read again", extra={"changed": sections, "restart_for": self._restart_for})
        self._settings = settings
        self._dispatcher.change({**slots_of(settings), **self._at_once})
        self._scheduler.change(settings.daemon.tick)

    def _stop(self, number: signal.Signals) -> None:
        if self._stopping_since is not None:
            self._stop_at_once()
        self._stopping_since = self._monotonic()
        self._dispatcher.stop()
        self._scheduler.tick_now()
        status = self._status()
        self._notifier.stopping(status)
        _LOG.info(status, extra={"signal": number.name})

    def _stop_at_once(self) -> NoReturn:
        for status in self._rotations.statuses:
            hint = "`rotate finish`, or the next start, goes on from there."
            _LOG.warning("stopped at once: %s", status, extra={"hint": hint})
        self._exit(CycleEnd.INTERRUPTED)

    def _exit(self, end: CycleEnd) -> NoReturn:
        logging.shutdown()
        self._exit_at_once(end)

    def _is_over(self) -> bool:
        """Whether it may end now: rotations are waited for, other jobs for STOP_TIMEOUT."""
        if self._stopping_since is None or self._rotation_jobs():
            return False
        has_waited = self._monotonic() - self._stopping_since >= STOP_TIMEOUT.total_seconds()
        return has_waited or not self._workers.running

    def _check(self) -> None:
        tell_repeats()
        self._tidy_up()
        self._scheduler.pulse()
        self._notifier.status(self._status())
        makes_progress = self._watchdog.check(self._settings)
        if makes_progress and self._stopping_since is not None and self._rotation_jobs():
            self._notifier.extend(EXTENSION)

    def _tidy_up(self) -> None:
        """After jobs have run, and while none does, memory is given back: a cycle over many orgs needs more of it."""
        if self._workers.running:
            self._is_untidy = True
        elif self._is_untidy and self._monotonic() - self._tidied_at >= TIDIED_EVERY.total_seconds():
            self._is_untidy, self._tidied_at = False, self._monotonic()
            if self._daemon_run is not None:
                with suppress(HistoryError):
                    self._daemon_run.context.database.rest()
            give_memory_back()

    def _rotation_jobs(self) -> list[Running]:
        return [running for running in self._workers.running if running.job.kind is JobKind.ROTATE]

    def _status(self) -> str:
        """A line for `systemctl status`."""
        if self._stopping_since is not None:
            return f"stopping: {'; '.join(self._rotations.statuses) or 'nothing is half done'}"
        size = ", ".join(f"{kind} {count}" for kind, count in self._size().items())
        rotating = [f"rotating {name}" for name in self._rotations.credentials]
        led_by = [f"led by {self._leader.other}"] if self._leader.other else []
        if self._role is not None:
            told = [f"{self.liveness().part_of(self._role)}: {size}", *rotating, *led_by]
        elif self._leader.is_held:
            told = [f"working: {size}", *rotating]
        else:
            told = [f"standing by: {self._leader.other}" if self._leader.other else "starting"]
        told += [f"the last tick failed: {self._scheduler.problem}"] if self._scheduler.problem else []
        told += ["config.yaml is wrong, the one before it is in force"] if self._refusal else []
        told += [f"{section} in config.yaml counts from the next start" for section in self._restart_for]
        return "; ".join(told)

    def _size(self) -> dict[str, int]:
        settings = self._settings
        return {
            "orgs": len(settings.orgs),
            "credentials": len(settings.credentials),
            "channels": len(settings.alerts.channels),
        }


def slots_of(settings: Settings) -> dict[JobKind, int]:
    """How many jobs of a kind run at once, at the most. No channel waits for another."""
    daemon = settings.daemon
    return {
        JobKind.INVENTORY: daemon.orgs_at_once,
        JobKind.ROTATE: daemon.rotations_at_once,
        JobKind.DELIVER: max(1, len(settings.alerts.channels)),
        JobKind.HOOK: max(1, len(settings.hooks.after_rotation)),
    }
