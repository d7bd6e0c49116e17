"""Wherever a rotation dies, however often, and whatever call fails: running it again ends it, and every rule is kept.

A process that dies leaves the world as its last call to store, org or history left it. So each such world is kept and
gone on from, with the next process watched in the same way, until no crash leaves a world of a new kind: any number of
crashes in a row is covered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.errors import RotatorError
from tests.rotation.scenarios import SCENARIOS
from tests.rotation.trials import Crashes, Failing, Promises, Scenario

if TYPE_CHECKING:
    from tests.rotation.ground import Ground

FEWEST_POINTS = {"restore": 60}
FEWEST_WORLDS = {"restore": 5}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_wherever_it_dies_and_however_often_the_same_request_ends_it(ground: Ground, scenario: Scenario) -> None:
    scenario.prepare(ground)
    promises = Promises(ground, scenario)
    promises.check()
    before = len(promises.ever)
    crashes = Crashes(ground, scenario, promises)
    crashes.note()
    while crashes.waiting:
        moment = crashes.waiting.pop()
        ground.go_back(moment)
        promises.ever = moment.ever
        with ground.program(crashes) as app:
            report = scenario.serve(app)
        scenario.check(ground, report)
        assert len(promises.ever) - before == scenario.made, "no version too many was made on the way"
    print(scenario.name, crashes.points, len(crashes.worlds))
