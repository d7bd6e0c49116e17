"""Rotations whose keys are in AWS: the same promises, whatever call the program dies at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.rotation.aws_ground import AwsRotationGround, aws_ground
from tests.rotation.crashes import POINTS, crash_everywhere
from tests.rotation.scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rotation.ground import Ground
    from tests.rotation.trials import Scenario

HERE: Final = [each for each in SCENARIOS if str(each) in {"in place", "in place, back", "alternating"}]


@pytest.fixture(scope="module")
def _with_aws(_the_ground: Ground) -> Iterator[AwsRotationGround]:
    with aws_ground(_the_ground) as ground:
        yield ground


@pytest.fixture
def keys_elsewhere(_with_aws: AwsRotationGround) -> AwsRotationGround:
    _with_aws.begin()
    return _with_aws


@pytest.mark.parametrize("scenario", HERE, ids=str)
def test_wherever_it_dies_and_however_often_the_same_request_ends_it(
    keys_elsewhere: AwsRotationGround, scenario: Scenario
) -> None:
    crashes, programs = crash_everywhere(keys_elsewhere, scenario, then=scenario.serve)
    assert len(crashes.worlds) >= scenario.worlds
    assert crashes.points >= POINTS * programs
