"""How much there is to do, who does it, and an hour of it from beginning to end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core.machines.fleet import Role
from tests.several_machines.counts import counted
from tests.several_machines.hours import hour
from tests.several_machines.mishaps import Mishap, What, mishaps
from tests.several_machines.place import Size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tests.contract.servers.postgres import PostgresServer
    from tests.several_machines.counts import Counts

SMALL: Final = Size(orgs=5, apps=4, credentials=4, foreign=2, hold=1)
LARGE: Final = Size(orgs=300, apps=20, credentials=60, foreign=40, hold=5)

FEW: Final = (
    Mishap(What.KILL, after=1.0, lasts=1.0, choice=0.0),
    Mishap(What.STOP_LEADER, after=1.0, lasts=1.0, choice=0.0),
    # Where it was cut while the machine sends mail, others would send the rest of it two minutes later.
    Mishap(What.HOLD, after=1.0, lasts=1.0, choice=0.0),
)
MANY: Final = 10

MACHINES: Final = {
    "leader": Role.LEADER,
    "first": Role.BOTH,
    "second": Role.BOTH,
    "third": Role.WORKER,
}
FEW_MACHINES: Final = {"leader": Role.LEADER, "first": Role.BOTH, "third": Role.WORKER}
BEHIND: Final = "third"
"""The one whose network can fail, and whose config.yaml lacks what was added to it last: an org and a credential."""


def led(
    size: Size,
    machines: Mapping[str, Role],
    befalls: Sequence[Mishap],
    folder: Path,
    server: PostgresServer,
    tell: Callable[[str], object],
    *,
    within: float,
) -> Counts:
    """What came of an hour in which all this befalls the machines; all has to be done within so many seconds."""
    with hour(size, machines, BEHIND, folder, server, tell, older=BEHIND) as its:
        its.starts()
        its.passes(befalls, within=within)
        codes = its.exit_codes()
        its.consumers.stop()
        counts = counted(its, codes)
        tell("\n".join(f"{count:6}  {event}" for event, count in its.warnings()))
    tell(counts.table())
    return counts


def led_by(seed: int, folder: Path, server: PostgresServer, tell: Callable[[str], object]) -> Counts:
    """A large one, with the mishaps of a seed."""
    tell(f"seed {seed}")
    return led(LARGE, MACHINES, mishaps(seed, MANY), folder, server, tell, within=900)
