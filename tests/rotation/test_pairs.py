"""Every store with every database: the same rotations, the same rules, wherever they die and however often.

What test_crashes.py does with files and SQLite for every request is done here for the other stores and databases, for a
replacement under either strategy: those pass through every call that a rotation makes to store and history. Neither
knows the other, so where both are others than there one strategy is enough, and tests/end_to_end/test_pairs.py tries
both. The requests that are left out differ in what is decided, which is the same code over every pair; only the way
back asks a store for more, and is tried in each, in the thorough tier.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from tests.rotation.crashes import POINTS, crash_everywhere
from tests.rotation.lineups import CONNECTED, EXTERNAL, HIDDEN, HIDDEN_IN_OTHER_WORDS, MIXED, Lineup
from tests.rotation.scenarios import SCENARIOS
from tests.tiers import thorough

if TYPE_CHECKING:
    from tests.rotation.ground import Ground
    from tests.rotation.places import History, Keys
    from tests.rotation.watching import Scenario

PAIRS: Final = (
    ("files", "postgres", "in place", CONNECTED),
    ("files", "postgres", "alternating", MIXED),
    ("vault", "sqlite", "in place", CONNECTED),
    ("vault", "sqlite", "alternating", MIXED),
    ("vault", "postgres", "in place", HIDDEN_IN_OTHER_WORDS),
    ("aws", "sqlite", "in place", EXTERNAL),
    ("aws", "sqlite", "alternating", CONNECTED),
    ("aws", "postgres", "alternating", MIXED),
    ("aws", "sqlite", "in place", HIDDEN),
)
"""And in each store the keys of either kind of app: a store knows them by their names alone."""

NAMED: Final = {str(each): each for each in SCENARIOS}


@pytest.fixture(params=["vault", "aws"])
def keys_elsewhere(request: pytest.FixtureRequest) -> Ground:
    return _paired(request, request.param, "sqlite", CONNECTED)


def _paired(request: pytest.FixtureRequest, store: str, database: str, lineup: Lineup) -> Ground:
    ground: Ground = request.getfixturevalue("_the_ground")
    if store != "files":
        keys: Keys = request.getfixturevalue(f"keys_in_{store}")
        ground = replace(ground, keys=keys)
    if database != "sqlite":
        history: History = request.getfixturevalue(f"history_in_{database}")
        ground = replace(ground, history=history)
    ground.begin(lineup=lineup)
    return ground


def _crash_everywhere(ground: Ground, scenario: Scenario) -> None:
    crashes, programs = crash_everywhere(ground, scenario, then=scenario.handle)
    assert len(crashes.worlds) >= scenario.worlds
    assert crashes.points >= POINTS * programs


@thorough
@pytest.mark.parametrize(
    ("store", "database", "name", "lineup"),
    PAIRS,
    ids=str,
)
def test_wherever_it_dies_and_however_often_the_same_request_ends_it(
    request: pytest.FixtureRequest, store: str, database: str, name: str, lineup: Lineup
) -> None:
    _crash_everywhere(_paired(request, store, database, lineup), NAMED[name])


@thorough
def test_the_way_back_ends_too_wherever_it_dies_and_however_often(keys_elsewhere: Ground) -> None:
    _crash_everywhere(keys_elsewhere, NAMED["in place, back"])
