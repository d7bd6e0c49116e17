"""Whether the service makes progress. While it does, systemd's watchdog is fed; one that hangs is started anew.

It makes progress when the scheduler ticks and no job has run for longer than the time limit of its kind. Each call to
an org, a store or a channel has a time-out of its own: a job of many calls that all end by theirs is slow, not hung,
and the limits are far above that.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.config.settings import Settings
    from rotator.daemon.systemd import Notifier
    from rotator.daemon.workers import Running, Workers

_LOG: Final = logging.getLogger(__name__)

_TIME_LIMITS: Final = {
    JobKind.INVENTORY: timedelta(hours=2),
    JobKind.EVALUATE: timedelta(minutes=30),
    JobKind.DELIVER: timedelta(hours=1),
    JobKind.AUDIT: timedelta(hours=2),
    JobKind.HOOK: timedelta(hours=1),
    JobKind.MAINTENANCE: timedelta(hours=2),
    JobKind.HEARTBEAT: timedelta(minutes=10),
}

_WITHOUT_VERIFYING: Final = timedelta(hours=1)


def time_limit(kind: JobKind, settings: Settings) -> timedelta:
    """How long a job of a kind may run.

    A new key that never logs in is tried for twice `verification.timeout`; then the old one is proven for as long.
    """
    if kind is not JobKind.ROTATE:
        return _TIME_LIMITS[kind]
    timeouts = [credential.verification.timeout for credential in settings.credentials.values()]
    return _WITHOUT_VERIFYING + 4 * max(timeouts, default=timedelta(0))


class Watchdog:
    """Checks the scheduler and the jobs that run, and feeds systemd's watchdog."""

    def __init__(
        self, notifier: Notifier, workers: Workers, *, is_ticking: Callable[[], bool], monotonic: Callable[[], float]
    ) -> None:
        """`is_ticking`: whether the scheduler has asked what is due not long ago."""
        self._notifier: Final = notifier
        self._workers: Final = workers
        self._is_ticking: Final = is_ticking
        self._monotonic: Final = monotonic
        self._fed_at = monotonic()
        self._hung: set[Running] = set()

    def check(self, settings: Settings) -> bool:
        """Whether the service makes progress; if so the watchdog is fed, four times as often as systemd demands."""
        self._look_for_hung_jobs(settings)
        makes_progress = self._is_ticking() and not self._hung
        if makes_progress:
            self._feed()
        return makes_progress

    def _look_for_hung_jobs(self, settings: Settings) -> None:
        hung = {
            each
            for each in self._workers.running
            if self._lasts(each) > time_limit(each.job.kind, settings).total_seconds()
        }
        for running in hung - self._hung:
            _LOG.error("it hangs: %s", running.job, extra={"for_seconds": round(self._lasts(running))})
        self._hung = hung

    def _lasts(self, running: Running) -> float:
        return self._monotonic() - running.since

    def _feed(self) -> None:
        watchdog, now = self._notifier.watchdog, self._monotonic()
        if watchdog and now >= self._fed_at + watchdog.total_seconds() / 4:
            self._fed_at = now
            self._notifier.alive()
