"""Two installations that rotate one credential at once, by mistake: consumers never fail, and the store stays whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.errors import RotatorError, StoreError
from rotator.services.rotation.report import Outcome, Report
from tests.rotation.installations import Consumer, Observed, Second, Turns, second_installation, served
from tests.rotation.lineups import CONNECTED, EXTERNAL, HIDDEN, MIXED, OTHER_WORDS, Lineup
from tests.rotation.scenarios import SCENARIOS
from tests.rotation.watching import Promises, Scenario
from tests.tiers import standard_first, thorough

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rotation.ground import Ground
    from tests.rotation.places import Keys

IN_PLACE, ALTERNATING = (next(each for each in SCENARIOS if str(each) == name) for name in ("in place", "alternating"))


class ScenarioRun:
    """Two installations with one store and one org, before either has begun."""

    def __init__(self, ground: Ground, scenario: Scenario, second: Second, lineup: Lineup = CONNECTED) -> None:
        ground.begin(lineup=lineup)
        scenario.prepare(ground)
        self.ground, self.scenario, self.second = ground, scenario, second
        self.promises, self.consumer = Promises(ground, scenario), Consumer(ground, scenario.credential)
        self.before = ground.stages(scenario.credential)

    def watcher(self) -> Observed:
        return Observed(self.promises, self.consumer)

    def overtaken_before(self, place: str, *, after: str = "") -> list[Report | RotatorError]:
        """The second rotates, whole, before the first makes this call, for the first time after another if named."""
        ends, theirs = list[Report | RotatorError](), list[Report | RotatorError]()
        passed = {""}

        def overtake(name: str) -> None:
            passed.add(name)
            if name == place and after in passed and not theirs:
                with self.second.program(self.watcher()) as app:
                    theirs.append(served(self.scenario, app))

        watcher = self.watcher()
        watcher.before = overtake
        with self.ground.program(watcher) as app:
            ends.append(served(self.scenario, app))
        return ends + theirs

    def by_turns(self) -> list[Report | RotatorError]:
        """Each makes one call to store or org after the other."""
        turns = Turns()

        def run(number: int) -> Report | RotatorError:
            def take_turn(_name: str) -> None:
                turns.over(number)
                turns.wait(number)

            watcher = self.watcher()
            watcher.before = take_turn
            installation = (self.ground, self.second)[number]
            try:
                turns.wait(number)
                with installation.program(watcher) as app:
                    return served(self.scenario, app)
            finally:
                turns.ended(number)

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(run, range(2)))

    def check(self, ends: list[Report | RotatorError]) -> None:
        """One at least went through, whoever did not says what to do, and its next run ends well."""
        assert any(is_through(end) for end in ends), ends
        for end in ends:
            assert is_through(end) or end.hint, end
        for installation in (self.ground, self.second):
            with installation.program() as app:
                report = self.scenario.handle(app)
            assert report.outcome in {Outcome.ROTATED, Outcome.WAITING}, report
        self.promises.check()
        self.consumer.logs_in()
        stages = self.ground.stages(self.scenario.credential)
        current = self.ground.current(self.scenario.credential)
        assert stages.pending is None
        assert stages.current != self.before.current
        assert self.ground.live(current.app) == stages.current
        assert self.ground.kept(self.scenario.credential) == set(stages.fingerprints)


def is_through(end: Report | RotatorError) -> bool:
    return isinstance(end, Report) and end.outcome in {Outcome.ROTATED, Outcome.WAITING}


@pytest.fixture
def in_vault(_the_ground: Ground, keys_in_vault: Keys) -> Iterator[Second]:
    with second_installation(replace(_the_ground, keys=keys_in_vault)) as second:
        yield second


@pytest.fixture
def in_aws(_the_ground: Ground, keys_in_aws: Keys) -> Iterator[Second]:
    with second_installation(replace(_the_ground, keys=keys_in_aws)) as second:
        yield second


@pytest.mark.parametrize("place", standard_first(["store.read", "store.promote"], ["store.promote"]))
def test_who_is_overtaken_in_vault_leaves_the_other_ones_rotation_in_force(in_vault: Second, place: str) -> None:
    scenario_run = ScenarioRun(in_vault.ground, IN_PLACE, in_vault)
    scenario_run.check(scenario_run.overtaken_before(place))


@thorough
@pytest.mark.parametrize("place", ["store.put_pending", "org.replace_certificate"])
def test_who_is_overtaken_in_aws_leaves_the_other_ones_rotation_in_force(in_aws: Second, place: str) -> None:
    scenario_run = ScenarioRun(in_aws.ground, ALTERNATING, in_aws)
    scenario_run.check(scenario_run.overtaken_before(place))


@pytest.mark.parametrize(
    ("scenario", "lineup"),
    [
        (IN_PLACE, CONNECTED),
        pytest.param(IN_PLACE, HIDDEN, marks=thorough),
        pytest.param(IN_PLACE, EXTERNAL, marks=thorough),
        pytest.param(ALTERNATING, CONNECTED, marks=thorough),
    ],
    ids=str,
)
def test_who_is_overtaken_between_store_and_org_looks_again_before_a_person_is_called(
    in_vault: Second, scenario: Scenario, lineup: Lineup
) -> None:
    scenario_run = ScenarioRun(in_vault.ground, scenario, in_vault, lineup)
    ends = scenario_run.overtaken_before("org.read_all", after="store.read")
    assert all(is_through(end) for end in ends), ends
    scenario_run.check(ends)


@thorough
@pytest.mark.parametrize("lineup", [CONNECTED, MIXED], ids=str)
def test_of_two_that_take_turns_in_vault_one_goes_through_and_the_other_says_why_not(
    in_vault: Second, lineup: Lineup
) -> None:
    scenario_run = ScenarioRun(in_vault.ground, ALTERNATING, in_vault, lineup)
    through, stopped = scenario_run.by_turns()
    assert is_through(through)
    assert isinstance(stopped, StoreError)
    assert "warehouse has a pending version already" in stopped.message
    scenario_run.check([through, stopped])


@thorough
@pytest.mark.parametrize("lineup", standard_first([CONNECTED, HIDDEN, OTHER_WORDS], [CONNECTED]), ids=str)
def test_of_two_that_take_turns_in_aws_one_goes_through_and_the_other_says_why_not(
    in_aws: Second, lineup: Lineup
) -> None:
    scenario_run = ScenarioRun(in_aws.ground, IN_PLACE, in_aws, lineup)
    through, stopped = scenario_run.by_turns()
    assert is_through(through)
    assert isinstance(stopped, StoreError)
    assert "billing has a pending version already" in stopped.message
    scenario_run.check([through, stopped])
