"""An hour of several machines: they work on one place while mishaps befall them, until all is done."""

from __future__ import annotations

import heapq
import re
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final

from sqlalchemy import column, func, or_, select, table

from rotator.core import words
from rotator.core.secret import Secret
from rotator.history.engine.database import open_database
from rotator.history.journal.queries import rotations
from rotator.queue.jobs_database import JobsDatabase
from rotator.services.schedule.jobs import LEADER_LOCK
from rotator.simulator.serving.server import SimulatorServer, utc_now
from tests.contract.servers.mail import mail_server
from tests.contract.servers.postgres import migrated_scratch
from tests.several_machines.asked import asked_jobs
from tests.several_machines.consumers import Consumers
from tests.several_machines.counts import pending, told_of_rotations
from tests.several_machines.machines import Machine
from tests.several_machines.mishaps import What, chosen
from tests.several_machines.network import State, network
from tests.several_machines.place import PASSWORD, Place
from tests.several_machines.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from rotator.core.machines.fleet import Role
    from rotator.history.engine.database import Database
    from tests.contract.servers.mail import MailServer
    from tests.contract.servers.postgres import PostgresServer
    from tests.several_machines.asked import Key
    from tests.several_machines.mishaps import Mishap
    from tests.several_machines.place import Size

ACTIVITY: Final = table("pg_stat_activity", column("pid"), column("application_name"))

PERIOD: Final = 0.1
"""Seconds between two looks at what has come due."""

NOTHING_LEFT: Final = "rotations: 0, untold: 0, mails: 0"


@dataclass(frozen=True)
class Death:
    """A machine was killed, or stopped, with what it was at."""

    what: What
    at: float
    """By the monotonic clock."""
    wall: datetime
    pid: int
    jobs: frozenset[Key]
    """What it had taken and not ended."""
    lasts: float
    """Seconds until it is started again, or goes on."""


@dataclass
class Hour:
    """Everything that takes part."""

    place: Place
    machines: list[Machine]
    server: PostgresServer
    database: Database
    jobs: JobsDatabase
    watch: Watch
    consumers: Consumers
    mail: MailServer
    tell: Callable[[str], object]
    """Hears of each thing that happens, as it happens."""
    deaths: list[Death] = field(default_factory=list)
    befell: list[str] = field(default_factory=list)
    """What happened to whom, for people."""
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    _left: str = ""
    _later: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def starts(self) -> None:
        """Each machine begins."""
        for machine in self.machines:
            machine.start()

    def passes(self, mishaps: Sequence[Mishap], *, within: float) -> None:
        """Leads it to its end: all that befalls the machines, and then until all is done.

        Fails when that is not so within so many seconds.
        """
        self._waits(lambda: LEADER_LOCK in self._held(), within)
        for mishap in mishaps:
            self._pauses(mishap.after)
            self._waits(lambda mishap=mishap: self._befalls(mishap), within)  # type: ignore[misc] # bound at once
        self._waits(lambda: not self._later, within)
        self._waits(self._is_done, within)
        self.ended = time.monotonic()

    def exit_codes(self) -> dict[str, int | None]:
        """Asks all machines to end, and gives with what they did."""
        return {machine.name: machine.ends() for machine in self.machines}

    def open_rotations(self) -> list[str]:
        """Credentials that are not rotated yet."""
        done = {each.credential for each in rotations(self.database, limit=10_000) if each.outcome == "rotated"}
        return [each.name for each in self.place.credentials if each.name not in done]

    def warnings(self) -> list[tuple[str, int]]:
        """What the machines have warned of, and how often; numbers and names in it stand for others like it."""
        events = (str(each["event"]) for machine in self.machines for each in machine.logged_from("warning"))
        return Counter(re.sub(r"\d+", "N", event)[:160] for event in events).most_common()

    def _is_done(self) -> bool:
        left = f"rotations: {len(self.open_rotations())}, untold: {len(self._untold())}, mails: {self._mails()}"
        if left != self._left:
            self._left = left
            self._note(f"what is left: {left}")
        return left == NOTHING_LEFT

    def _mails(self) -> int:
        return len(pending(self.database))

    def _untold(self) -> list[str]:
        """Credentials of whose rotation nobody was told yet."""
        told = told_of_rotations(self.database)
        return [each.name for each in self.place.credentials if not told[each.name]]

    def _befalls(self, mishap: Mishap) -> bool:
        """Has it happen, if somebody is there for it; False where nobody is."""
        what = mishap.what
        if what is What.RESTART_POSTGRES:
            self._note(what.value)
            self.server.restart()
            return True
        if what is What.BREAK:
            return self._breaks_a_session(mishap)
        if what in {What.HOLD, What.CUT}:
            return self._network_fails(mishap)
        machine = self._whom(mishap)
        if machine is None:
            return False
        if what in {What.KILL, What.KILL_LEADER}:
            self._kills(mishap, machine)
        else:
            self._stops(mishap, machine)
        return True

    def _whom(self, mishap: Mishap) -> Machine | None:
        """A machine that it may befall: the leader, or a worker in the middle of its work.

        There is always another that leads, and another that works.
        """
        held = self._held()
        leads = held.pop(LEADER_LOCK, None)
        at_work = [machine for machine in self.machines if machine.is_up and machine.pid in held.values()]
        if mishap.what in {What.KILL_LEADER, What.STOP_LEADER}:
            able = [machine for machine in self.machines if machine.is_up and machine.pid == leads]
        elif at_work or self.open_rotations():
            able = [machine for machine in at_work if machine.pid != leads] or at_work
        else:
            able = [machine for machine in self.machines if machine.is_up]
        able = [machine for machine in able if self._can_do_without(machine)]
        name = chosen(mishap, [machine.name for machine in able]) if able else ""
        return next((machine for machine in able if machine.name == name), None)

    def _can_do_without(self, machine: Machine) -> bool:
        others = [each.role for each in self.machines if each.is_up and each is not machine and each.is_reached]
        return any(role.works for role in others) and any(role.may_lead for role in others)

    def _kills(self, mishap: Mishap, machine: Machine) -> None:
        # Stopped first, so that what is asked of the database is what it holds when it dies.
        machine.stop()
        self._note_death(mishap, machine)
        machine.kill()
        self._in(mishap.lasts, machine.start)

    def _stops(self, mishap: Mishap, machine: Machine) -> None:
        machine.stop()
        self._note_death(mishap, machine)
        self._in(mishap.lasts, machine.go_on)

    def _breaks_a_session(self, mishap: Mishap) -> bool:
        """Any one of a machine's, and none of those that watch it."""
        its = [f"rotator {machine.pid} %" for machine in self.machines if machine.pid]
        with self.jobs.transaction() as connection:
            called = ACTIVITY.c.application_name
            found = select(ACTIVITY.c.pid, called).where(or_(*(called.like(each) for each in its)))
            sessions = {str(row.pid): row.application_name for row in connection.execute(found)}
            if not sessions:
                return False
            session = chosen(mishap, [*sessions])
            connection.execute(select(func.pg_terminate_backend(int(session))))
        self._note(f"{mishap.what.value}: {sessions[session]}")
        return True

    def _network_fails(self, mishap: Mishap) -> bool:
        machine = next(machine for machine in self.machines if machine.network)
        net = machine.network
        assert net
        if not (machine.is_up and machine.is_reached and self._can_do_without(machine)):
            return False
        self._note(f"{mishap.what.value}: {machine.name}", mishap.lasts)
        net.becomes(State.HELD if mishap.what is What.HOLD else State.CUT)
        self._in(mishap.lasts, lambda: net.becomes(State.UP))
        return True

    def _note_death(self, mishap: Mishap, machine: Machine) -> None:
        at, pid = time.monotonic(), machine.pid
        assert pid
        jobs = frozenset(each.key for each in asked_jobs(self.jobs) if each.pid == pid and each.ended_at is None)
        self.deaths.append(Death(mishap.what, at, utc_now(), pid, jobs, mishap.lasts))
        at_what = words.listed(sorted(f"{kind} {count}" for kind, count in Counter(kind for kind, _ in jobs).items()))
        self._note(f"{mishap.what.value}: {machine.name}, which has {at_what or 'nothing'} to do", mishap.lasts)

    def _note(self, text: str, lasts: float = 0.0) -> None:
        for_long = f", for {lasts:.1f} s" if lasts else ""
        self.befell.append(f"{time.monotonic() - self.began:6.1f} s  {text}{for_long}")
        self.tell(self.befell[-1])

    def _held(self) -> dict[str, int]:
        return self.watch.now()

    def _in(self, seconds: float, do: Callable[[], object]) -> None:
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._numbers), do))

    def _pauses(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        self._waits(lambda: time.monotonic() >= until, seconds + 60)

    def _waits(self, is_so: Callable[[], bool], within: float) -> None:
        """Until something is so; what has come due meanwhile happens, and who ended by itself is started again."""
        until = time.monotonic() + within
        while not is_so():
            while self._later and self._later[0][0] <= time.monotonic():
                heapq.heappop(self._later)[2]()
            for machine in self.machines:
                if machine.has_ended_by_itself():
                    self._note(f"{machine.name} ended by itself, with {machine.ends()}")
                    self._in(1.0, machine.start)
            assert time.monotonic() < until, "\n".join(["it never came so far", *self.befell, *self._unfinished()])
            time.sleep(PERIOD)

    def _unfinished(self) -> Iterator[str]:
        yield f"open: {self.open_rotations()}; untold: {self._untold()}; mails pending: {self._mails()}"
        for machine in self.machines:
            yield f"{machine.name}: {[each['event'] for each in machine.events[-20:]]}"


@contextmanager
def hour(
    size: Size,
    roles: Mapping[str, Role],
    behind: str,
    folder: Path,
    server: PostgresServer,
    tell: Callable[[str], object],
    *,
    older: str = "",
) -> Iterator[Hour]:
    """Machines with these names and roles.

    One of them is `behind` a network that can fail, and one has an `older` config.yaml.
    """
    place = Place(folder, size)
    with ExitStack() as stack:
        mail = stack.enter_context(mail_server())
        orgs = stack.enter_context(SimulatorServer(place.orgs))
        place.is_served(orgs.ca_pem)
        url = stack.enter_context(migrated_scratch(server.url("postgres")))
        own = stack.enter_context(network())
        database = stack.enter_context(open_database(url, password=Secret(server.password)))
        jobs = JobsDatabase.of(database)
        assert jobs
        stack.callback(jobs.close)
        machines = []
        for name, role in roles.items():
            # One machine has a configuration of yesterday, as where it is brought to them one after the other.
            config = place.configured(name, url, mail, own if name == behind else None, is_older=name == older)
            environ = {PASSWORD: server.password, "XDG_STATE_HOME": str(folder / f"{name}.state")}
            machines.append(Machine(name, config, environ, role, own if name == behind else None))
            stack.callback(machines[-1].kill)
        watch = stack.enter_context(Watch(database, [each.name for each in place.credentials]))
        consumers = stack.enter_context(Consumers(place))
        yield Hour(place, machines, server, database, jobs, watch, consumers, mail, tell)
