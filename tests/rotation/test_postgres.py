"""Rotations whose history is in Postgres: the same promises, also when the server goes away in their middle."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

import pytest

from rotator.errors import HistoryUnavailable, RotationRunning
from rotator.history import queries
from rotator.history.locks import rotation_locks
from tests.contract.servers.postgres import PostgresServer, running_server
from tests.rotation.crashes import crash_everywhere
from tests.rotation.postgres_ground import Outage, PostgresGround, postgres_ground
from tests.rotation.scenarios import SCENARIOS
from tests.rotation.trials import Promises, Scenario, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from rotator.application import Application
    from rotator.services.reports import Report
    from tests.rotation.ground import Ground

    _T = TypeVar("_T")

BOTH_STRATEGIES: Final = [each for each in SCENARIOS if str(each) in {"in place", "alternating"}]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_server() as server:
        yield server


@pytest.fixture(scope="module")
def _with_postgres(_the_ground: Ground, server: PostgresServer) -> Iterator[PostgresGround]:
    with postgres_ground(_the_ground, server) as ground:
        yield ground


@pytest.fixture
def history_elsewhere(_with_postgres: PostgresGround) -> PostgresGround:
    _with_postgres.begin()
    return _with_postgres


class LosesItsLock(Watcher):
    """Another administrator ends the session that has the lock, before the call of one name."""

    def __init__(self, server: PostgresServer, before: str) -> None:
        self.server, self.before, self.calls = server, before, list[str]()

    def call(self, name: str, call: Callable[[], _T]) -> _T:
        self.calls.append(name)
        if name == self.before:
            locks = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1"
            self.server.administer(locks)
        return call()


@pytest.mark.parametrize("scenario", BOTH_STRATEGIES, ids=str)
def test_wherever_it_dies_the_same_request_ends_it(history_elsewhere: PostgresGround, scenario: Scenario) -> None:
    crashes, _ = crash_everywhere(history_elsewhere, scenario, then=scenario.serve)
    assert len(crashes.worlds) >= scenario.worlds


@pytest.mark.parametrize("scenario", BOTH_STRATEGIES, ids=str)
def test_wherever_the_server_goes_away_nothing_is_lost_and_the_next_run_ends_it(
    history_elsewhere: PostgresGround, server: PostgresServer, scenario: Scenario
) -> None:
    ground, stopped = history_elsewhere, 0
    for at in count(1):
        ground.begin()
        scenario.prepare(ground)
        promises = Promises(ground, scenario)
        outage = Outage(server, promises, at, at_once=at % 2 == len(scenario.credential) % 2)
        with ground.program(outage) as app:
            report = served_unless_the_history_is_away(scenario, app)
        stopped += report is None
        if outage.calls < at:
            break
        if not outage.at_once:
            server.start()
        if not (report and ground.history_is_closed(scenario.credential)):
            with ground.program() as app:
                report = scenario.serve(app)
        promises.check()
        scenario.check(ground, report)
        assert queries.verify(ground.database).intact
    assert stopped >= 5


def served_unless_the_history_is_away(scenario: Scenario, app: Application) -> Report | None:
    """The report, or None for a run that stopped and said why."""
    try:
        return scenario.serve(app)
    except HistoryUnavailable:
        return None


def test_who_has_lost_the_lock_does_nothing_more(history_elsewhere: PostgresGround, server: PostgresServer) -> None:
    ground = history_elsewhere
    (scenario,) = [each for each in SCENARIOS if str(each) == "in place"]
    scenario.prepare(ground)
    watcher = LosesItsLock(server, "org.replace_certificate")

    with ground.program(watcher) as app, pytest.raises(HistoryUnavailable, match="The lock on the credential billing"):
        scenario.serve(app)

    after = watcher.calls[watcher.calls.index("org.replace_certificate") + 1 :]
    assert not {"org.prove", "store.promote", "org.replace_certificate", "store.discard"} & set(after), after
    with ground.program() as app:
        scenario.check(ground, scenario.serve(app))


def test_two_machines_do_not_rotate_one_credential_at_once(history_elsewhere: PostgresGround) -> None:
    ground = history_elsewhere
    (scenario,) = [each for each in SCENARIOS if str(each) == "in place"]
    scenario.prepare(ground)
    before = ground.stages("billing")

    with rotation_locks(ground.database, ground.clock.now).hold("billing"), ground.program() as app:
        with pytest.raises(RotationRunning, match="is being rotated right now, by process"):
            scenario.serve(app)
        assert ground.stages("billing") == before
