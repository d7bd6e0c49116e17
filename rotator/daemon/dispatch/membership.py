"""What a machine does every few seconds for as long as it lives: it says so, and looks after those that do not.

A machine that is silent is taken for lost. Its sessions are ended, so that no lock of a process that is stopped, or cut
off, keeps the others waiting; and whoever leads ends its jobs, which are asked for anew at once. A machine that may
lead and sees that nobody does asks for the lead at once, and not on its next tick.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.machines.fleet import CLOCK_TOLERANCE, HEARTBEAT, SILENT_AFTER
from rotator.errors import RotatorError
from rotator.history.locks.sessions import LostProcess, end_sessions
from rotator.queue.first_call import offer
from rotator.queue.machines import SilentMachine, ThisMachine
from rotator.queue.sweep import forget, sweep
from rotator.services.schedule.jobs import LEADER_LOCK
from rotator.tracebacks import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from rotator.core.machines.fleet import Role
    from rotator.daemon.dispatch.dispatcher import Surroundings
    from rotator.queue.jobs_database import JobsDatabase

_LOG: Final = logging.getLogger(__name__)

_BEATS_BETWEEN_TIDYINGS: Final = 30


class Membership:
    """The part of this process in that, in a thread of its own."""

    def __init__(
        self, jobs: JobsDatabase, role: Role, *, now: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        # A machine whose jobs wait for connections is not to be taken for lost: heartbeats wait for none of theirs.
        self._jobs: Final = jobs.apart()
        self._machine: Final = ThisMachine(self._jobs, role, now=now, monotonic=monotonic)
        self.id: Final = self._machine.id
        self._leaves: Final = threading.Event()
        self._thread: threading.Thread | None = None
        self._beats = 0
        self._silent: frozenset[SilentMachine] = frozenset()
        self._told = ""
        self._has_wrong_clock = False

    def start(self, surroundings: Surroundings, concurrency: Callable[[], Mapping[str, int]]) -> None:
        """Says from now on that it is there, and how many jobs of a kind it carries out at once."""

        def go_on() -> None:
            self._beat(surroundings, concurrency())
            while not self._leaves.wait(HEARTBEAT.total_seconds()):
                self._beat(surroundings, concurrency())

        self._thread = threading.Thread(target=go_on, name="heartbeat", daemon=True)
        self._thread.start()

    def leave(self, timeout: timedelta) -> None:
        """Says no more that it is there, and gives back what it has."""
        self._leaves.set()
        if self._thread:
            self._thread.join(timeout.total_seconds())
        try:
            self._machine.leave()
        except RotatorError as error:
            _LOG.warning("it could not take its leave: %s", error.message)
        self._jobs.close()

    def _beat(self, surroundings: Surroundings, concurrency: Mapping[str, int]) -> None:
        try:
            silent = self._machine.beat(leads=surroundings.leads(), concurrency=concurrency)
            self._tell_of_clock(self._machine.clock_off)
            # First of all: who carries out its jobs next needs the locks that it has.
            problem = self._end_sessions(frozenset(silent))
            if surroundings.leads():
                self._look_after(surroundings)
            elif self._machine.role.may_lead and not self._jobs.is_held(LEADER_LOCK):
                surroundings.tick_now()
            if problem:
                raise problem
        except RotatorError as error:
            self._tell(f"a heartbeat failed: {error.message}", hint=error.hint)
        except Exception as error:  # whatever is wrong with one beat, the others go by the next
            self._tell(f"a fault in a heartbeat, at {place_of(error)}: {type(error).__name__}")
        else:
            self._told = ""

    def _end_sessions(self, silent: frozenset[SilentMachine]) -> RotatorError | None:
        """Once for each: what is called as it was may be another process later. Gives why it could not be done."""
        new, self._silent = silent - self._silent, self._silent & silent
        if not new:
            return None
        with self._jobs.transaction() as connection:
            ended = end_sessions(
                connection, [LostProcess(each.pid, each.host, each.seen_at + SILENT_AFTER) for each in new]
            )
        self._silent |= new
        names = words.listed(sorted(f"process {each.pid} on {each.host}" for each in new))
        _LOG.warning("silent, and taken for lost: %s", names, extra={"ended_sessions": ended.ended})
        return ended.problem

    def _look_after(self, surroundings: Surroundings) -> None:
        with self._jobs.transaction() as connection:
            offer(connection)
        if not self._machine.may_judge:
            return
        lost = sweep(self._jobs)
        if lost:
            shown = words.listed([f"{kind} {name}".rstrip() for kind, name in lost])
            _LOG.warning("jobs whose machine was lost are asked for anew: %s", shown)
            surroundings.tick_now()
        self._beats += 1
        if self._beats % _BEATS_BETWEEN_TIDYINGS == 0:
            forget(self._jobs)

    def _tell_of_clock(self, off: timedelta) -> None:
        """When it begins to be wrong, and when that is over; whoever leads has people told."""
        is_wrong = abs(off) > CLOCK_TOLERANCE
        if is_wrong and not self._has_wrong_clock:
            hint = "Have it set by NTP (`timedatectl`): orgs refuse logins whose times are minutes off."
            _LOG.warning("the clock of this machine is %s", words.of_database(off), extra={"hint": hint})
        elif self._has_wrong_clock and not is_wrong:
            _LOG.info("the clock of this machine is right again")
        self._has_wrong_clock = is_wrong

    def _tell(self, trouble: str, *, hint: str = "") -> None:
        """Once, and not with every beat."""
        if trouble != self._told:
            _LOG.warning("%s", trouble, extra={"hint": hint} if hint else None)
        self._told = trouble
