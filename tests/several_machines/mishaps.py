"""What befalls the machines, at random by a seed: who has the seed has the same mishaps in the same order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence


class What(Enum):
    """What happens."""

    KILL = "kill -9 of a worker"
    KILL_LEADER = "kill -9 of the leader"
    STOP = "SIGSTOP of a worker"
    STOP_LEADER = "SIGSTOP of the leader"
    RESTART_POSTGRES = "Postgres restarted"
    BREAK = "a session with Postgres ended"
    HOLD = "network of a worker held"
    CUT = "network of a worker cut"


EACH: Final = (*What, What.KILL, What.STOP, What.BREAK, What.BREAK)
"""What happens in every hour at least; what hurts most twice."""


@dataclass(frozen=True)
class Mishap:
    """One of them."""

    what: What
    after: float
    """Seconds since the one before it."""
    lasts: float
    """Seconds until a machine that was killed is started again, one that was stopped goes on, a network is mended."""
    choice: float
    """From 0 to 1: which of those that it may befall."""


def mishaps(seed: int, number: int) -> list[Mishap]:
    """So many of them, each kind among them."""
    random = Random(seed)
    kinds = [*EACH, *random.choices([*What], k=max(0, number - len(EACH)))]
    random.shuffle(kinds)
    return [_mishap(what, random) for what in kinds]


def _mishap(what: What, random: Random) -> Mishap:
    # Some end before anybody could have noticed, some long after.
    return Mishap(
        what, random.uniform(2, 7), random.choice([random.uniform(1, 4), random.uniform(12, 25)]), random.random()
    )


def chosen(mishap: Mishap, of: Sequence[str]) -> str:
    """Which of several it befalls."""
    return sorted(of)[int(mishap.choice * len(of))]
