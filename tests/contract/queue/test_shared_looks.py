"""Three machines take turns to look at an org: all of it is read once a day, and not once a day by each."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Final

import pytest

from rotator.config.loading import parse
from rotator.core.kept import Kept
from rotator.history.engine.database import open_database
from rotator.queue.remembered import Remembered
from rotator.salesforce.session import Opened
from rotator.services.inventory.shared_looks import SharedLooks
from rotator.services.inventory.whole_looks import WholeLooks
from rotator.simulator.wire.faults import Kind
from tests.contract.history.databases import EMPTY
from tests.contract.servers.postgres import execute
from tests.tiers import thorough
from tests.unit.services.inventory.test_whole_looks import CONFIGURATION, HOUR, STEADY, World, told

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rotator.history.engine.database import Database
    from rotator.queue.jobs_database import JobsDatabase
    from rotator.salesforce.inventory.org_inventory import Inventory

MACHINES: Final = 3


@pytest.fixture
def world(history: Database, jobs: JobsDatabase, jobs_url: str, tmp_path: Path) -> World:
    jobs.open()
    execute(jobs_url, EMPTY)
    world = World(history, tmp_path / "config.yaml")
    world.add(20)
    return world


@pytest.fixture
def looks(world: World, tmp_path: Path) -> Callable[[], Inventory]:
    """Each look is of the next machine, with the session that it has."""
    settings = parse(CONFIGURATION, tmp_path / "config.yaml")
    remembered = Remembered(world.database)
    machines = cycle([(WholeLooks(settings, SharedLooks(remembered)), Kept[Opened](10)) for _ in range(MACHINES)])

    def look() -> Inventory:
        found, vars(world)["sessions"] = next(machines)
        # Often enough that no session of the three ends unused.
        return world.look(found, after=HOUR / MACHINES)

    return look


@thorough
def test_a_day_of_looks_by_three_reads_everything_once_and_proves_once_that_the_program_can_log_in(
    world: World, looks: Callable[[], Inventory]
) -> None:
    first = world.calls(lambda: [looks() for _ in range(MACHINES)])
    assert first[Kind.TOKEN] == MACHINES, "each has a session of its own"
    assert first[Kind.SOAP_READ] == 2
    day = world.calls(lambda: [looks() for _ in range(24 * MACHINES)])
    assert day == {Kind.TOKEN: 1, Kind.SOAP_LIST: 24 * MACHINES - 1 + 2, Kind.SOAP_READ: 2, Kind.DATA: 1}


def test_what_one_has_seen_the_next_tells_as_if_it_had_read_it(world: World, looks: Callable[[], Inventory]) -> None:
    seen = [told(looks()) for _ in range(MACHINES)]
    assert seen[0] == seen[1] == seen[2]
    world.org.put_certificate("App_03", world.certificates[1])
    changed = world.calls(looks)
    assert changed == {**STEADY, Kind.SOAP_READ: 1}
    assert [world.calls(looks) for _ in range(MACHINES)] == [STEADY] * MACHINES


def test_an_org_whose_dates_do_not_tell_is_read_whole_by_whoever_looks_next(
    world: World, looks: Callable[[], Inventory], tmp_path: Path
) -> None:
    for _ in range(MACHINES):
        looks()
    WholeLooks(parse(CONFIGURATION, tmp_path / "config.yaml"), SharedLooks(Remembered(world.database))).distrust(
        "production"
    )
    assert [world.calls(looks).get(Kind.SOAP_READ) for _ in range(MACHINES)] == [2, None, None]


def test_while_the_history_is_away_all_is_read(world: World, looks: Callable[[], Inventory], tmp_path: Path) -> None:
    looks()
    with open_database("postgresql://nobody@127.0.0.1:1/nowhere") as nowhere:
        here = WholeLooks(parse(CONFIGURATION, tmp_path / "config.yaml"), SharedLooks(Remembered(nowhere)))
        assert world.calls(lambda: world.look(here))[Kind.SOAP_READ] == 2
        here.distrust("production")
