"""Every store with every database: the same rotations, the same rules, wherever they die and however often.

What test_crashes.py does with files and SQLite for every request is done here for the other pairs, for a replacement
under either strategy: those pass through every call that a rotation makes to store and history. The requests that are
left out differ in what is decided, which is the same code over every pair; only the way back asks a store for more, and
is tried in each.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from tests.rotation.crashes import POINTS, crash_everywhere
from tests.rotation.scenarios import SCENARIOS

if TYPE_CHECKING:
    from tests.rotation.ground import Ground
    from tests.rotation.places import History, Keys
    from tests.rotation.watching import Scenario

PAIRS: Final = (
    ("files", "postgres"),
    ("vault", "sqlite"),
    ("vault", "postgres"),
    ("aws", "sqlite"),
    ("aws", "postgres"),
)

REPLACEMENTS: Final = [each for each in SCENARIOS if str(each) in {"in place", "alternating"}]
BACK: Final = next(each for each in SCENARIOS if str(each) == "in place, back")


@pytest.fixture(params=PAIRS, ids="-".join)
def pair(request: pytest.FixtureRequest) -> Ground:
    return _paired(request, *request.param)


@pytest.fixture(params=["vault", "aws"])
def keys_elsewhere(request: pytest.FixtureRequest) -> Ground:
    return _paired(request, request.param, "sqlite")


def _paired(request: pytest.FixtureRequest, store: str, database: str) -> Ground:
    ground: Ground = request.getfixturevalue("_the_ground")
    if store != "files":
        keys: Keys = request.getfixturevalue(f"keys_in_{store}")
        ground = replace(ground, keys=keys)
    if database != "sqlite":
        history: History = request.getfixturevalue(f"history_in_{database}")
        ground = replace(ground, history=history)
    ground.begin()
    return ground


def _crash_everywhere(ground: Ground, scenario: Scenario) -> None:
    crashes, programs = crash_everywhere(ground, scenario, then=scenario.handle)
    assert len(crashes.worlds) >= scenario.worlds
    assert crashes.points >= POINTS * programs


@pytest.mark.parametrize("scenario", REPLACEMENTS, ids=str)
def test_wherever_it_dies_and_however_often_the_same_request_ends_it(pair: Ground, scenario: Scenario) -> None:
    _crash_everywhere(pair, scenario)


def test_the_way_back_ends_too_wherever_it_dies_and_however_often(keys_elsewhere: Ground) -> None:
    _crash_everywhere(keys_elsewhere, BACK)
