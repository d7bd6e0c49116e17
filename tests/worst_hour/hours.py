"""The hour: lives side by side on machines, each ending badly and followed by more, and what is asked in between."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

from rotator.core.decision.policies import Strategy
from rotator.simulator.serving.server import SimulatorServer
from tests.worst_hour.consumers import PlainConsumer
from tests.worst_hour.lives import Life
from tests.worst_hour.machines import Machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.contract.servers.mail import MailServer
    from tests.worst_hour.endings import Ending

HOUR: Final = timedelta(hours=1)
BAD_ENDING: Final = "a bad ending"
"""Name of what all the others follow."""


class Following(Enum):
    """What comes after a rotation that ended badly."""

    NOTHING = "nothing"
    CRASH = "a crash"
    FORWARD = "a clock set by +1 h"
    BACK = "a clock set by -1 h"
    AGAIN = "a second halt"
    MENDED = "a mend by hand"


@dataclass(frozen=True)
class Plan:
    """One machine: what comes after the bad ending of each of its rotations, one after the other."""

    name: str
    followings: tuple[Following, ...]
    rotations: tuple[tuple[type[Ending], Strategy], ...]

    @property
    def moments(self) -> tuple[str, ...]:
        """When everything is asked what it says."""
        followings = tuple(each.value for each in self.followings)
        end = () if Following.MENDED in self.followings[-1:] else (Following.MENDED.value,)
        return (BAD_ENDING, *followings, *end)


@dataclass
class Hour:
    """A machine with its lives."""

    plan: Plan
    machine: Machine
    lives: list[Life] = field(default_factory=list)

    def begins(self) -> None:
        """Each rotation ends badly."""
        self._each(lambda life: life.run("now", life.name, "--json"))

    def follows(self, what: Following) -> None:
        """What comes next."""
        match what:
            case Following.NOTHING:
                pass
            case Following.CRASH:
                self._each(lambda life: life.run_and_kill("now", life.name, "--json"))
            case Following.FORWARD:
                self._with_clock_set(HOUR)
            case Following.BACK:
                self._with_clock_set(-HOUR)
            case Following.AGAIN:
                self._each(lambda life: life.run("now", life.name, "--json"))
            case Following.MENDED:
                self.ends()

    def ends(self) -> None:
        """All is mended, the clock too where it was set back, and each is finished."""
        if self.machine.off < timedelta(0):
            self.machine.set_clock(timedelta(0))
        self._each(Life.end)

    def _with_clock_set(self, off: timedelta) -> None:
        """One more try, in the middle of which the clock of the machine is set."""
        with ThreadPoolExecutor(len(self.lives)) as pool:
            tries = [pool.submit(life.run, "now", life.name, "--json") for life in self.lives]
            while not all(life.has_come.is_set() or each.done() for life, each in zip(self.lives, tries, strict=True)):
                time.sleep(0.01)
            self.machine.set_clock(off)
            for each in tries:
                each.result()

    def _each(self, do: Callable[[Life], object]) -> None:
        with ThreadPoolExecutor(len(self.lives)) as pool:
            for each in [pool.submit(do, life) for life in self.lives]:
                each.result()


def led(all_of: Sequence[Hour], ask: Callable[[Hour, str], None] = lambda _hour, _when: None) -> None:
    """Leads them side by side to their end. `ask` is called after each thing that happened, with its name."""

    def lead(hour: Hour) -> None:
        hour.begins()
        ask(hour, BAD_ENDING)
        for following in hour.plan.followings:
            hour.follows(following)
            ask(hour, following.value)
        if hour.plan.followings[-1:] != (Following.MENDED,):
            hour.ends()
            ask(hour, Following.MENDED.value)

    with ThreadPoolExecutor(len(all_of)) as pool:
        for each in [pool.submit(lead, hour) for hour in all_of]:
            each.result()


@contextmanager
def hours(plans: Sequence[Plan], folder: Path, mail: MailServer) -> Iterator[list[Hour]]:
    """The hours of several machines side by side, with consumers that log in all the time; `mail` takes their mail."""
    channel = {
        "type": "email",
        "host": "127.0.0.1",
        "port": mail.port,
        "security": "none",
        "sender": "rotator@example.com",
        "to": ["people@example.com"],
        "digest_from": 100,
    }
    made = [_hour(plan, folder / plan.name) for plan in plans]
    lives = [life for hour in made for life in hour.lives]
    with SimulatorServer([life.org for life in lives]) as server, ExitStack() as consumers:
        for hour in made:
            (hour.machine.folder / "ca.pem").write_text(server.ca_pem)
            for life in hour.lives:
                life.is_served(hour.machine.folder)
            hour.machine.furnish(hour.lives, alerts={"channels": {"mail": channel}})
            assert hour.machine.start("rotator", "db", "upgrade").ran().code == 0
            for life in hour.lives:
                current, ca = life.store_folder / life.name / "current", hour.machine.folder / "ca.pem"
                life.consumer = consumers.enter_context(PlainConsumer(current, ca, life.waited))
        yield made


def _hour(plan: Plan, folder: Path) -> Hour:
    folder.mkdir(mode=0o700)
    hour = Hour(plan, Machine(folder))
    for ending, strategy in plan.rotations:
        name = f"{ending.__name__.lower()}-{'one' if strategy is Strategy.IN_PLACE else 'pair'}"
        hour.lives.append(Life(name, strategy, ending(), hour.machine))
    return hour
