"""The tick: every few seconds it is asked what is due, whatever happens to the clock. On APScheduler.

Of APScheduler only the tick is used, and two of its ways are worked around:

- It waits for a time on the wall clock by a monotonic time-out, measured when it begins to wait. A clock that is set
  back by an hour would stop it for an hour. So the main thread compares both clocks every second (`ClockWatch`), and
  has it tick at once.
- A trigger with a fixed rhythm makes up a list of every tick that a jump ahead has passed, a hundred million of them
  where a machine starts in 1970. Ours counts from the last tick (`EveryTick`).
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

# APScheduler 3 has no types.
from apscheduler.executors.pool import ThreadPoolExecutor  # type: ignore[import-untyped]
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]
from apscheduler.triggers.base import BaseTrigger  # type: ignore[import-untyped]

from rotator.errors import RotatorError
from rotator.tracebacks import place_of
from rotator.web.source import Liveness

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG: Final = logging.getLogger(__name__)
_TICK: Final = "tick"


CLOCK_TOLERANCE: Final = timedelta(seconds=2)
"""A smaller shift between two comparisons is the clock being slewed, or the machine being slow."""


class ClockWatch:
    """Compares the wall clock with the monotonic one, which nobody sets.

    The monotonic clock rests while the machine is suspended (clock_gettime(2), CLOCK_MONOTONIC), so that is seen as a
    step ahead.
    """

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._now: Final = now
        self._monotonic: Final = monotonic
        self._wall, self._steady = now(), monotonic()

    def shift(self) -> timedelta:
        """By how much the wall clock was set since this was last asked (ahead: positive); zero within the tolerance."""
        before, self._wall = self._wall, self._now()
        passed, self._steady = self._monotonic() - self._steady, self._monotonic()
        shift = self._wall - before - timedelta(seconds=passed)
        return shift if abs(shift) > CLOCK_TOLERANCE else timedelta(0)


class EveryTick(BaseTrigger):  # type: ignore[misc] # as above
    """Fires one tick after the last time, however many ticks the clock has jumped over."""

    def __init__(self, length: timedelta) -> None:
        self._length: Final = length

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """See apscheduler.triggers.base.BaseTrigger."""
        return now + self._length if previous_fire_time else now


class Scheduler:
    """Calls `ask` on every tick, in a thread of its own, and knows how that goes.

    What `ask` raises is logged and counted, and ends nothing.
    """

    def __init__(
        self, ask: Callable[[], None], tick: timedelta, *, now: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        self._ask: Final = ask
        self._now: Final = now
        self._monotonic: Final = monotonic
        self._watch: Final = ClockWatch(now, monotonic)
        self._ended = monotonic()
        self._began: float | None = None
        self.tick = tick
        self.ticked_at: datetime | None = None
        """When it last asked, by the wall clock."""
        self.lag = timedelta(0)
        """How much later than planned that was."""
        self.faults = 0
        """How often `ask` raised what nobody foresaw."""
        self.problem = ""
        """Why the last tick failed, in a person's words; empty when it did not."""
        # One thread: a tick is never asked for while another one lasts.
        self._ticking: Final = threading.Lock()
        self._asked_for_another = False
        self._jobs: Final = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None},
            timezone=UTC,
        )

    def start(self) -> None:
        """Asks at once, and then on every tick."""
        self._jobs.add_job(self._run, EveryTick(self.tick), id=_TICK)
        self._jobs.start()

    def stop(self) -> None:
        """Asks no more; returns when the last tick has ended."""
        if self._jobs.running:
            self._jobs.shutdown(wait=True)

    def change(self, tick: timedelta) -> None:
        """Ticks in another rhythm, beginning at once."""
        self.tick = tick
        self._jobs.reschedule_job(_TICK, trigger=EveryTick(tick))

    def pulse(self) -> None:
        """Ticks at once if the clock was set. To be called every second or so."""
        shift = self._watch.shift()
        if not shift:
            return
        _LOG.warning("the clock was set, or the machine slept", extra={"by_seconds": round(shift.total_seconds(), 1)})
        self.tick_now()

    def tick_now(self) -> None:
        """Ticks at once; where it does just now, once more as soon as that has ended. Any thread may ask for it."""
        self._asked_for_another = True
        if self._jobs.running and not self._ticking.locked():
            self._jobs.modify_job(_TICK, next_run_time=self._now())

    @property
    def since_tick(self) -> timedelta:
        """How long ago the last tick ended, or the start where none has, by the monotonic clock."""
        return timedelta(seconds=max(0.0, self._monotonic() - self._ended))

    def liveness(
        self, started_at: datetime, *, is_working: bool, only_reads: bool = False, worker: str = ""
    ) -> Liveness:
        """What the process says of itself, whose ticks these are."""
        return Liveness(
            started_at=started_at,
            ticked_at=self.ticked_at,
            since_tick=self.since_tick,
            tick=self.tick,
            lag=self.lag,
            is_working=is_working,
            only_reads=only_reads,
            worker=worker,
        )

    def _run(self) -> None:
        self._asked_for_another = True
        while self._asked_for_another:
            self._asked_for_another = False
            with self._ticking:
                self._tick_once()

    def _tick_once(self) -> None:
        self._measure_lag()
        self.ticked_at = self._now()
        try:
            self._ask()
        except RotatorError as error:
            self._note_problem(error)
        except Exception as error:  # a fault at one tick must not be the last tick
            self.faults += 1
            self.problem = f"A fault: {type(error).__name__}."
            _LOG.exception("a fault, at %s: %s", place_of(error), type(error).__name__)
        else:
            self.problem = ""
        self._ended = self._monotonic()

    def _note_problem(self, error: RotatorError) -> None:
        """Logged when it is news, not on every tick."""
        if error.message != self.problem:
            _LOG.warning("what is due could not be found out: %s", error.message, extra={"hint": error.hint})
        self.problem = error.message

    def _measure_lag(self) -> None:
        before, self._began = self._began, self._monotonic()
        late = timedelta(seconds=self._began - before) - self.tick if before is not None else timedelta(0)
        self.lag = max(late, timedelta(0))
