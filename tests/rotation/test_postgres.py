"""Rotations whose history is in Postgres: the same promises, also when the server goes away in their middle."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Final

import pytest

from rotator.errors import HistoryUnavailable, LockLost, RotationRunning
from rotator.history.engine.database import open_database
from rotator.history.journal import queries, verification
from tests.rotation.lineups import CONNECTED
from tests.rotation.outages import Ends, LosesItsLock, Outage
from tests.rotation.scenarios import SCENARIOS
from tests.rotation.watching import CHANGES, Promises, Scenario
from tests.tiers import thorough

if TYPE_CHECKING:
    from rotator.application import Application
    from rotator.services.rotation.report import Report
    from tests.contract.servers.postgres import PostgresServer
    from tests.rotation.ground import Ground
    from tests.rotation.places import Keys
    from tests.rotation.postgres_history import PostgresHistory

BOTH_STRATEGIES: Final = [each for each in SCENARIOS if str(each) in {"in place", "alternating"}]
IN_PLACE: Final = BOTH_STRATEGIES[0]
BEGUN: Final = 2
"""The call that writes down that a rotation has begun: before it there is nothing to go on with."""


@pytest.fixture
def ground(_the_ground: Ground, history_in_postgres: PostgresHistory) -> Ground:
    ground = replace(_the_ground, history=history_in_postgres)
    ground.begin(lineup=CONNECTED)
    return ground


@pytest.fixture
def with_every_store(ground: Ground, keys_in_vault: Keys, keys_in_aws: Keys) -> list[Ground]:
    """The same history beside each store, in the order in which they are tried; files are the fastest."""
    return [ground, replace(ground, keys=keys_in_vault), ground, replace(ground, keys=keys_in_aws)]


@thorough
@pytest.mark.parametrize("scenario", BOTH_STRATEGIES, ids=str)
def test_wherever_the_server_goes_away_nothing_is_lost_and_the_run_or_the_next_one_ends_it(
    with_every_store: list[Ground], postgres_server: PostgresServer, scenario: Scenario
) -> None:
    ends, tried, stopped = list(Ends), set[Ends](), 0
    # By a multiple of their number it would be the same end each time.
    for at in count(1):
        ground = with_every_store[at // len(ends) % len(with_every_store)]
        ground.begin()
        scenario.prepare(ground)
        promises = Promises(ground, scenario)
        outage = Outage(postgres_server, promises, at, ends[(at + len(scenario.credential)) % len(ends)])
        with ground.program(outage) as app:
            app.sleep = outage.sleep
            report = served_unless_the_history_is_away(scenario, app)
        stopped += report is None
        if outage.calls < at:
            break
        assert report or outage.ends is Ends.AFTER_THE_RUN or (at <= BEGUN and outage.ends is not Ends.AT_ONCE)
        tried.add(outage.ends)
        outage.end()
        if not (report and ground.history_is_closed(scenario.credential)):
            with ground.program() as app:
                report = scenario.handle(app)
        promises.check()
        scenario.check(ground, report)
        assert verification.verify(ground.database).intact
    assert tried == set(Ends)
    assert stopped >= 3


def served_unless_the_history_is_away(scenario: Scenario, app: Application) -> Report | None:
    """The report, or None for a run that stopped and said why."""
    try:
        return scenario.handle(app)
    except HistoryUnavailable:
        return None


def test_who_has_lost_the_lock_takes_it_again_looks_afresh_and_goes_on(
    ground: Ground, postgres_server: PostgresServer
) -> None:
    IN_PLACE.prepare(ground)
    watcher = LosesItsLock(postgres_server, "org.replace_certificate")

    with ground.program(watcher) as app:
        report = IN_PLACE.handle(app)

    IN_PLACE.check(ground, report)
    assert any("was lost" in warning for warning in report.warnings)
    after = watcher.afterwards
    assert (
        after.index("store.stages")
        < after.index("org.read_all")
        < after.index("org.prove")
        < after.index("store.promote")
    )


def test_who_has_lost_the_lock_to_somebody_else_does_nothing_more(
    ground: Ground, postgres_server: PostgresServer, history_in_postgres: PostgresHistory
) -> None:
    IN_PLACE.prepare(ground)
    with ExitStack() as another, open_database(history_in_postgres.url) as their_history:
        locks = their_history.rotation_locks(lambda: ground.clock.now() + timedelta(hours=1))
        watcher = LosesItsLock(
            postgres_server, "org.replace_certificate", lambda: another.enter_context(locks.hold("billing"))
        )
        with ground.program(watcher) as app, pytest.raises(HistoryUnavailable, match="The lock on the credential"):
            IN_PLACE.handle(app)

    assert set(watcher.afterwards) & CHANGES == {"history.record"}
    with ground.program() as app:
        IN_PLACE.check(ground, IN_PLACE.handle(app))


@thorough
def test_of_two_machines_that_lose_the_lock_one_after_the_other_one_ends_the_rotation(
    ground: Ground, postgres_server: PostgresServer
) -> None:
    IN_PLACE.prepare(ground)
    promises = Promises(ground, IN_PLACE)
    theirs: list[Report] = []

    def another() -> None:
        with ground.program(LosesItsLock(postgres_server, "store.promote")) as app:
            theirs.append(IN_PLACE.handle(app))

    loser = LosesItsLock(postgres_server, "org.replace_certificate", another)
    with ground.program(loser) as app, pytest.raises(LockLost, match="The lock on the credential billing"):
        IN_PLACE.handle(app)

    promises.check()
    IN_PLACE.check(ground, theirs[0])
    assert len(queries.rotations(ground.database)) == 1


def test_two_machines_do_not_rotate_one_credential_at_once(ground: Ground) -> None:
    IN_PLACE.prepare(ground)
    before = ground.stages("billing")

    with ground.database.rotation_locks(ground.clock.now).hold("billing"), ground.program() as app:
        with pytest.raises(RotationRunning, match="is being rotated right now, by process"):
            IN_PLACE.handle(app)
        assert ground.stages("billing") == before
