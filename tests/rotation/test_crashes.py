"""Wherever a rotation dies, and however often: running it again ends it, and every rule is kept at every moment.

A process that dies leaves the world as its last call to store, org or history left it. So each such world is kept and
gone on from, with the next process watched in the same way, until no crash leaves a world of a new kind: any number of
crashes in a row is covered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.rotation.crashes import POINTS, crash_everywhere
from tests.rotation.lineups import EXTERNAL, HIDDEN, HIDDEN_IN_OTHER_WORDS, MIXED, OTHER_WORDS, Lineup
from tests.rotation.scenarios import FINISH, OF_HIDDEN_APPS, SCENARIOS
from tests.rotation.watching import Scenario, handle
from tests.tiers import standard_first, thorough

if TYPE_CHECKING:
    from rotator.application import Application
    from rotator.services.rotation.report import Report
    from tests.rotation.ground import Ground

OF_EXTERNAL_APPS: Final = [
    *((EXTERNAL, each) for each in SCENARIOS),
    *((OTHER_WORDS, each) for each in SCENARIOS if each.credential == "billing"),
    *((MIXED, each) for each in SCENARIOS if each.credential == "warehouse"),
    *((HIDDEN, each) for each in OF_HIDDEN_APPS),
    *((HIDDEN_IN_OTHER_WORDS, each) for each in OF_HIDDEN_APPS),
]
STANDARD: Final = {(str(MIXED), "alternating, back"), (str(HIDDEN), "in place")}
IN_THE_MIDDLE: Final = [each for each in SCENARIOS if str(each) in {"in place", "alternating, compromised", "enroll"}]
FIRST: Final = {"in place", "alternating, compromised", "enroll", "restore", "finish after grace"}
SOME: Final = [each for each in SCENARIOS if str(each) in FIRST]
"""Scenarios with nearly each call to store, org and history that there is."""


@pytest.mark.parametrize("scenario", standard_first(SCENARIOS, SOME), ids=str)
def test_wherever_it_dies_and_however_often_the_same_request_ends_it(ground: Ground, scenario: Scenario) -> None:
    crashes, programs = crash_everywhere(ground, scenario, then=scenario.handle)
    assert len(crashes.worlds) >= scenario.worlds
    assert crashes.points >= POINTS * programs


@pytest.mark.parametrize(
    ("lineup", "scenario"),
    [
        pytest.param(*each, marks=() if tuple(map(str, each)) in STANDARD else thorough, id="-".join(map(str, each)))
        for each in OF_EXTERNAL_APPS
    ],
)
def test_it_is_the_same_with_external_client_apps(ground: Ground, lineup: Lineup, scenario: Scenario) -> None:
    ground.begin(lineup=lineup)
    crashes, programs = crash_everywhere(ground, scenario, then=scenario.handle)
    assert len(crashes.worlds) >= scenario.worlds
    assert crashes.points >= POINTS * programs


@thorough
@pytest.mark.parametrize("scenario", standard_first(IN_THE_MIDDLE, IN_THE_MIDDLE[1:2]), ids=str)
def test_whatever_was_begun_is_ended_by_finish_too(ground: Ground, scenario: Scenario) -> None:
    def then(app: Application) -> Report | None:
        is_begun = not ground.history_is_closed(scenario.credential)
        return handle(scenario.credential, FINISH)(app) if is_begun else None

    crash_everywhere(ground, scenario, then=then)
